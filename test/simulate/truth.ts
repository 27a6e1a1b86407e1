import { decode } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { PendingNotification } from "@iot-esim/shared/messages/sgp32/notifications";
import type { CardMemory } from "./card-memory.ts";

/** What the card did with a package, from what it has signed. */
export type PackageTruth = "succeeded" | "failed" | "rolled-back";

/** What the card says of itself, over the whole run. */
export interface CardTruth {
	/** By counter value. */
	readonly packages: ReadonlyMap<number, PackageTruth>;
	/** Profiles whose installation the card has signed as a success. */
	readonly installed: ReadonlySet<string>;
}

/** Reads all that the card has ever kept. */
export function truthOf(memory: CardMemory): CardTruth {
	const packages = new Map<number, PackageTruth>();
	const installed = new Set<string>();
	for (const { kind, der } of memory.written) {
		if (kind === "package-result") {
			const found = packageTruth(der);
			if (found !== undefined) packages.set(found.counter, found.truth);
		} else {
			const iccid = installedIccid(der);
			if (iccid !== undefined) installed.add(iccid);
		}
	}
	return { packages, installed };
}

/** Counter and end of a signed result; undefined for a signed error. */
export function packageTruth(der: Uint8Array): { counter: number; truth: PackageTruth } | undefined {
	const result = decode(EuiccPackageResult, der);
	if (!("euiccPackageResultSigned" in result)) return undefined;
	const { counterValue, euiccResult } = result.euiccPackageResultSigned.euiccPackageResultDataSigned.value;
	const entries = euiccResult.flatMap((member) => Object.entries(member) as [string, unknown][]);
	const isRolledBack = entries.some(([name, code]) => name === "rollbackResult" && code === 0);
	const isFailed = entries.some(([name, code]) =>
		name === "listProfileInfoResult"
			? !("profileInfoListOk" in (code as object))
			: typeof code === "number" && code !== 0,
	);
	return { counter: counterValue, truth: isRolledBack ? "rolled-back" : isFailed ? "failed" : "succeeded" };
}

function installedIccid(der: Uint8Array): string | undefined {
	const pending = decode(PendingNotification, der);
	if (!("profileInstallationResult" in pending)) return undefined;
	const { notificationMetadata, finalResult } = pending.profileInstallationResult.profileInstallationResultData.value;
	if (!("successResult" in finalResult) || notificationMetadata.iccid === undefined) return undefined;
	return Iccid.fromBytes(notificationMetadata.iccid);
}
