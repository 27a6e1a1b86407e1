import { ChoiceSchema } from "@iot-esim/shared/asn1/choice";
import { ExplicitSchema } from "@iot-esim/shared/asn1/codec";
import { AnyValueSchema, KeptSchema, OpaqueSchema } from "@iot-esim/shared/asn1/kept";
import {
	BitStringSchema,
	BooleanSchema,
	IntegerSchema,
	NullSchema,
	ObjectIdentifierSchema,
	OctetStringSchema,
	type Size,
	Utf8StringSchema,
} from "@iot-esim/shared/asn1/primitive";
import { keep, type Schema } from "@iot-esim/shared/asn1/schema";
import { SequenceOfSchema, SequenceSchema } from "@iot-esim/shared/asn1/sequence";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import fc from "fast-check";

/** How far above its lower bound a generated string or list may go: long ones find nothing more and cost time. */
const EXTRA = 12;
const EXTRA_ELEMENTS = 2;

const known = new WeakMap<Schema<unknown>, fc.Arbitrary<unknown>>();

/** Values of a schema, made by looking at the schema alone; DEFAULT fields always have a value. */
export function valuesOf(schema: Schema<unknown>): fc.Arbitrary<unknown> {
	const found = known.get(schema);
	if (found) return found;
	const made = arbitraryOf(schema);
	known.set(schema, made);
	return made;
}

function arbitraryOf(schema: Schema<unknown>): fc.Arbitrary<unknown> {
	if (schema instanceof SequenceSchema) return sequences(schema);
	if (schema instanceof SequenceOfSchema) return lists(schema);
	if (schema instanceof ChoiceSchema) return choices(schema);
	if (schema instanceof ExplicitSchema) return valuesOf(schema.inner);
	if (schema instanceof KeptSchema) return valuesOf(schema.inner).map((value) => keep(schema.inner, value));
	if (schema instanceof OpaqueSchema) return tlvs.map((inner) => tlv(schema.own, inner));
	if (schema instanceof AnyValueSchema) return tlvs;
	return primitives(schema);
}

const tlvs = fc
	.tuple(fc.constantFrom(0x02, 0x04, 0x0c, 0x80, 0x9f70), fc.uint8Array({ minLength: 1, maxLength: EXTRA }))
	.map(([tag, contents]) => tlv(tag, contents));

function primitives(schema: Schema<unknown>): fc.Arbitrary<unknown> {
	if (schema instanceof BooleanSchema) return fc.boolean();
	if (schema instanceof NullSchema) return fc.constant(null);
	if (schema instanceof IntegerSchema) return integers(schema);
	if (schema instanceof OctetStringSchema) return fc.uint8Array(lengths(schema.size));
	if (schema instanceof Utf8StringSchema) return fc.string({ unit: "binary", ...lengths(schema.size) });
	if (schema instanceof ObjectIdentifierSchema) return objectIdentifiers;
	if (schema instanceof BitStringSchema) {
		return fc.array(fc.constantFrom("0", "1"), { maxLength: 40 }).map((bits) => bits.join(""));
	}
	throw new Error(`no values for ${schema.constructor.name}`);
}

function lengths(size: Size | undefined, extra = EXTRA): { minLength: number; maxLength: number } {
	const [min, max] = size === undefined ? [0, extra] : typeof size === "number" ? [size, size] : size;
	return { minLength: min, maxLength: Math.min(max, min + extra) };
}

function integers(schema: IntegerSchema): fc.Arbitrary<number> {
	const min = Math.max(schema.min, Number.MIN_SAFE_INTEGER);
	const max = Math.min(schema.max, Number.MAX_SAFE_INTEGER);
	const edges = [min, max, -129, -128, -1, 0, 1, 127, 128, 255, 256, 65535, ...Object.values(schema.named)];
	return fc.oneof(
		fc.constantFrom(...edges.filter((value) => value >= min && value <= max)),
		fc.integer({ min, max }),
		fc.integer({ min: Math.max(min, -(2 ** 31)), max: Math.min(max, 2 ** 31 - 1) }),
	);
}

const objectIdentifiers = fc
	.tuple(
		fc.oneof(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.nat(39)), fc.tuple(fc.constant(2), fc.nat(100_000))),
		fc.array(fc.oneof(fc.nat(200), fc.nat(2 ** 31 - 1)), { maxLength: 6 }),
	)
	.map(([top, arcs]) => [...top, ...arcs].join("."));

function sequences(schema: SequenceSchema<unknown>): fc.Arbitrary<unknown> {
	const model: Record<string, fc.Arbitrary<unknown>> = {};
	const requiredKeys: string[] = [];
	for (const [i, name] of schema.names.entries()) {
		const component = schema.components[i];
		if (!component) throw new Error(`${name} has no component`);
		const isDefault = component.defaultValue !== undefined;
		const values = valuesOf(component.schema);
		model[name] = isDefault ? fc.oneof(fc.constant(component.defaultValue), values) : values;
		if (!component.isOptional || isDefault) requiredKeys.push(name);
	}
	return fc.record(model, { requiredKeys, noNullPrototype: true });
}

function lists(schema: SequenceOfSchema<unknown>): fc.Arbitrary<unknown> {
	return fc.array(valuesOf(schema.element), lengths(schema.size, EXTRA_ELEMENTS));
}

function choices(schema: ChoiceSchema<unknown>): fc.Arbitrary<unknown> {
	return fc.oneof(
		...schema.names.map((name, i) => {
			const alternative = schema.alternatives[i];
			if (!alternative) throw new Error(`${name} has no type`);
			return valuesOf(alternative).map((value) => ({ [name]: value }));
		}),
	);
}
