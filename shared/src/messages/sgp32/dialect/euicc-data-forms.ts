/** IpaEuiccDataRequest and IpaEuiccData of version 1.0 (section 2.11.1.2 and 2.11.2.2 there). */

import { findTlv, readTlvs, readWholeTlv, tlvBytes, tlvValue } from "../../../asn1/tlv-reader.ts";
import { tagOctets, tlv } from "../../../asn1/tlv-writer.ts";
import { concatBytes } from "../../../util/bytes.ts";
import { childrenOf, contentsOf, hasTags, lengthOf, partsOf, smallNumber } from "./rewriting.ts";

const NOTIFICATIONS = 0xa0;
const PACKAGE_RESULTS = 0xa2;
/** RetrieveNotificationsListResponse, under which version 1.0 has both. */
const LIST = 0xbf2b;

/** The tags in a tag list, which stand there without lengths. */
export function tagsOf(list: Uint8Array): number[] {
	const tags: number[] = [];
	for (let at = 0; at < list.length; ) {
		let tag = list[at++] as number;
		if ((tag & 0x1f) === 0x1f) {
			let octet: number;
			do {
				octet = list[at++] ?? 0;
				tag = tag * 256 + octet;
			} while ((octet & 0x80) !== 0 && at < list.length);
		}
		tags.push(tag);
	}
	return tags;
}

function tagList(tags: readonly number[]): Uint8Array {
	return tlv(0x5c, ...[...new Set(tags)].map((tag) => Uint8Array.from(tagOctets(tag))));
}

/** `80`, `88` and `BF2B` in the tag list, and `A1{82}` as the wish for results. */
export function strictDataRequest(received: Uint8Array): Uint8Array {
	const parts = partsOf(received);
	const list = findTlv(parts.children, 0x5c);
	if (list === undefined) return received;
	const tags = tagsOf(tlvValue(received, list));
	const criteria = findTlv(parts.children, 0xa1);
	const wantsResults = criteria !== undefined && hasTags(childrenOf(received, criteria), 0x82);
	if (!wantsResults && !tags.some((tag) => tag === 0x80 || tag === 0x88 || tag === LIST)) return received;
	const strict = tags.flatMap((tag) => {
		if (tag === 0x80) return [0x81];
		if (tag === 0x88) return [0xa8];
		if (tag !== LIST) return [tag];
		if (wantsResults) return [PACKAGE_RESULTS];
		return criteria === undefined ? [NOTIFICATIONS, PACKAGE_RESULTS] : [NOTIFICATIONS];
	});
	const members = parts.children.flatMap((child) => {
		if (child === list) return [tagList(strict)];
		return child === criteria && wantsResults ? [] : [tlvBytes(received, child)];
	});
	return tlv(parts.whole.tag, ...members);
}

/** Version 1.0 has one place for criteria, and no transaction. */
export function dataRequestV10(strict: Uint8Array): Uint8Array {
	const parts = partsOf(strict);
	const list = findTlv(parts.children, 0x5c);
	const tags = list === undefined ? [] : tagsOf(tlvValue(strict, list));
	const names: Readonly<Record<number, number>> = {
		129: 0x80,
		168: 0x88,
		[NOTIFICATIONS]: LIST,
		[PACKAGE_RESULTS]: LIST,
	};
	const wantsOnlyResults = tags.includes(PACKAGE_RESULTS) && !tags.includes(NOTIFICATIONS);
	const members = parts.children.flatMap((child) => {
		if (child === list) return [tagList(tags.filter((tag) => tag !== 0x87).map((tag) => names[tag] ?? tag))];
		const isKept = child.tag === 0x04 || (child.tag === 0xa1 && !wantsOnlyResults);
		return isKept ? [tlvBytes(strict, child)] : [];
	});
	return tlv(parts.whole.tag, ...members, ...(wantsOnlyResults ? [tlv(0xa1, tlv(0x82))] : []));
}

/** What a RetrieveNotificationsListResponse of version 1.0 holds, each as the contents of its SEQUENCE OF. */
export function listsIn(bytes: Uint8Array): { readonly notifications?: Uint8Array; readonly results?: Uint8Array } {
	const parts = partsOf(bytes);
	const [arm] = parts.children;
	if (arm === undefined || hasTags(parts.children, 0x81)) return {};
	if (!hasTags(parts.children, arm.tag)) return { notifications: contentsOf(parts) };
	const value = tlvValue(bytes, arm);
	switch (arm.tag) {
		case NOTIFICATIONS:
			return { notifications: value };
		case PACKAGE_RESULTS:
			return { results: value };
		case 0xa3: {
			const lists = childrenOf(bytes, arm);
			const [notifications, results] = [findTlv(lists, 0xa0), findTlv(lists, 0xa1)];
			return {
				...(notifications === undefined ? {} : { notifications: tlvValue(bytes, notifications) }),
				...(results === undefined ? {} : { results: tlvValue(bytes, results) }),
			};
		}
		default:
			return { notifications: contentsOf(parts) };
	}
}

/** BF2B around notifications, results, or both. */
export function listOf(notifications: Uint8Array | undefined, results: Uint8Array | undefined): Uint8Array {
	if (results === undefined) return tlv(LIST, tlv(NOTIFICATIONS, notifications ?? new Uint8Array()));
	if (notifications === undefined) return tlv(LIST, tlv(PACKAGE_RESULTS, results));
	return tlv(LIST, tlv(0xa3, tlv(0xa0, notifications), tlv(0xa1, results)));
}

/** defaultSmdpAddress under 80, notifications and results under BF2B at the end. */
export function strictEuiccData(received: Uint8Array): Uint8Array {
	const { whole, children } = partsOf(received);
	const [address, list] = [findTlv(children, 0x80), findTlv(children, LIST)];
	if (address === undefined && list === undefined) return received;
	const { notifications, results } = list === undefined ? {} : listsIn(tlvBytes(received, list));
	const rest = children
		.filter((child) => child !== address && child !== list)
		.map((child) => tlvBytes(received, child));
	return tlv(
		whole.tag,
		...(notifications === undefined ? [] : [tlv(NOTIFICATIONS, notifications)]),
		...(address === undefined ? [] : [tlv(0x81, tlvValue(received, address))]),
		...(results === undefined ? [] : [tlv(PACKAGE_RESULTS, results)]),
		...rest,
	);
}

export function euiccDataV10(strict: Uint8Array): Uint8Array {
	const { whole, children } = partsOf(strict);
	const contentsUnder = (tag: number) => {
		const found = findTlv(children, tag);
		return found && tlvValue(strict, found);
	};
	const [notifications, address, results] = [
		contentsUnder(NOTIFICATIONS),
		contentsUnder(0x81),
		contentsUnder(PACKAGE_RESULTS),
	];
	const moved = [NOTIFICATIONS, 0x81, PACKAGE_RESULTS, 0x87];
	const rest = children.filter((child) => !moved.includes(child.tag)).map((child) => tlvBytes(strict, child));
	const hasList = notifications !== undefined || results !== undefined;
	return tlv(
		whole.tag,
		...(address === undefined ? [] : [tlv(0x80, address)]),
		...rest,
		...(hasList ? [listOf(notifications, results)] : []),
	);
}

/** BF52{81 code}; data without its arm that begin with an address have more than one octet there. */
export function strictDataResponse(received: Uint8Array): Uint8Array {
	const { whole, children } = partsOf(received);
	const [only] = children;
	const isCode = only !== undefined && hasTags(children, 0x81) && lengthOf(only) === 1;
	return isCode ? tlv(whole.tag, tlv(0xa1, tlv(0x02, tlvValue(received, only)))) : received;
}

/** The error has neither a place for the transaction nor ecallActive; every code of the module has one octet. */
export function dataResponseV10(strict: Uint8Array): Uint8Array {
	const parts = partsOf(strict);
	const error = findTlv(parts.children, 0xa1);
	if (error === undefined) return strict;
	const code = findTlv(childrenOf(strict, error), 0x02);
	const number = code && smallNumber(strict, code);
	return tlv(parts.whole.tag, tlv(0x81, Uint8Array.of(number === undefined || number === 104 ? 127 : number)));
}

/** The notifications of `30{BF51, BF2B}` under A0, and back. */
export function strictResultAndNotifications(sequence: Uint8Array): Uint8Array {
	const whole = readWholeTlv(sequence);
	const members = readTlvs(sequence, whole.valueStart, whole.end);
	const list = findTlv(members, LIST);
	if (list === undefined) return sequence;
	const { notifications } = listsIn(tlvBytes(sequence, list));
	const rest = members.filter((member) => member !== list).map((member) => tlvBytes(sequence, member));
	return tlv(0x30, concatBytes(...rest), tlv(NOTIFICATIONS, notifications ?? new Uint8Array()));
}

export function resultAndNotificationsV10(sequence: Uint8Array): Uint8Array {
	const whole = readWholeTlv(sequence);
	const members = readTlvs(sequence, whole.valueStart, whole.end).map((member) =>
		member.tag === NOTIFICATIONS ? listOf(tlvValue(sequence, member), undefined) : tlvBytes(sequence, member),
	);
	return tlv(0x30, ...members);
}
