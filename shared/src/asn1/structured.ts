import { equalBytes } from "../util/bytes.ts";
import { cloneWith, type Decoder, ExplicitSchema, Schema, TaggedSchema, unexpectedTag } from "./codec.ts";
import { Asn1Error } from "./errors.ts";
import type { Size } from "./primitive.ts";
import { context, identifierOf, type Tag, tagHex } from "./tag.ts";
import { isConstructed, readWholeTlv } from "./tlv-reader.ts";
import { BackwardWriter, lengthOctets, tagOctets } from "./tlv-writer.ts";

/** A component of a SEQUENCE or CHOICE: its type, whether a tag is written at it, and whether it may be absent. */
export class Component<T, Absent extends boolean> {
	declare readonly valueType: T;
	declare readonly absent: Absent;
	readonly schema: Schema<T>;
	/** True when the module writes a tag at this component, which switches AUTOMATIC TAGS off for the whole list. */
	readonly hasTag: boolean;
	readonly isOptional: boolean;
	readonly defaultValue: T | undefined;

	constructor(schema: Schema<T>, hasTag: boolean, isOptional: boolean, defaultValue?: T) {
		this.schema = schema;
		this.hasTag = hasTag;
		this.isOptional = isOptional;
		this.defaultValue = defaultValue;
	}
}

type ComponentLike = Schema<unknown> | Component<unknown, boolean>;
type ComponentValue<C> = C extends Component<infer T, boolean> ? T : C extends Schema<infer T> ? T : never;
type AbsentKeys<F> = { [K in keyof F]: F[K] extends Component<unknown, true> ? K : never }[keyof F];

/** Value of a SEQUENCE: one property per component, in the module's spelling; absent components have no key. */
export type SequenceValue<F> = { [K in Exclude<keyof F, AbsentKeys<F>>]: ComponentValue<F[K]> } & {
	[K in AbsentKeys<F>]?: ComponentValue<F[K]>;
};

/** Value of a CHOICE: an object with exactly one key. */
export type ChoiceValue<F> = { [K in keyof F]: { [P in K]: ComponentValue<F[K]> } }[keyof F];

/** `name [n] Type`: a component with a textual tag. */
export function at<T>(tag: Tag, schema: Schema<T>): Component<T, false> {
	return new Component<T, false>(schema.retag(tag), true, false);
}

/** `Type OPTIONAL`. */
export function optional<T>(of: Schema<T> | Component<T, false>): Component<T, true> {
	const component = asComponent(of);
	return new Component<T, true>(component.schema, component.hasTag, true);
}

/** `Type DEFAULT value`: filled in when absent, left out when equal. */
export function withDefault<T>(of: Schema<T> | Component<T, false>, value: T): Component<T, true> {
	const component = asComponent(of);
	return new Component<T, true>(component.schema, component.hasTag, true, value);
}

function asComponent<T>(of: Schema<T> | Component<T, boolean>): Component<T, boolean> {
	return of instanceof Component ? of : new Component<T, boolean>(of, false, false);
}

/** Applies AUTOMATIC TAGS to a component list: [0], [1], ... when no component has a textual tag (X.680 §25.3, §29.3). */
function componentList(fields: Readonly<Record<string, ComponentLike>>): Component<unknown, boolean>[] {
	const components = Object.values(fields).map(asComponent);
	if (components.some((component) => component.hasTag)) return components;
	return components.map((c, i) => new Component(c.schema.retag(context(i)), false, c.isOptional, c.defaultValue));
}

/** How a decoded SEQUENCE differed from DER, so that encoding it gives the same octets again. */
export const WIRE = Symbol("wire");
interface WireNotes {
	/** Unknown TLVs, each standing before the component with this index. */
	readonly unknown: readonly { readonly before: number; readonly der: Uint8Array }[];
	/** Components that were written although they have their DEFAULT value. */
	readonly explicitDefaults: readonly string[];
}
type Fields = Record<string, unknown> & { [WIRE]?: WireNotes };

export class SequenceSchema<T> extends TaggedSchema<T> {
	readonly names: readonly string[];
	readonly components: readonly Component<unknown, boolean>[];

	constructor(fields: Readonly<Record<string, ComponentLike>>) {
		super(0x30, true);
		this.names = Object.keys(fields);
		this.components = componentList(fields);
	}

	protected decodeContent(decoder: Decoder, valueStart: number, end: number): T {
		const { components, names } = this;
		const value: Fields = {};
		let unknown: { before: number; der: Uint8Array }[] | undefined;
		let explicitDefaults: string[] | undefined;
		let index = 0;
		decoder.enter();
		for (let offset = valueStart; offset < end; ) {
			decoder.next(offset, end);
			const { tag, start, valueStart: contents, end: next } = decoder;
			const found = findComponent(components, tag, index);
			if (found < 0) {
				unknown ??= [];
				unknown.push({ before: index, der: decoder.bytes.subarray(start, next) });
			} else {
				while (index < found) this.skip(index++, value);
				const component = components[found] as Component<unknown, boolean>;
				const name = names[found] as string;
				const decoded = decodeWithin(component.schema, decoder, name, tag, start, contents, next);
				value[name] = decoded;
				if (component.defaultValue !== undefined && sameValue(decoded, component.defaultValue)) {
					explicitDefaults ??= [];
					explicitDefaults.push(name);
				}
				index = found + 1;
			}
			offset = next;
		}
		while (index < components.length) this.skip(index++, value);
		decoder.leave();
		if (unknown || explicitDefaults) value[WIRE] = { unknown: unknown ?? [], explicitDefaults: explicitDefaults ?? [] };
		return value as T;
	}

	protected encodeContent(writer: BackwardWriter, value: T): void {
		if (typeof value !== "object" || value === null) {
			throw new Asn1Error("ASN1_VALUE_INVALID", `${typeof value} where an object is expected`);
		}
		const fields = value as Fields;
		const notes = fields[WIRE];
		for (let i = this.components.length; i >= 0; i--) {
			if (notes) for (const note of notes.unknown.filter((n) => n.before === i).reverse()) writer.octets(note.der);
			if (i > 0) this.encodeField(writer, i - 1, fields, notes);
		}
	}

	private encodeField(writer: BackwardWriter, index: number, fields: Fields, notes: WireNotes | undefined): void {
		const name = this.names[index] as string;
		const component = this.components[index] as Component<unknown, boolean>;
		const value = fields[name];
		if (value === undefined) {
			if (component.isOptional) return;
			throw new Asn1Error("ASN1_FIELD_MISSING", "is mandatory", name);
		}
		const isDefault = component.defaultValue !== undefined && sameValue(value, component.defaultValue);
		if (isDefault && !notes?.explicitDefaults.includes(name)) return;
		encodeWithin(component.schema, writer, name, value);
	}

	/** Passes over a component that is absent on the wire. */
	private skip(index: number, value: Fields): void {
		const component = this.components[index] as Component<unknown, boolean>;
		const name = this.names[index] as string;
		if (!component.isOptional) {
			throw new Asn1Error("ASN1_FIELD_MISSING", `tag ${component.schema.expectation()} is missing`, name);
		}
		if (component.defaultValue !== undefined) value[name] = component.defaultValue;
	}
}

/** Index of the next component that takes this tag, or -1 for an unknown field. */
function findComponent(components: readonly Component<unknown, boolean>[], tag: number, from: number): number {
	for (let i = from; i < components.length; i++) {
		if ((components[i] as Component<unknown, boolean>).schema.accepts(tag)) return i;
	}
	for (let i = 0; i < from; i++) {
		if ((components[i] as Component<unknown, boolean>).schema.accepts(tag)) {
			throw new Asn1Error("ASN1_TAG_UNEXPECTED", `tag ${tagHex(tag)} stands twice or out of order`);
		}
	}
	return -1;
}

function decodeWithin<T>(
	schema: Schema<T>,
	decoder: Decoder,
	name: string,
	identifier: number,
	start: number,
	valueStart: number,
	end: number,
): T {
	try {
		return schema.decodeAt(decoder, identifier, start, valueStart, end);
	} catch (error) {
		throw error instanceof Asn1Error ? error.within(name) : error;
	}
}

function encodeWithin<T>(schema: Schema<T>, writer: BackwardWriter, name: string, value: T): void {
	try {
		schema.encodeTo(writer, value);
	} catch (error) {
		throw error instanceof Asn1Error ? error.within(name) : error;
	}
}

function sameValue(a: unknown, b: unknown): boolean {
	if (a === b) return true;
	if (a instanceof Uint8Array) return b instanceof Uint8Array && equalBytes(a, b);
	return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
}

export class SequenceOfSchema<T> extends TaggedSchema<T[]> {
	readonly element: Schema<T>;
	readonly size: Size | undefined;

	constructor(element: Schema<T>, size: Size | undefined) {
		super(0x30, true);
		this.element = element;
		this.size = size;
	}

	protected decodeContent(decoder: Decoder, valueStart: number, end: number): T[] {
		const values: T[] = [];
		decoder.enter();
		for (let offset = valueStart; offset < end; ) {
			decoder.next(offset, end);
			const { tag, start, valueStart: contents, end: next } = decoder;
			if (!this.element.accepts(tag)) throw unexpectedTag(this.element, tag).within(`[${values.length}]`);
			values.push(decodeWithin(this.element, decoder, `[${values.length}]`, tag, start, contents, next));
			offset = next;
		}
		decoder.leave();
		checkCount(values.length, this.size);
		return values;
	}

	protected encodeContent(writer: BackwardWriter, values: T[]): void {
		if (!Array.isArray(values)) throw new Asn1Error("ASN1_VALUE_INVALID", `${typeof values} where a list is expected`);
		checkCount(values.length, this.size);
		for (let i = values.length - 1; i >= 0; i--) encodeWithin(this.element, writer, `[${i}]`, values[i] as T);
	}
}

function checkCount(count: number, size: Size | undefined): void {
	if (size === undefined) return;
	const [min, max] = typeof size === "number" ? [size, size] : size;
	if (count < min || count > max) {
		throw new Asn1Error("ASN1_CONSTRAINT", `${count} elements, ${min === max ? min : `${min} to ${max}`} are allowed`);
	}
}

/** An untagged CHOICE: recognised by the tags of its alternatives; a tag put on it is EXPLICIT (X.680 §31.2.7). */
export class ChoiceSchema<T> extends Schema<T> {
	readonly names: readonly string[];
	readonly alternatives: readonly Schema<unknown>[];
	readonly identifiers: readonly number[];
	private readonly byIdentifier: ReadonlyMap<number, number>;

	constructor(fields: Readonly<Record<string, ComponentLike>>) {
		super();
		this.names = Object.keys(fields);
		this.alternatives = componentList(fields).map((component) => component.schema);
		const byIdentifier = new Map<number, number>();
		for (const [index, alternative] of this.alternatives.entries()) {
			for (const identifier of alternative.identifiers) {
				if (byIdentifier.has(identifier)) throw new TypeError(`two alternatives have tag ${tagHex(identifier)}`);
				byIdentifier.set(identifier, index);
			}
		}
		this.byIdentifier = byIdentifier;
		this.identifiers = [...byIdentifier.keys()];
	}

	accepts(identifier: number): boolean {
		return this.byIdentifier.has(identifier);
	}

	decodeAt(decoder: Decoder, identifier: number, start: number, valueStart: number, end: number): T {
		const index = this.byIdentifier.get(identifier) as number;
		const name = this.names[index] as string;
		const alternative = this.alternatives[index] as Schema<unknown>;
		return { [name]: decodeWithin(alternative, decoder, name, identifier, start, valueStart, end) } as T;
	}

	encodeTo(writer: BackwardWriter, value: T): void {
		const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
		const name = keys[0] ?? "";
		const index = this.names.indexOf(name);
		if (keys.length !== 1 || index < 0) {
			const given = keys.length === 0 ? typeof value : keys.join(", ");
			throw new Asn1Error("ASN1_VALUE_INVALID", `one of ${this.names.join(", ")} is expected, not ${given}`);
		}
		encodeWithin(this.alternatives[index] as Schema<unknown>, writer, name, (value as Record<string, unknown>)[name]);
	}

	retag(tag: Tag): Schema<T> {
		return new ExplicitSchema(tag, this);
	}
}

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

export const sequence = <const F extends Readonly<Record<string, ComponentLike>>>(
	fields: F,
): SequenceSchema<SequenceValue<F>> => new SequenceSchema<SequenceValue<F>>(fields);
export const sequenceOf = <T>(element: Schema<T>, options: { readonly size?: Size } = {}): SequenceOfSchema<T> =>
	new SequenceOfSchema(element, options.size);
export const choice = <const F extends Readonly<Record<string, ComponentLike>>>(
	alternatives: F,
): ChoiceSchema<ChoiceValue<F>> => new ChoiceSchema<ChoiceValue<F>>(alternatives);
export const kept = <T>(schema: Schema<T>): KeptSchema<T> => new KeptSchema(schema);
export const opaque = (identifier: number): OpaqueSchema => new OpaqueSchema(identifier);
export const anyValue = (): AnyValueSchema => new AnyValueSchema();
