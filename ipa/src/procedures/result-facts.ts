import { createHash } from "node:crypto";
import { decode } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { EuiccPackageRequest } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { PendingNotification } from "@iot-esim/shared/messages/sgp32/notifications";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { PackageFacts } from "../state/device-state.ts";
import type { PackageOutcome } from "./ipa-event.ts";

/** What the IPA may see of a package; the rest is between eIM and eUICC. */
export interface PackageSight extends Omit<PackageFacts, "enabledBeforeHex"> {
	readonly hasPsmo: boolean;
	readonly hasEco: boolean;
	/** ICCID of the profile to be enabled. */
	readonly enablesHex: string | undefined;
}

/** What the IPA may see of a result. */
export interface ResultSight {
	readonly outcome: PackageOutcome;
	readonly eimId: string | undefined;
	readonly counterValue: number | undefined;
	readonly seqNumber: number | undefined;
	/** Code of a signed error. */
	readonly errorCode: number | undefined;
	/** Members of euiccResult with their codes, as "enableResult 0". */
	readonly results: readonly string[];
	/** A profile was enabled or disabled, or a rollback took place: the card goes through a REFRESH. */
	readonly hasSwitched: boolean;
	readonly hasEnabled: boolean;
	readonly hasRolledBack: boolean;
	/** The list of profiles or their states changed. */
	readonly hasChangedProfiles: boolean;
}

const OK = 0;
const CHANGES = ["enableResult", "disableResult", "deleteResult", "rollbackResult"];

/** A package that cannot be read is still loaded: the card is its judge. Nothing is assumed of it then. */
export function sightOfPackage(der: Uint8Array): PackageSight {
	const packageHash = toHex(createHash("sha256").update(der).digest());
	try {
		const { eimId, counterValue, eimTransactionId, euiccPackage } = decode(EuiccPackageRequest, der).euiccPackageSigned
			.value;
		const psmos = "psmoList" in euiccPackage ? euiccPackage.psmoList : [];
		const enable = psmos.flatMap((psmo) => ("enable" in psmo ? [psmo.enable] : []))[0];
		return {
			eimId,
			packageHash,
			counterValue,
			eimTransactionIdHex: eimTransactionId && toHex(eimTransactionId),
			rollbackGranted: enable?.rollbackFlag !== undefined,
			enablesHex: enable && toHex(enable.iccid),
			hasPsmo: psmos.length > 0,
			hasEco: "ecoList" in euiccPackage,
		};
	} catch {
		return {
			eimId: "",
			packageHash,
			counterValue: -1,
			eimTransactionIdHex: undefined,
			rollbackGranted: false,
			enablesHex: undefined,
			hasPsmo: true,
			hasEco: true,
		};
	}
}

/** A result that cannot be read is still delivered; a switch is assumed, since waiting for a REFRESH does no harm. */
export function sightOfResult(der: Uint8Array): ResultSight {
	const nothing = {
		seqNumber: undefined,
		errorCode: undefined,
		results: [],
		hasSwitched: false,
		hasEnabled: false,
		hasRolledBack: false,
		hasChangedProfiles: false,
	};
	let result: EuiccPackageResult;
	try {
		result = decode(EuiccPackageResult, der);
	} catch {
		return { ...nothing, outcome: "unreadable", eimId: undefined, counterValue: undefined, hasSwitched: true };
	}
	if ("euiccPackageErrorUnsigned" in result) {
		const { eimId } = result.euiccPackageErrorUnsigned;
		return { ...nothing, outcome: "unsigned-error", eimId, counterValue: undefined };
	}
	if ("euiccPackageErrorSigned" in result) {
		const { eimId, counterValue, euiccPackageErrorCode } =
			result.euiccPackageErrorSigned.euiccPackageErrorDataSigned.value;
		const results = [`euiccPackageErrorCode ${euiccPackageErrorCode}`];
		return { ...nothing, outcome: "signed-error", eimId, counterValue, errorCode: euiccPackageErrorCode, results };
	}
	const { eimId, counterValue, seqNumber, euiccResult } =
		result.euiccPackageResultSigned.euiccPackageResultDataSigned.value;
	const entries = euiccResult.flatMap((member) => Object.entries(member) as [string, unknown][]);
	const isOk = (name: string) => entries.some(([member, code]) => member === name && code === OK);
	return {
		...nothing,
		outcome: "signed-result",
		eimId,
		counterValue,
		seqNumber,
		results: entries.map(([member, code]) => (typeof code === "number" ? `${member} ${code}` : member)),
		hasSwitched: isOk("enableResult") || isOk("disableResult") || isOk("rollbackResult"),
		hasEnabled: isOk("enableResult"),
		hasRolledBack: entries.some(([member]) => member === "rollbackResult"),
		hasChangedProfiles: CHANGES.some(isOk),
	};
}

/** Sequence number and, for an installation, its outcome. */
export interface NotificationSight {
	readonly seqNumber: number | undefined;
	readonly iccid: Uint8Array | undefined;
	/** FQDN of the receiver. */
	readonly notificationAddress: string | undefined;
	readonly installation: "none" | "success" | "failure";
	/** "loadProfileElements 5 / installFailed... 10" as numbers, for a failed installation. */
	readonly failure: string | undefined;
}

/** What the IPA may see of a pending notification; it is delivered whatever it is. */
export function sightOfNotification(der: Uint8Array): NotificationSight {
	const nothing = {
		seqNumber: undefined,
		iccid: undefined,
		notificationAddress: undefined,
		installation: "none",
		failure: undefined,
	} as const;
	let notification: PendingNotification;
	try {
		notification = decode(PendingNotification, der);
	} catch {
		return { ...nothing, seqNumber: seqNumberIn(der) };
	}
	if ("profileInstallationResult" in notification) {
		const { notificationMetadata, finalResult } =
			notification.profileInstallationResult.profileInstallationResultData.value;
		const { seqNumber, iccid, notificationAddress } = notificationMetadata;
		const sight = { seqNumber, iccid, notificationAddress };
		if ("successResult" in finalResult) return { ...sight, installation: "success", failure: undefined };
		const { bppCommandId, errorReason } = finalResult.errorResult;
		const failure = `bppCommandId ${bppCommandId}, errorReason ${errorReason}`;
		return { ...sight, installation: "failure", failure };
	}
	if ("otherSignedNotification" in notification || "compactOtherSignedNotification" in notification) {
		const other =
			"otherSignedNotification" in notification
				? notification.otherSignedNotification
				: notification.compactOtherSignedNotification;
		const { seqNumber, iccid, notificationAddress } = other.tbsOtherNotification.value;
		return { ...nothing, seqNumber, iccid, notificationAddress };
	}
	const { seqNumber } = notification.compactProfileInstallationResult.compactProfileInstallationResultData;
	return { ...nothing, seqNumber };
}

/** Identifier of the session that a Profile Installation Result belongs to; undefined for any other notification. */
export function transactionIdOf(der: Uint8Array): Uint8Array | undefined {
	try {
		const notification = decode(PendingNotification, der);
		if (!("profileInstallationResult" in notification)) return undefined;
		return notification.profileInstallationResult.profileInstallationResultData.value.transactionId;
	} catch {
		return undefined;
	}
}

const INSTALLATION_RESULT = 0xbf37;

/** The Profile Installation Result inside the result of a direct download (BF54), as the card signed it. */
export function installationIn(downloadResult: Uint8Array): Uint8Array {
	const whole = readWholeTlv(downloadResult);
	const members = readTlvs(downloadResult, whole.valueStart, whole.end);
	const found = members.find((member) => member.tag === INSTALLATION_RESULT);
	if (found === undefined) throw new Error("the result of a download holds no installation result");
	return tlvBytes(downloadResult, found);
}

const NOTIFICATION_METADATA = 0xbf2f;
const DEEPEST_METADATA = 3;

/** Without its number a notification could never be removed: it is looked for in octets that cannot be read otherwise. */
function seqNumberIn(der: Uint8Array, depth = 0): number | undefined {
	try {
		const whole = readWholeTlv(der);
		const members = readTlvs(der, whole.valueStart, whole.end);
		if (whole.tag === NOTIFICATION_METADATA) {
			const number = members.find((member) => member.tag === 0x80);
			return number && Number.parseInt(toHex(tlvValue(der, number)), 16);
		}
		if (depth === DEEPEST_METADATA) return undefined;
		for (const member of members) {
			const found = seqNumberIn(tlvBytes(der, member), depth + 1);
			if (found !== undefined) return found;
		}
	} catch {
		// Primitive contents are no TLVs.
	}
	return undefined;
}
