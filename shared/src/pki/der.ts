/** The few DER primitives of X.509, above asn1/tlv-reader and below certificates and lists. */

import { readTlv, readTlvs, type Tlv, tlvBytes, tlvValue } from "../asn1/tlv-reader.ts";
import { tlv } from "../asn1/tlv-writer.ts";
import { utf8 } from "../util/bytes.ts";

/** A structure that is not what X.509 says; certificate.ts and crl.ts turn it into their own PkiError. */
export class DerError extends Error {}

/** A constructed TLV with its members, over the octets that hold it. */
export class DerNode {
	readonly bytes: Uint8Array;
	readonly header: Tlv;

	constructor(bytes: Uint8Array, header: Tlv) {
		this.bytes = bytes;
		this.header = header;
	}

	/** The only TLV of `bytes`. */
	static whole(bytes: Uint8Array): DerNode {
		const header = readTlv(bytes, 0);
		if (header.end !== bytes.length) throw new DerError(`${bytes.length - header.end} octets follow after the value`);
		return new DerNode(bytes, header);
	}

	get tag(): number {
		return this.header.tag;
	}

	/** Contents octets. */
	get value(): Uint8Array {
		return tlvValue(this.bytes, this.header);
	}

	/** Header and contents. */
	get der(): Uint8Array {
		return tlvBytes(this.bytes, this.header);
	}

	/** The members of a constructed value. */
	get members(): DerNode[] {
		return readTlvs(this.bytes, this.header.valueStart, this.header.end).map(
			(member) => new DerNode(this.bytes, member),
		);
	}

	/** This node, when it carries `tag`. */
	expect(tag: number, what: string): this {
		if (this.tag !== tag) {
			throw new DerError(`${what} has the tag ${this.tag.toString(16)} instead of ${tag.toString(16)}`);
		}
		return this;
	}
}

/** The member at `index`, which must be there and carry `tag`. */
export function member(members: readonly DerNode[], index: number, tag: number, what: string): DerNode {
	const node = members[index];
	if (node === undefined) throw new DerError(`${what} is missing`);
	return node.expect(tag, what);
}

/** Dotted form of the contents of an OBJECT IDENTIFIER. */
export function decodeOid(value: Uint8Array): string {
	const arcs: number[] = [];
	let arc = 0;
	value.forEach((octet, i) => {
		arc = arc * 128 + (octet & 0x7f);
		if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DerError("an object identifier has too large an arc");
		if ((octet & 0x80) !== 0) {
			if (i === value.length - 1) throw new DerError("an object identifier is cut off");
			return;
		}
		if (arcs.length === 0) {
			const first = Math.min(2, Math.floor(arc / 40));
			arcs.push(first, arc - 40 * first);
		} else arcs.push(arc);
		arc = 0;
	});
	if (arcs.length === 0) throw new DerError("an object identifier is empty");
	return arcs.join(".");
}

/** Contents octets of a dotted object identifier. */
export function oidContents(dotted: string): Uint8Array {
	if (!/^[0-2](\.(0|[1-9]\d*))+$/.test(dotted)) throw new DerError(`"${dotted}" is no object identifier`);
	const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
	const octets: number[] = [];
	for (const arc of [first * 40 + second, ...rest]) {
		const groups = [arc % 128];
		for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
		octets.push(...groups);
	}
	return Uint8Array.from(octets);
}

/** Milliseconds since 1970 of a UTCTime or GeneralizedTime in the form of RFC 5280 section 4.1.2.5. */
export function decodeTime(node: DerNode): number {
	const text = decodeText(node.value);
	const match =
		node.tag === 0x17
			? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
			: node.tag === 0x18
				? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
				: null;
	if (match === null) throw new DerError(`"${text}" is no time of X.509`);
	const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
	const fullYear = node.tag === 0x18 ? year : year < 50 ? 2000 + year : 1900 + year;
	const at = new Date(0);
	at.setUTCFullYear(fullYear, month - 1, day);
	at.setUTCHours(hour, minute, second);
	if (at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day || at.getUTCHours() !== hour) {
		throw new DerError(`"${text}" is no time of X.509`);
	}
	return at.getTime();
}

/** UTF-8 text; PrintableString and IA5String are subsets of it. */
export function decodeText(value: Uint8Array): string {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
	} catch {
		throw new DerError("a text is not UTF-8");
	}
}

/** A small non-negative INTEGER. */
export function decodeSmallInteger(value: Uint8Array): number {
	if (value.length === 0 || value.length > 4 || ((value[0] as number) & 0x80) !== 0) {
		throw new DerError("a number is negative or too large");
	}
	return value.reduce((number, octet) => number * 256 + octet, 0);
}

export const sequence = (...parts: Uint8Array[]): Uint8Array => tlv(0x30, ...parts);
export const set = (...parts: Uint8Array[]): Uint8Array => tlv(0x31, ...parts);
export const objectIdentifier = (dotted: string): Uint8Array => tlv(0x06, oidContents(dotted));
export const octetString = (value: Uint8Array): Uint8Array => tlv(0x04, value);
export const booleanTrue = (): Uint8Array => Uint8Array.of(0x01, 0x01, 0xff);

/** A BIT STRING of whole octets. */
export const bitString = (value: Uint8Array): Uint8Array => tlv(0x03, Uint8Array.of(0), value);

/** A non-negative INTEGER of the octets of its magnitude, in the shortest form. */
export function unsignedInteger(magnitude: Uint8Array): Uint8Array {
	let start = 0;
	while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
	const shortest = magnitude.length === 0 ? Uint8Array.of(0) : magnitude.subarray(start);
	return (shortest[0] as number) & 0x80 ? tlv(0x02, Uint8Array.of(0), shortest) : tlv(0x02, shortest);
}

/** A BIT STRING with named bits: trailing zero bits are left out, as DER asks. */
export function namedBits(bits: readonly number[]): Uint8Array {
	const last = Math.max(-1, ...bits);
	const octets = new Uint8Array(Math.floor(last / 8) + 1);
	for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] as number) | (0x80 >> (bit & 7));
	return tlv(0x03, Uint8Array.of(last < 0 ? 0 : 7 - (last & 7)), octets);
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5). Milliseconds are cut off. */
export function time(at: number): Uint8Array {
	const text = `${new Date(at).toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
	const year = Number(text.slice(0, 4));
	return year >= 1950 && year < 2050 ? tlv(0x17, utf8(text.slice(2))) : tlv(0x18, utf8(text));
}
