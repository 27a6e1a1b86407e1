import { decodeKept } from "@iot-esim/shared/asn1/schema";
import { decodeLenient } from "@iot-esim/shared/messages/sgp32/deviations";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp32/notifications";
import type { Device } from "../domain/device.ts";
import { acceptDownloadResult, acceptInstallation } from "./download-result.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { acceptEuiccPackageResult } from "./euicc-package-result.ts";

/**
 * Looks again at results that could not be verified when they came.
 * @returns sequence numbers that may be acknowledged now
 */
export async function verifyKeptResults(context: EsipaContext, device: Device): Promise<readonly number[]> {
	if (context.keys.of(device).kind !== "known") return [];
	const acknowledged: number[] = [];
	for (const { bytes, operationId } of await context.store.listResults(device.eid, "kept")) {
		// The token may have been proven by the result before.
		const current = (await context.store.loadDevice(device.eid)) ?? device;
		if (bytes[1] === 0x51) {
			const accepted = await acceptEuiccPackageResult(context, current, {
				value: decodeLenient(EuiccPackageResult, bytes).value,
				der: bytes,
			});
			if (accepted.kind === "accepted") acknowledged.push(...accepted.seqNumbers);
		} else if (bytes[1] === 0x37) {
			const operation = operationId === undefined ? undefined : await context.store.loadOperation(operationId);
			await acceptInstallation(context, current, decodeKept(ProfileInstallationResult, bytes), { bytes, operation });
		} else await acceptDownloadResult(context, current, bytes);
	}
	return acknowledged;
}
