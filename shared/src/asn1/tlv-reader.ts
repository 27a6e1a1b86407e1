import { Asn1Error } from "./errors.ts";

/**
 * BER-TLV with definite, minimal lengths (DER lengths). A tag is the number made of its identifier octets as they
 * stand on the wire: 0x30, 0x5A, 0x9F70, 0xBF51.
 */
export interface Tlv {
	readonly tag: number;
	/** Offset of the first identifier octet. */
	readonly start: number;
	/** Offset of the first contents octet. */
	readonly valueStart: number;
	/** Offset behind the last contents octet. */
	readonly end: number;
}

/** True when the identifier octets of `tag` have the constructed bit. */
export function isConstructed(tag: number): boolean {
	return (firstOctet(tag) & 0x20) !== 0;
}

/** The leading identifier octet of a tag. */
export function firstOctet(tag: number): number {
	return tag > 0xffffff ? tag >>> 24 : tag > 0xffff ? tag >>> 16 : tag > 0xff ? tag >>> 8 : tag;
}

/**
 * Reads one header after another without allocating; the last one read stands in its fields.
 * Lengths must be definite and minimal, tags at most 4 octets.
 */
export class TlvCursor {
	tag = 0;
	start = 0;
	valueStart = 0;
	end = 0;

	/**
	 * Reads the header at `offset`; nothing at or behind `limit` belongs to it.
	 * @throws Asn1Error ASN1_TRUNCATED, ASN1_TAG_INVALID or ASN1_LENGTH_INVALID
	 */
	read(bytes: Uint8Array, offset: number, limit: number): void {
		if (offset >= limit) throw new Asn1Error("ASN1_TRUNCATED", `a tag is missing at offset ${offset}`);
		let at = offset;
		let tag = bytes[at++] as number;
		if ((tag & 0x1f) === 0x1f) {
			tag = longTag(bytes, offset, limit);
			at += tag > 0xffffff ? 3 : tag > 0xffff ? 2 : 1;
		}
		if (at >= limit) throw new Asn1Error("ASN1_TRUNCATED", `the length at offset ${at} is missing`);
		let length = bytes[at++] as number;
		if (length >= 0x80) {
			const count = length & 0x7f;
			length = longLength(bytes, at, count, limit);
			at += count;
		}
		if (length > limit - at) {
			throw new Asn1Error("ASN1_TRUNCATED", `${length} octets announced at offset ${offset}, ${limit - at} are there`);
		}
		this.tag = tag;
		this.start = offset;
		this.valueStart = at;
		this.end = at + length;
	}
}

function longTag(bytes: Uint8Array, offset: number, limit: number): number {
	let tag = bytes[offset] as number;
	for (let at = offset + 1; ; at++) {
		if (at >= limit) throw new Asn1Error("ASN1_TRUNCATED", `the tag at offset ${offset} is cut off`);
		if (at > offset + 3) throw new Asn1Error("ASN1_TAG_INVALID", `the tag at offset ${offset} has more than 4 octets`);
		const octet = bytes[at] as number;
		if (at === offset + 1 && (octet === 0x80 || octet < 0x1f)) {
			throw new Asn1Error("ASN1_TAG_INVALID", `the tag at offset ${offset} is not in its shortest form`);
		}
		tag = tag * 256 + octet;
		if ((octet & 0x80) === 0) return tag;
	}
}

function longLength(bytes: Uint8Array, at: number, count: number, limit: number): number {
	if (count === 0) throw new Asn1Error("ASN1_LENGTH_INVALID", `indefinite length at offset ${at - 1}`);
	if (count > 4) throw new Asn1Error("ASN1_LENGTH_INVALID", `length of ${count} octets at offset ${at - 1}`);
	if (at + count > limit) throw new Asn1Error("ASN1_TRUNCATED", `the length at offset ${at - 1} is cut off`);
	let length = 0;
	for (let i = 0; i < count; i++) length = length * 256 + (bytes[at + i] as number);
	if (length < 0x80 || (count > 1 && length < 2 ** (8 * (count - 1)))) {
		throw new Asn1Error("ASN1_LENGTH_INVALID", `the length at offset ${at - 1} is not in its shortest form`);
	}
	return length;
}

/**
 * Reads the header at `offset`.
 * @throws Asn1Error ASN1_TRUNCATED, ASN1_TAG_INVALID or ASN1_LENGTH_INVALID
 */
export function readTlv(bytes: Uint8Array, offset: number, limit: number = bytes.length): Tlv {
	const cursor = new TlvCursor();
	cursor.read(bytes, offset, limit);
	return { tag: cursor.tag, start: cursor.start, valueStart: cursor.valueStart, end: cursor.end };
}

/** The contents octets of a TLV, without a copy. */
export function tlvValue(bytes: Uint8Array, tlv: Tlv): Uint8Array {
	return bytes.subarray(tlv.valueStart, tlv.end);
}

/** Header and contents of a TLV, without a copy. */
export function tlvBytes(bytes: Uint8Array, tlv: Tlv): Uint8Array {
	return bytes.subarray(tlv.start, tlv.end);
}

/**
 * The TLVs that stand one after another in `bytes[start, end)`.
 * @throws Asn1Error as readTlv
 */
export function readTlvs(bytes: Uint8Array, start = 0, end: number = bytes.length): Tlv[] {
	const tlvs: Tlv[] = [];
	for (let at = start; at < end; ) {
		const tlv = readTlv(bytes, at, end);
		tlvs.push(tlv);
		at = tlv.end;
	}
	return tlvs;
}

/**
 * The only TLV of `bytes`.
 * @throws Asn1Error ASN1_TRAILING_BYTES when something follows, and as readTlv
 */
export function readWholeTlv(bytes: Uint8Array): Tlv {
	const tlv = readTlv(bytes, 0);
	if (tlv.end !== bytes.length) {
		throw new Asn1Error("ASN1_TRAILING_BYTES", `${bytes.length - tlv.end} octets follow after the value`);
	}
	return tlv;
}

/** The first TLV with `tag` among `tlvs`. */
export function findTlv(tlvs: readonly Tlv[], tag: number): Tlv | undefined {
	return tlvs.find((tlv) => tlv.tag === tag);
}
