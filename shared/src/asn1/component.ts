import type { Decoder, Schema } from "./codec.ts";
import { Asn1Error } from "./errors.ts";
import { context, type Tag } from "./tag.ts";
import type { BackwardWriter } from "./tlv-writer.ts";

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

export type ComponentLike = Schema<unknown> | Component<unknown, boolean>;
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
export function componentList(fields: Readonly<Record<string, ComponentLike>>): Component<unknown, boolean>[] {
	const components = Object.values(fields).map(asComponent);
	if (components.some((component) => component.hasTag)) return components;
	return components.map((c, i) => new Component(c.schema.retag(context(i)), false, c.isOptional, c.defaultValue));
}

export function decodeWithin<T>(
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

export function encodeWithin<T>(schema: Schema<T>, writer: BackwardWriter, name: string, value: T): void {
	try {
		schema.encodeTo(writer, value);
	} catch (error) {
		throw error instanceof Asn1Error ? error.within(name) : error;
	}
}
