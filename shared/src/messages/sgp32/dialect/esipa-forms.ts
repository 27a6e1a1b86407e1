/** ESipa messages in the forms of other versions than 1.2; each function keeps to one type of the module. */

import { findTlv, readWholeTlv, tlvBytes, tlvValue } from "../../../asn1/tlv-reader.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { resultAndNotificationsV10, strictResultAndNotifications } from "./euicc-data-forms.ts";
import { childrenOf, contentsOf, hasTags, lengthOf, partsOf, withChildren, without } from "./rewriting.ts";

const UNDEFINED_ERROR = Uint8Array.of(127);

/** rPLMN under 81, where later versions have the cause of a state change: three octets tell it. */
export function strictPoll(received: Uint8Array): Uint8Array {
	const parts = partsOf(received);
	const first = findTlv(parts.children, 0x81);
	if (first === undefined || lengthOf(first) !== 3 || findTlv(parts.children, 0x82) !== undefined) return received;
	return withChildren(parts, (child) => (child === first ? tlv(0x82, tlvValue(received, child)) : undefined));
}

/** The cause of a state change has no place: the flag alone is left of it. */
export function pollV10(strict: Uint8Array): Uint8Array {
	const parts = partsOf(strict);
	const hasFlag = findTlv(parts.children, 0x80) !== undefined;
	return withChildren(parts, (child) => {
		if (child.tag === 0x81) return hasFlag ? null : tlv(0x80);
		return child.tag === 0x82 ? tlv(0x81, tlvValue(strict, child)) : undefined;
	});
}

/** Errors as a bare INTEGER. */
export function strictResultError(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) =>
		child.tag === 0x02 ? tlv(0xa0, tlvBytes(received, child)) : undefined,
	);
}

/** The code alone, without the transaction that it belongs to. */
export function bareResultError(strict: Uint8Array): Uint8Array {
	return withChildren(partsOf(strict), (child) => {
		if (child.tag !== 0xa0) return undefined;
		const code = findTlv(childrenOf(strict, child), 0x02);
		return code === undefined ? tlv(0x02, UNDEFINED_ERROR) : tlvBytes(strict, code);
	});
}

/** Notifications beside a result under BF2B. */
export function strictNotificationList(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) => {
		if (child.tag !== 0x30) return undefined;
		const sequence = tlvBytes(received, child);
		const strict = strictResultAndNotifications(sequence);
		return strict === sequence ? undefined : strict;
	});
}

export function notificationListV10(strict: Uint8Array): Uint8Array {
	return withChildren(partsOf(strict), (child) =>
		child.tag === 0x30 ? resultAndNotificationsV10(tlvBytes(strict, child)) : undefined,
	);
}

/** A CHOICE, which has no place for the EID. */
export const resultWithoutEid = (strict: Uint8Array): Uint8Array => without(strict, 0x5a);

/** `SEQUENCE { eimAcknowledgements OPTIONAL }`: nothing to acknowledge is no octets at all. */
export function strictResultResponse(received: Uint8Array): Uint8Array {
	const whole = readWholeTlv(received);
	return lengthOf(whole) === 0 ? tlv(whole.tag, tlv(0x30)) : received;
}

/** There is no error: an answer without acknowledgement leaves everything on the card. */
export function resultResponseV10(strict: Uint8Array): Uint8Array {
	return without(strict, 0x30, 0x02);
}

/** AUTOMATIC TAGS number both arms. */
export function strictHandleNotification(received: Uint8Array): Uint8Array {
	const parts = partsOf(received);
	const [arm] = parts.children;
	if (arm === undefined || !hasTags(parts.children, 0xa1)) return received;
	return tlv(parts.whole.tag, tlv(0xbf50, tlvValue(received, arm)));
}

export function handleNotificationV10(strict: Uint8Array): Uint8Array {
	return withChildren(partsOf(strict), (child) =>
		child.tag === 0xbf50 ? tlv(0xa1, tlvValue(strict, child)) : undefined,
	);
}

/** `30{80 errorResponse}`, where later versions have `30{80 reason, 04 errorResponse}`: a reason is one octet, a response is not. */
export function strictTriggerError(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) => {
		if (child.tag !== 0x30) return undefined;
		const members = childrenOf(received, child);
		const [first] = members;
		if (first === undefined) return tlv(0x30, tlv(0x80, UNDEFINED_ERROR));
		if (!hasTags(members, 0x80) || lengthOf(first) === 1) return undefined;
		return tlv(0x30, tlv(0x80, UNDEFINED_ERROR), tlv(0x04, tlvValue(received, first)));
	});
}

export function triggerErrorV10(strict: Uint8Array): Uint8Array {
	return withChildren(partsOf(strict), (child) => {
		if (child.tag !== 0x30) return undefined;
		const response = findTlv(childrenOf(strict, child), 0x04);
		return response === undefined ? tlv(0x30) : tlv(0x30, tlv(0x80, tlvValue(strict, response)));
	});
}

/** BF60 and BF61 say which package they answer; what they say of it is the plain arm. */
export function strictTransferResponse(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) => {
		if (child.tag === 0xbf60) return tlv(0x05);
		if (child.tag !== 0xbf61) return undefined;
		const code = findTlv(childrenOf(received, child), 0x81);
		return tlv(0x02, code === undefined ? UNDEFINED_ERROR : tlvValue(received, code));
	});
}

/** EuiccMemoryReset under the tag of SGP.22; its bits 3 and 4 stand for other things than in later versions. */
const RESET_BITS: readonly (readonly [v10: number, later: number])[] = [
	[0, 0],
	[1, 1],
	[2, 2],
	[3, 5],
	[4, 6],
];

export function strictMemoryReset(received: Uint8Array): Uint8Array {
	const parts = partsOf(received);
	if (parts.whole.tag !== 0xbf34) return received;
	const members = parts.children.map((child) => {
		const value = tlvValue(received, child);
		if (child.tag === 0x82) return tlv(0x82, movedBits(value, RESET_BITS));
		return tlvBytes(received, child);
	});
	return tlv(0xbf64, ...members);
}

export function memoryResetV10(strict: Uint8Array): Uint8Array {
	const parts = partsOf(strict);
	const back = RESET_BITS.map(([v10, later]) => [later, v10] as const);
	return tlv(0xbf34, ...parts.children.map((child) => tlv(child.tag, movedBits(tlvValue(strict, child), back))));
}

/** Contents of a BIT STRING of one octet with each bit in its new place; bits that have none are left out. */
function movedBits(value: Uint8Array, places: readonly (readonly [from: number, to: number])[]): Uint8Array {
	const octet = value[1] ?? 0;
	const set = places.filter(([from]) => (octet & (0x80 >> from)) !== 0).map(([, to]) => to);
	if (set.length === 0) return Uint8Array.of(0);
	const moved = set.reduce((bits, to) => bits | (0x80 >> to), 0);
	return Uint8Array.of(7 - Math.max(...set), moved);
}

/** The first result is a universal INTEGER there, since the others have tags. */
export function strictMemoryResetResponse(received: Uint8Array): Uint8Array {
	const parts = partsOf(received);
	if (parts.whole.tag !== 0xbf34) return received;
	const members = parts.children.map((child) =>
		child.tag === 0x02 ? tlv(0x80, tlvValue(received, child)) : tlvBytes(received, child),
	);
	return tlv(0xbf64, ...members);
}

export function memoryResetResponseV10(strict: Uint8Array): Uint8Array {
	const parts = partsOf(strict);
	const members = parts.children.map((child) => {
		const value = tlvValue(strict, child);
		if (child.tag !== 0x80) return tlvBytes(strict, child);
		return tlv(0x02, value[0] === 104 ? UNDEFINED_ERROR : value);
	});
	return tlv(0xbf34, ...members);
}

/** EnableUsingDD has no flag: the card asks for a REFRESH as it sees fit, which is what TRUE allows. */
export function strictImmediateEnable(received: Uint8Array): Uint8Array {
	return contentsOf(partsOf(received)).length === 0 ? tlv(0xbf5a, tlv(0x80, Uint8Array.of(0xff))) : received;
}

/** Both lists at once, which later versions never give: the results can be asked for by themselves. */
export function strictNotificationsListResponse(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) => {
		if (child.tag !== 0xa3) return undefined;
		const notifications = findTlv(childrenOf(received, child), 0xa0);
		return tlv(0xa0, notifications === undefined ? new Uint8Array() : tlvValue(received, notifications));
	});
}
