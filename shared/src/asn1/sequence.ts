import { equalBytes } from "../util/bytes.ts";
import { type Decoder, type Schema, TaggedSchema, unexpectedTag } from "./codec.ts";
import {
	type Component,
	type ComponentLike,
	componentList,
	decodeWithin,
	encodeWithin,
	type SequenceValue,
} from "./component.ts";
import { Asn1Error } from "./errors.ts";
import type { Size } from "./primitive.ts";
import { tagHex } from "./tag.ts";
import type { BackwardWriter } from "./tlv-writer.ts";

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
		const { element } = this;
		const values: T[] = [];
		decoder.enter();
		try {
			for (let offset = valueStart; offset < end; ) {
				decoder.next(offset, end);
				const { tag, start, valueStart: contents, end: next } = decoder;
				if (!element.accepts(tag)) throw unexpectedTag(element, tag);
				values.push(element.decodeAt(decoder, tag, start, contents, next));
				offset = next;
			}
		} catch (error) {
			throw error instanceof Asn1Error ? error.within(`[${values.length}]`) : error;
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

export const sequence = <const F extends Readonly<Record<string, ComponentLike>>>(
	fields: F,
): SequenceSchema<SequenceValue<F>> => new SequenceSchema<SequenceValue<F>>(fields);
export const sequenceOf = <T>(element: Schema<T>, options: { readonly size?: Size } = {}): SequenceOfSchema<T> =>
	new SequenceOfSchema(element, options.size);
