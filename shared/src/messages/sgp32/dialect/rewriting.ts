/** Taking TLVs apart and putting them together again with some members in another form. */

import { readTlvs, readWholeTlv, type Tlv, tlvBytes, tlvValue } from "../../../asn1/tlv-reader.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";

/** A TLV taken apart: its own header and the TLVs in it. */
export interface Parts {
	readonly bytes: Uint8Array;
	readonly whole: Tlv;
	readonly children: readonly Tlv[];
}

export function partsOf(bytes: Uint8Array): Parts {
	const whole = readWholeTlv(bytes);
	return { bytes, whole, children: readTlvs(bytes, whole.valueStart, whole.end) };
}

export const childrenOf = (bytes: Uint8Array, parent: Tlv): Tlv[] => readTlvs(bytes, parent.valueStart, parent.end);
export const contentsOf = ({ bytes, whole }: Parts): Uint8Array => tlvValue(bytes, whole);
export const lengthOf = (one: Tlv): number => one.end - one.valueStart;
export const hasTags = (tlvs: readonly Tlv[], ...tags: readonly number[]): boolean =>
	tlvs.length === tags.length && tlvs.every((item, i) => item.tag === tags[i]);

/** What stands in a child's place: other octets, nothing (null), or the child as it is (undefined). */
export type Replacement = Uint8Array | null | undefined;

/** The same TLV with some children replaced; the very same octets when none is. */
export function withChildren(parts: Parts, replace: (child: Tlv) => Replacement): Uint8Array {
	let isChanged = false;
	const members = parts.children.flatMap((child) => {
		const replaced = replace(child);
		if (replaced !== undefined) isChanged = true;
		return replaced === null ? [] : [replaced ?? tlvBytes(parts.bytes, child)];
	});
	return isChanged ? tlv(parts.whole.tag, ...members) : parts.bytes;
}

/** Every child with tag `from` under the tag `to`. */
export function withTag(received: Uint8Array, from: number, to: number): Uint8Array {
	return withChildren(partsOf(received), (child) =>
		child.tag === from ? tlv(to, tlvValue(received, child)) : undefined,
	);
}

/** Without the children that have one of these tags. */
export function without(received: Uint8Array, ...tags: readonly number[]): Uint8Array {
	return withChildren(partsOf(received), (child) => (tags.includes(child.tag) ? null : undefined));
}

/** The number that is the content of an INTEGER of one octet; undefined for longer ones. */
export function smallNumber(bytes: Uint8Array, one: Tlv): number | undefined {
	return lengthOf(one) === 1 ? bytes[one.valueStart] : undefined;
}

/** Children with tag `tag` whose number is one of `codes` say `instead`. */
export function withCode(received: Uint8Array, tag: number, codes: readonly number[], instead: number): Uint8Array {
	return withChildren(partsOf(received), (child) => {
		const code = child.tag === tag ? smallNumber(received, child) : undefined;
		return code !== undefined && codes.includes(code) ? tlv(tag, Uint8Array.of(instead)) : undefined;
	});
}
