import type { ServicesList } from "@iot-esim/shared/messages/pe/profile-header";
import { childByFid, contentsOf, type FileId, type FileSystem, setContents } from "./file-system.ts";

type Service = keyof ServicesList;

/** Services of EF.UST and EF.IST that need something of the card, by the name of that in the profile header. */
const TABLES: Readonly<
	Record<string, { readonly fid: number; readonly needs: readonly (readonly [number, Service])[] }>
> = {
	"adf-usim": {
		fid: 0x6f38,
		needs: [
			[68, "gba-usim"],
			[69, "mbms"],
			[125, "get-identity"],
		],
	},
	"adf-isim": { fid: 0x6f07, needs: [[2, "gba-isim"]] },
};

/**
 * Clears the bits of services that the card cannot carry out (TCA PE-USIM, ef-ust; PE-ISIM, ef-ist). What the profile
 * header demands was checked before, so only what is not demanded is left to clear.
 */
export function clearUnsupportedServices(fs: FileSystem, supported: ReadonlySet<Service>): void {
	for (const [id, file] of fs.files.entries()) {
		const table = file.kind === "adf" ? TABLES[file.name] : undefined;
		const services = table?.needs.flatMap(([number, service]) => (supported.has(service) ? [] : [number]));
		if (table && services) clearBits(fs, childByFid(fs, id, table.fid), services);
	}
}

function clearBits(fs: FileSystem, id: FileId | undefined, services: readonly number[]): void {
	if (id === undefined) return;
	const contents = contentsOf(fs, id).slice();
	for (const service of services) {
		const at = (service - 1) >> 3;
		if (at < contents.length) contents[at] = (contents[at] as number) & ~(1 << ((service - 1) & 7));
	}
	setContents(fs, id, contents);
}
