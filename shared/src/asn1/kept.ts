import { cloneWith, type Decoder, ExplicitSchema, Schema, TaggedSchema, unexpectedTag } from "./codec.ts";
import { Asn1Error } from "./errors.ts";
import { identifierOf, type Tag } from "./tag.ts";
import { isConstructed, readWholeTlv } from "./tlv-reader.ts";
import { BackwardWriter, lengthOctets, tagOctets } from "./tlv-writer.ts";

/** A value whose octets matter: they are verified or relayed as received, never encoded anew. */
export interface Kept<T> {
	readonly value: T;
	/** The whole TLV as received, with the tag of its own type. */
	readonly der: Uint8Array;
}

export class KeptSchema<T> extends Schema<Kept<T>> {
	readonly inner: Schema<T>;
	/** Set when a component tag replaces the type's own tag on the wire. */
	readonly replaced: number | undefined;

	constructor(inner: Schema<T>, replaced?: number) {
		super();
		this.inner = inner;
		this.replaced = replaced;
	}

	get identifiers(): readonly number[] {
		return this.replaced === undefined ? this.inner.identifiers : [this.replaced];
	}

	accepts(identifier: number): boolean {
		return this.replaced === undefined ? this.inner.accepts(identifier) : identifier === this.replaced;
	}

	decodeAt(decoder: Decoder, identifier: number, start: number, valueStart: number, end: number): Kept<T> {
		const own = this.replaced === undefined ? identifier : (this.inner.identifiers[0] as number);
		const value = this.inner.decodeAt(decoder, own, start, valueStart, end);
		const received = decoder.bytes.subarray(start, end);
		return { value, der: own === identifier ? received : withIdentifier(own, decoder.bytes.subarray(valueStart, end)) };
	}

	encodeTo(writer: BackwardWriter, value: Kept<T>): void {
		if (!(value?.der instanceof Uint8Array)) {
			throw new Asn1Error("ASN1_VALUE_INVALID", "kept octets are missing: build the value with keep()");
		}
		const whole = readWholeTlv(value.der);
		if (!this.inner.accepts(whole.tag)) throw unexpectedTag(this.inner, whole.tag);
		if (this.replaced === undefined) {
			writer.octets(value.der);
			return;
		}
		const before = writer.length;
		writer.octets(value.der.subarray(whole.valueStart));
		writer.header(this.replaced, before);
	}

	retag(tag: Tag): Schema<Kept<T>> {
		const own = this.inner.identifiers;
		if (!(this.inner instanceof TaggedSchema) || own.length !== 1) return new ExplicitSchema(tag, this);
		const identifier = identifierOf(tag, isConstructed(own[0] as number));
		return identifier === own[0] ? this : cloneWith(this, { replaced: identifier });
	}
}

function withIdentifier(identifier: number, contents: Uint8Array): Uint8Array {
	const writer = new BackwardWriter(
		contents.length + tagOctets(identifier).length + lengthOctets(contents.length).length,
	);
	writer.octets(contents);
	writer.header(identifier, 0);
	return writer.finish();
}

/**
 * A constructed type that this codec does not look into (Certificate, SubjectPublicKeyInfo, CertificateList): its value
 * is the whole TLV with its own tag, also where a component tag replaces that tag on the wire.
 */
export class OpaqueSchema extends TaggedSchema<Uint8Array> {
	readonly own: number;

	constructor(own: number) {
		super(own, isConstructed(own));
		this.own = own;
	}

	protected decodeContent({ bytes }: Decoder, valueStart: number, end: number, start: number): Uint8Array {
		return this.own === this.identifier
			? bytes.subarray(start, end)
			: withIdentifier(this.own, bytes.subarray(valueStart, end));
	}

	protected encodeContent(writer: BackwardWriter, value: Uint8Array): void {
		if (!(value instanceof Uint8Array))
			throw new Asn1Error("ASN1_VALUE_INVALID", `${typeof value} where octets are expected`);
		const whole = readWholeTlv(value);
		if (whole.tag !== this.own) throw unexpectedTag(this, whole.tag);
		writer.octets(value.subarray(whole.valueStart));
	}
}

/** An open type: any one TLV, its value being the whole TLV. A tag put on it is EXPLICIT. */
export class AnyValueSchema extends Schema<Uint8Array> {
	readonly identifiers: readonly number[] = [];

	accepts(): boolean {
		return true;
	}

	decodeAt(decoder: Decoder, _identifier: number, start: number, _valueStart: number, end: number): Uint8Array {
		return decoder.bytes.subarray(start, end);
	}

	encodeTo(writer: BackwardWriter, value: Uint8Array): void {
		if (!(value instanceof Uint8Array))
			throw new Asn1Error("ASN1_VALUE_INVALID", `${typeof value} where octets are expected`);
		readWholeTlv(value);
		writer.octets(value);
	}

	retag(tag: Tag): Schema<Uint8Array> {
		return new ExplicitSchema(tag, this);
	}

	override expectation(): string {
		return "any tag";
	}
}

export const kept = <T>(schema: Schema<T>): KeptSchema<T> => new KeptSchema(schema);
export const opaque = (identifier: number): OpaqueSchema => new OpaqueSchema(identifier);
export const anyValue = (): AnyValueSchema => new AnyValueSchema();
