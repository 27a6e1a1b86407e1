/** The declarative ASN.1 engine: what a message file imports. */

import { decode, encode, type Schema } from "./codec.ts";
import type { Kept } from "./structured.ts";

export { type DecodeLimits, decode, define, encode, type Infer, Schema } from "./codec.ts";
export { Asn1Error } from "./errors.ts";
export { bitString, boolean, integer, nullValue, objectIdentifier, octetString, utf8String } from "./primitive.ts";
export {
	anyValue,
	at,
	choice,
	type Kept,
	kept,
	opaque,
	optional,
	sequence,
	sequenceOf,
	withDefault,
} from "./structured.ts";
export { application, context, privateTag } from "./tag.ts";

/** A value together with its DER, as a decoder would have received it. */
export function keep<T>(schema: Schema<T>, value: T): Kept<T> {
	return { value, der: encode(schema, value) };
}

/** Decodes octets and keeps them beside the value. */
export function decodeKept<T>(schema: Schema<T>, der: Uint8Array): Kept<T> {
	return { value: decode(schema, der), der };
}
