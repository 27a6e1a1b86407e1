import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import { SmdpError } from "./errors.ts";
import { profileFromFile } from "./orders/import-profile.ts";
import { Inventory } from "./orders/inventory.ts";
import type { ProfileRecord } from "./orders/profile-record.ts";

/**
 * Takes the file into the inventory of a state folder. The profile is new to it, so a running SM-DP+ only finds one more.
 * @throws SmdpError SMDP_OPTION when there is no such file, and as profileFromFile and Inventory.add
 */
export function importFile(
	file: string,
	options: { readonly dir: string; readonly address: string; readonly profileType?: string },
	clock: Clock,
): ProfileRecord {
	if (!existsSync(file)) throw new SmdpError("SMDP_OPTION", `there is no file ${file}`);
	const sidecar = `${file}.yaml`;
	const profile = profileFromFile({
		fileName: basename(file),
		contents: new Uint8Array(readFileSync(file)),
		smdpAddress: options.address,
		...(existsSync(sidecar) ? { sidecar: readFileSync(sidecar, "utf8") } : {}),
		...(options.profileType === undefined ? {} : { profileType: options.profileType }),
	});
	return new Inventory(options.dir, clock).add(profile);
}
