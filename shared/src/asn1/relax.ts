import { ChoiceSchema } from "./choice.ts";
import { cloneWith, Decoder, ExplicitSchema, Schema } from "./codec.ts";
import { Component } from "./component.ts";
import { KeptSchema } from "./kept.ts";
import { SequenceOfSchema, SequenceSchema } from "./sequence.ts";
import type { Tag } from "./tag.ts";
import { BackwardWriter } from "./tlv-writer.ts";

/**
 * Turns the TLV of a type into its strict form, with the same tag; the very same array means that it was strict already.
 * @throws Asn1Error when the octets are no TLVs at all
 */
export type StrictForm = (received: Uint8Array) => Uint8Array;

/** How a type may arrive, and in which form it is written. */
export interface TypeRule {
	/** `note` takes the names of what deviated. */
	readonly read?: ((received: Uint8Array, note: (what: string) => void) => Uint8Array) | undefined;
	/** Tags of other forms than the type's own; `read` turns them into it. */
	readonly otherTags?: readonly number[] | undefined;
	/** From the strict form to the one that is sent. */
	readonly write?: StrictForm | undefined;
}

/** Rules by the name of the type that they are for. */
export type RelaxRules = Readonly<Record<string, TypeRule>>;

/** A decoder that notes which types had another form, and what the rules noted about it. */
export class LenientDecoder extends Decoder {
	readonly deviations: Set<string>;
	readonly notes: Set<string>;

	constructor(bytes: Uint8Array, maxDepth: number, deviations = new Set<string>(), notes = new Set<string>()) {
		super(bytes, maxDepth);
		this.deviations = deviations;
		this.notes = notes;
	}
}

/** Nesting allowed inside a value that was rewritten. */
const MAX_DEPTH = 32;

/** A type whose values may arrive in another form than they are written in. */
class RelaxedSchema<T> extends Schema<T> {
	readonly inner: Schema<T>;
	readonly rule: TypeRule;

	constructor(inner: Schema<T>, rule: TypeRule) {
		super();
		this.inner = inner;
		this.rule = rule;
	}

	get identifiers(): readonly number[] {
		return this.inner.identifiers;
	}

	accepts(identifier: number): boolean {
		return this.inner.accepts(identifier) || this.rule.otherTags?.includes(identifier) === true;
	}

	decodeAt(decoder: Decoder, identifier: number, start: number, valueStart: number, end: number): T {
		const received = decoder.bytes.subarray(start, end);
		const known = decoder instanceof LenientDecoder ? decoder : undefined;
		const { deviations, notes } = known ?? { deviations: new Set<string>(), notes: new Set<string>() };
		const strict = this.rule.read?.(received, (what) => notes.add(what)) ?? received;
		if (strict === received) return this.inner.decodeAt(decoder, identifier, start, valueStart, end);
		deviations.add(this.inner.typeName);
		const rewritten = new LenientDecoder(strict, MAX_DEPTH, deviations, notes);
		rewritten.next(0, strict.length);
		return this.inner.decodeAt(rewritten, rewritten.tag, 0, rewritten.valueStart, rewritten.end);
	}

	encodeTo(writer: BackwardWriter, value: T): void {
		const { write } = this.rule;
		if (write === undefined) {
			this.inner.encodeTo(writer, value);
			return;
		}
		const own = new BackwardWriter();
		this.inner.encodeTo(own, value);
		writer.octets(write(own.finish()));
	}

	retag(tag: Tag): Schema<T> {
		return new RelaxedSchema(this.inner.retag(tag), this.rule);
	}
}

/**
 * The same type, reading what the rules allow at any depth and writing the forms that they name (strict without any).
 * Octets that are `kept` stay as received: the value beside them is read from the strict form, signatures run over what
 * was sent.
 */
export function relax<T>(schema: Schema<T>, rules: RelaxRules): Schema<T> {
	const inner = relaxParts(schema, rules) as Schema<T>;
	const rule = Object.hasOwn(rules, schema.typeName) ? rules[schema.typeName] : undefined;
	return rule ? new RelaxedSchema(cloneWith(inner, { typeName: schema.typeName }), rule) : inner;
}

function relaxParts(schema: Schema<unknown>, rules: RelaxRules): Schema<unknown> {
	if (schema instanceof SequenceSchema) {
		const components = schema.components.map(
			(c) => new Component(relax(c.schema, rules), c.hasTag, c.isOptional, c.defaultValue),
		);
		return cloneWith(schema, { components });
	}
	if (schema instanceof ChoiceSchema) {
		return cloneWith(schema, { alternatives: schema.alternatives.map((alternative) => relax(alternative, rules)) });
	}
	if (schema instanceof SequenceOfSchema) return cloneWith(schema, { element: relax(schema.element, rules) });
	if (schema instanceof ExplicitSchema || schema instanceof KeptSchema) {
		return cloneWith(schema, { inner: relax(schema.inner, rules) });
	}
	return schema;
}
