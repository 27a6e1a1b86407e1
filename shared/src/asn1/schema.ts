/** The declarative ASN.1 engine: what a message file imports. */

import { decode, encode, type Schema } from "./codec.ts";
import type { Kept } from "./kept.ts";

export { choice } from "./choice.ts";
export { type DecodeLimits, decode, define, encode, type Infer, Schema } from "./codec.ts";
export { at, optional, withDefault } from "./component.ts";
export { Asn1Error } from "./errors.ts";
export { anyValue, type Kept, kept, opaque } from "./kept.ts";
export { bitString, boolean, integer, nullValue, objectIdentifier, octetString, utf8String } from "./primitive.ts";
export { sequence, sequenceOf } from "./sequence.ts";

export { application, context, privateTag } from "./tag.ts";

/** A value together with its DER, as a decoder would have received it. */
export function keep<T>(schema: Schema<T>, value: T): Kept<T> {
	return { value, der: encode(schema, value) };
}

/** Decodes octets and keeps them beside the value. */
export function decodeKept<T>(schema: Schema<T>, der: Uint8Array): Kept<T> {
	return { value: decode(schema, der), der };
}
