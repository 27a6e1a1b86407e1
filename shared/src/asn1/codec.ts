import { Asn1Error } from "./errors.ts";
import { identifierOf, type Tag, tagHex } from "./tag.ts";
import { TlvCursor } from "./tlv-reader.ts";
import { BackwardWriter } from "./tlv-writer.ts";

/** What a decoder carries along: the octets, the header read last, and how deep it may still go. */
export class Decoder extends TlvCursor {
	readonly bytes: Uint8Array;
	#depthLeft: number;

	constructor(bytes: Uint8Array, maxDepth: number) {
		super();
		this.bytes = bytes;
		this.#depthLeft = maxDepth;
	}

	next(offset: number, limit: number): void {
		this.read(this.bytes, offset, limit);
	}

	enter(): void {
		if (this.#depthLeft-- === 0) throw new Asn1Error("ASN1_LIMIT", "nested deeper than the decoder allows");
	}

	leave(): void {
		this.#depthLeft++;
	}
}

/**
 * A type of an ASN.1 module: how its values look on the wire and in TypeScript. The methods are the engine's;
 * users call `decode` and `encode`.
 */
export abstract class Schema<T> {
	/** Carries the value type for `Infer`; there is no value behind it. */
	declare readonly valueType: T;
	/** The type's name in its module, the root of error paths. */
	readonly typeName: string = "";

	/** True when a value may start with these identifier octets. */
	abstract accepts(identifier: number): boolean;
	/** Identifier octets that a value may start with; empty for an open type, which accepts all. */
	abstract readonly identifiers: readonly number[];
	/** Reads the contents of a TLV whose identifier was accepted. */
	abstract decodeAt(decoder: Decoder, identifier: number, start: number, valueStart: number, end: number): T;
	/** Writes the whole TLV. */
	abstract encodeTo(writer: BackwardWriter, value: T): void;
	/** The same type under another tag: IMPLICIT, or EXPLICIT where the standard demands it. */
	abstract retag(tag: Tag): Schema<T>;
	/** Names of the expected tags, for messages. */
	expectation(): string {
		return this.identifiers.map(tagHex).join(" or ");
	}
}

/** The TypeScript type of a schema's values. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** A type with exactly one tag, which an IMPLICIT tag replaces. */
export abstract class TaggedSchema<T> extends Schema<T> {
	readonly identifier: number;
	readonly constructed: boolean;

	constructor(identifier: number, constructed: boolean) {
		super();
		this.identifier = identifier;
		this.constructed = constructed;
	}

	get identifiers(): readonly number[] {
		return [this.identifier];
	}

	accepts(identifier: number): boolean {
		return identifier === this.identifier;
	}

	decodeAt(decoder: Decoder, _identifier: number, start: number, valueStart: number, end: number): T {
		return this.decodeContent(decoder, valueStart, end, start);
	}

	encodeTo(writer: BackwardWriter, value: T): void {
		const before = writer.length;
		this.encodeContent(writer, value);
		writer.header(this.identifier, before);
	}

	retag(tag: Tag): this {
		return cloneWith(this, { identifier: identifierOf(tag, this.constructed) });
	}

	protected abstract decodeContent(decoder: Decoder, valueStart: number, end: number, start: number): T;
	protected abstract encodeContent(writer: BackwardWriter, value: T): void;
}

/** EXPLICIT tagging: a constructed TLV around exactly one value of `inner`. */
export class ExplicitSchema<T> extends TaggedSchema<T> {
	readonly inner: Schema<T>;

	constructor(tag: Tag, inner: Schema<T>) {
		super(identifierOf(tag, true), true);
		this.inner = inner;
	}

	protected decodeContent(decoder: Decoder, valueStart: number, end: number): T {
		decoder.next(valueStart, end);
		if (decoder.end !== end)
			throw new Asn1Error("ASN1_TRAILING_BYTES", `octets follow the value inside ${tagHex(this.identifier)}`);
		if (!this.inner.accepts(decoder.tag)) throw unexpectedTag(this.inner, decoder.tag);
		decoder.enter();
		const value = this.inner.decodeAt(decoder, decoder.tag, decoder.start, decoder.valueStart, decoder.end);
		decoder.leave();
		return value;
	}

	protected encodeContent(writer: BackwardWriter, value: T): void {
		this.inner.encodeTo(writer, value);
	}
}

/** A copy of a schema that differs in some fields; schemas are never changed in place. */
export function cloneWith<S extends object>(schema: S, changes: Readonly<Record<string, unknown>>): S {
	return Object.assign(Object.create(Object.getPrototypeOf(schema)), schema, changes);
}

export function unexpectedTag(schema: Schema<never> | Schema<unknown>, identifier: number): Asn1Error {
	return new Asn1Error("ASN1_TAG_UNEXPECTED", `tag ${tagHex(identifier)} where ${schema.expectation()} is expected`);
}

/**
 * Names a type of a module, with its tag where the definition has one.
 * define("Iccid", application(26), octetString({ size: 10 })) is `Iccid ::= [APPLICATION 26] OCTET STRING (SIZE(10))`.
 */
export function define<S extends Schema<unknown>>(typeName: string, schema: S): S;
export function define<T>(typeName: string, tag: Tag, schema: Schema<T>): Schema<T>;
export function define(typeName: string, ...rest: [Schema<unknown>] | [Tag, Schema<unknown>]): Schema<unknown> {
	const schema = rest.length === 1 ? rest[0] : rest[1].retag(rest[0]);
	return cloneWith(schema, { typeName });
}

/** Bounds against hostile input. */
export interface DecodeLimits {
	/** Largest message in octets; 1 MiB when absent. */
	readonly maxBytes?: number;
	/** Deepest nesting; 32 when absent. */
	readonly maxDepth?: number;
}

const MAX_BYTES = 1 << 20;
const MAX_DEPTH = 32;

/**
 * Reads exactly one value. Octet strings in it are views of `bytes`, which must not be changed afterwards.
 * @throws Asn1Error with the path of the field, such as `EuiccPackageRequest.euiccPackageSigned.counterValue`
 */
export function decode<T>(schema: Schema<T>, bytes: Uint8Array, limits: DecodeLimits = {}): T {
	try {
		const maxBytes = limits.maxBytes ?? MAX_BYTES;
		if (bytes.length > maxBytes) {
			throw new Asn1Error("ASN1_LIMIT", `${bytes.length} octets, at most ${maxBytes} are allowed`);
		}
		const plain =
			bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		const decoder = new Decoder(plain, limits.maxDepth ?? MAX_DEPTH);
		decoder.next(0, plain.length);
		if (!schema.accepts(decoder.tag)) throw unexpectedTag(schema, decoder.tag);
		if (decoder.end !== plain.length) {
			throw new Asn1Error("ASN1_TRAILING_BYTES", `${plain.length - decoder.end} octets follow after the value`);
		}
		return schema.decodeAt(decoder, decoder.tag, 0, decoder.valueStart, decoder.end);
	} catch (error) {
		throw error instanceof Asn1Error && schema.typeName !== "" ? error.within(schema.typeName) : error;
	}
}

/**
 * Writes one value in DER; a field with its DEFAULT value is left out.
 * @throws Asn1Error with the path of the field that does not fit its type
 */
export function encode<T>(schema: Schema<T>, value: T): Uint8Array {
	// A value whose members are read by getters may encode something itself: the writer is lent to one at a time.
	const writer = spareWriter ?? new BackwardWriter();
	spareWriter = undefined;
	try {
		schema.encodeTo(writer, value);
		return writer.finish();
	} catch (error) {
		throw error instanceof Asn1Error && schema.typeName !== "" ? error.within(schema.typeName) : error;
	} finally {
		writer.clear();
		spareWriter = writer;
	}
}

/** Making a buffer for each message takes longer than most messages do. */
let spareWriter: BackwardWriter | undefined;
