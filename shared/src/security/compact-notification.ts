import { Asn1Error, encode } from "../asn1/schema.ts";
import { readTlvs, readWholeTlv } from "../asn1/tlv-reader.ts";
import { tlv } from "../asn1/tlv-writer.ts";
import { OtherSignedNotification } from "../messages/sgp22/notifications.ts";
import { PendingNotification } from "../messages/sgp32/notifications.ts";
import { equalBytes, toHex } from "../util/bytes.ts";
import { decodeCompact, faithful, known, readFull, signedOne, structureError } from "./compact-octets.ts";
import { euiccNotificationSignatureInput } from "./signature-input.ts";

/** What the eIM knows of the device that a notification comes from. */
export interface NotificationKnowledge {
	/** EID in 16 octets. */
	readonly eidValue: Uint8Array;
	/** Certificates of IpaEuiccData, each beginning with 30. */
	readonly euiccCertificate?: Uint8Array | undefined;
	readonly eumCertificate?: Uint8Array | undefined;
}

/**
 * A signed notification (30) to the arm compactOtherSignedNotification (A1) of a PendingNotification: without its
 * certificates, and with the EID, which otherwise only the certificate would tell.
 * @returns undefined when the full form has to be sent
 */
export function compactOtherNotification(full: Uint8Array, knowledge: NotificationKnowledge): Uint8Array | undefined {
	const notification = readFull(OtherSignedNotification, full);
	if (notification === undefined) return undefined;
	const { tbsOtherNotification, euiccNotificationSignature } = notification;
	const { eidValue } = knowledge;
	const compact = encode(PendingNotification, {
		compactOtherSignedNotification: { eidValue, tbsOtherNotification, euiccNotificationSignature },
	});
	return faithful(full, [compact], (candidate) => fullForm(restore(candidate, knowledge)));
}

/**
 * The arm compactOtherSignedNotification (A1) of a PendingNotification to the full form. The notification of a device
 * with certificates under several CIs is tried with each pair by the caller.
 * @throws SecurityError SECURITY_COMPACT_STRUCTURE, SECURITY_COMPACT_UNKNOWN, SECURITY_SIGNATURE_INVALID
 */
export function rebuildOtherNotification(compact: Uint8Array, knowledge: NotificationKnowledge): Uint8Array {
	const notification = restore(compact, knowledge);
	const { tbsOtherNotification, euiccNotificationSignature, euiccCertificate } = notification;
	const candidate = { signed: euiccNotificationSignatureInput(tbsOtherNotification.der) };
	signedOne([candidate], euiccNotificationSignature, euiccCertificate, "euiccNotificationSignature");
	return fullForm(notification);
}

/** The EID of a compact notification, to find its device by; undefined when it names none or is no such notification. */
export function eidOfCompactNotification(compact: Uint8Array): Uint8Array | undefined {
	const notification = readFull(PendingNotification, compact);
	if (notification === undefined || !("compactOtherSignedNotification" in notification)) return undefined;
	return notification.compactOtherSignedNotification.eidValue;
}

function restore(compact: Uint8Array, knowledge: NotificationKnowledge): OtherSignedNotification {
	const notification = decodeCompact(PendingNotification, withoutCiKey(compact));
	if (!("compactOtherSignedNotification" in notification)) {
		throw structureError("OtherSignedNotification", "it has another arm");
	}
	const { eidValue, tbsOtherNotification, euiccNotificationSignature } = notification.compactOtherSignedNotification;
	if (eidValue !== undefined && !equalBytes(eidValue, knowledge.eidValue)) {
		const reason = `it is of ${toHex(eidValue)}, and the certificates are of ${toHex(knowledge.eidValue)}`;
		throw structureError("OtherSignedNotification", reason);
	}
	return {
		tbsOtherNotification,
		euiccNotificationSignature,
		euiccCertificate: known(knowledge.euiccCertificate, "euiccCertificate"),
		eumCertificate: known(knowledge.eumCertificate, "eumCertificate"),
	};
}

/** SGP.32 v1.3 adds euiccCiPKIdentifierToBeUsed (04) behind the signature, which covers nothing but BF2F. */
function withoutCiKey(compact: Uint8Array): Uint8Array {
	try {
		const whole = readWholeTlv(compact);
		const last = readTlvs(compact, whole.valueStart, whole.end).at(-1);
		if (last?.tag !== 0x04) return compact;
		return tlv(whole.tag, compact.subarray(whole.valueStart, last.start));
	} catch (error) {
		if (error instanceof Asn1Error) return compact;
		throw error;
	}
}

function fullForm(notification: OtherSignedNotification): Uint8Array {
	return encode(OtherSignedNotification, notification);
}
