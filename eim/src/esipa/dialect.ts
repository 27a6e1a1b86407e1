/** Deviations of real IPAs and of older versions, turned into the strict form before anything is decoded. */

import { findTlv, readTlvs, readWholeTlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { concatBytes } from "@iot-esim/shared/util/bytes";

/**
 * Version 1.0 sends rPLMN under 81, where later versions have stateChangeCause: three octets tell it.
 * @throws Asn1Error
 */
export function withV12Rplmn(body: Uint8Array): Uint8Array {
	const whole = readWholeTlv(body);
	const members = readTlvs(body, whole.valueStart, whole.end);
	const first = findTlv(members, 0x81);
	if (first === undefined || first.end - first.valueStart !== 3 || findTlv(members, 0x82) !== undefined) return body;
	const parts = members.map((member) =>
		member === first ? tlv(0x82, tlvValue(body, member)) : tlvBytes(body, member),
	);
	return tlv(whole.tag, ...parts);
}

/**
 * ProvideEimPackageResult in the strict form. Seen on the wire: results and data without the arm of their CHOICE, the
 * notification list under BF2B (version 1.0), an error as a bare INTEGER (1.0) or as a primitive 80 around a SEQUENCE.
 * What is signed stays as it was received.
 * @throws Asn1Error
 */
export function strictPackageResult(body: Uint8Array): Uint8Array {
	const whole = readWholeTlv(body);
	const parts = readTlvs(body, whole.valueStart, whole.end).map((member) => {
		const bytes = tlvBytes(body, member);
		const value = tlvValue(body, member);
		switch (member.tag) {
			case 0xbf51:
				return withArms(bytes);
			case 0xbf52:
				return withDataArm(bytes);
			case 0x30:
				return tlv(0x30, ...resultAndNotifications(bytes));
			case 0x80:
				return tlv(0xa0, value[0] === 0x30 ? tlvValue(value, readWholeTlv(value)) : tlv(0x02, value));
			case 0x02:
				return tlv(0xa0, bytes);
			default:
				return bytes;
		}
	});
	return tlv(whole.tag, ...parts);
}

/** BF51 of bare members becomes the arm that its members tell: data and signature, or an unsigned error. */
export function withArms(result: Uint8Array): Uint8Array {
	const whole = readWholeTlv(result);
	const [first] = readTlvs(result, whole.valueStart, whole.end);
	if (first?.tag === 0x80) return tlv(whole.tag, tlv(0xa2, tlvValue(result, whole)));
	if (first?.tag !== 0x30) return result;
	// The last member of a signed error is an INTEGER, of a signed result the SEQUENCE of results.
	const last = readTlvs(result, first.valueStart, first.end).at(-1);
	return tlv(whole.tag, tlv(last?.tag === 0x02 ? 0xa1 : 0xa0, tlvValue(result, whole)));
}

/** BF52 of bare members: IpaEuiccData, or an error when all there is is a transaction and a code. */
function withDataArm(response: Uint8Array): Uint8Array {
	const whole = readWholeTlv(response);
	const members = readTlvs(response, whole.valueStart, whole.end);
	const [only] = members;
	if (members.length === 1 && only?.tag === 0xa0) {
		// The arm, unless it is the notification list of bare data: its members are notifications.
		const [inner] = readTlvs(response, only.valueStart, only.end);
		if (inner === undefined || (inner.tag !== 0xbf37 && inner.tag !== 0x30)) return response;
	} else if (members.length === 1 && only?.tag === 0xa1) return response;
	const isError =
		members.at(-1)?.tag === 0x02 || (members.length === 1 && only?.tag === 0x81 && only.end - only.valueStart === 1);
	const value = tlvValue(response, whole);
	if (isError && only?.tag === 0x81) return tlv(whole.tag, tlv(0xa1, tlv(0x02, tlvValue(response, only))));
	return tlv(whole.tag, tlv(isError ? 0xa1 : 0xa0, value));
}

function resultAndNotifications(sequence: Uint8Array): Uint8Array[] {
	const whole = readWholeTlv(sequence);
	return readTlvs(sequence, whole.valueStart, whole.end).map((member) => {
		const bytes = tlvBytes(sequence, member);
		if (member.tag === 0xbf51) return withArms(bytes);
		return member.tag === 0xbf2b ? notificationsOf(sequence, member) : bytes;
	});
}

/** BF2B{A0{...}} or BF2B{...} as A0{...}. */
function notificationsOf(bytes: Uint8Array, list: { valueStart: number; end: number }): Uint8Array {
	const members = readTlvs(bytes, list.valueStart, list.end);
	const [only] = members;
	if (members.length === 1 && only?.tag === 0xa0) return tlvBytes(bytes, only);
	return tlv(0xa0, concatBytes(...members.map((member) => tlvBytes(bytes, member))));
}
