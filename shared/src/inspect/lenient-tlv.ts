import { Asn1Error } from "../asn1/schema.ts";
import { readTlv } from "../asn1/tlv-reader.ts";

/** A header that could be read; its contents may be cut off. */
export interface Header {
	readonly tag: number;
	readonly start: number;
	readonly valueStart: number;
	/** Behind the last contents octet that is there. */
	readonly end: number;
	/** Octets that the length announces and that are not there. */
	readonly missing: number;
}

/** Reads the header at `offset`, or says in words why there is none. Nothing at or behind `limit` belongs to it. */
export function readHeader(bytes: Uint8Array, offset: number, limit: number): Header | { readonly error: string } {
	try {
		const { tag, valueStart, end } = readTlv(bytes.subarray(0, limit), offset, UNBOUNDED);
		if (valueStart > limit || Number.isNaN(tag) || Number.isNaN(end)) return { error: "the header is cut off" };
		return { tag, start: offset, valueStart, end: Math.min(end, limit), missing: Math.max(0, end - limit) };
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		return { error: error.reason };
	}
}

/** Lengths are judged by the caller. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER;
