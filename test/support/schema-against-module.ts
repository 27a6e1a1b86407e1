import { ChoiceSchema } from "@iot-esim/shared/asn1/choice";
import { ExplicitSchema, type Schema } from "@iot-esim/shared/asn1/codec";
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
import { SequenceOfSchema, SequenceSchema } from "@iot-esim/shared/asn1/sequence";
import { tagHex } from "@iot-esim/shared/asn1/tag";
import {
	componentsOf,
	identifiersOf,
	isExplicit,
	type ModuleField,
	type ModuleType,
	type Scope,
	structureOf,
} from "./asn1-module.ts";

/** Where a schema differs from the type of the module; empty when it does not. */
export function differences(schema: Schema<unknown>, type: ModuleType, scope: Scope, path: string): string[] {
	const found: string[] = [];
	compare(schema, type, scope, path, undefined, found);
	return found;
}

function compare(
	schema: Schema<unknown>,
	type: ModuleType,
	scope: Scope,
	path: string,
	automatic: number | undefined,
	found: string[],
): void {
	const expected = identifiersOf(type, scope, automatic);
	if (hexes(schema.identifiers) !== hexes(expected)) {
		found.push(`${path}: tag ${hexes(schema.identifiers)}, the module has ${hexes(expected)}`);
	}
	compareStructure(schema, type, scope, path, automatic, found);
}

function hexes(identifiers: readonly number[]): string {
	return identifiers.length === 0
		? "any"
		: [...identifiers]
				.sort((a, b) => a - b)
				.map(tagHex)
				.join("/");
}

/** Compares what stands below the tag: the tag itself was compared already, and `kept` is transparent here. */
function compareStructure(
	schema: Schema<unknown>,
	type: ModuleType,
	scope: Scope,
	path: string,
	automatic: number | undefined,
	found: string[],
): void {
	if (schema instanceof KeptSchema) {
		compareStructure(schema.inner, type, scope, path, automatic, found);
		return;
	}
	const structure = structureOf(type, scope);
	if (schema instanceof ExplicitSchema) {
		if (!hasExplicit(type, scope, automatic)) found.push(`${path}: EXPLICIT, in the module it is not`);
		compareStructure(schema.inner, structure, scope, path, undefined, found);
		return;
	}
	if (schema instanceof SequenceSchema && structure.kind === "SEQUENCE") {
		const schemas = schema.components.map((component) => component.schema);
		compareNames(schema.names, structure, path, found);
		for (const [i, [field, number]] of componentsOf(structure).entries()) {
			const component = schema.components[i];
			if (!component) continue;
			comparePresence(component, field, `${path}.${field.name}`, found);
			compare(schemas[i] as Schema<unknown>, field.type, scope, `${path}.${field.name}`, number, found);
		}
	} else if (schema instanceof ChoiceSchema && structure.kind === "CHOICE") {
		compareNames(schema.names, structure, path, found);
		for (const [i, [field, number]] of componentsOf(structure).entries()) {
			const alternative = schema.alternatives[i];
			if (alternative) compare(alternative, field.type, scope, `${path}.${field.name}`, number, found);
		}
	} else if (schema instanceof SequenceOfSchema && structure.kind === "SEQUENCE OF") {
		compareSize(schema.size, sizeOf(type, scope), path, found);
		compare(schema.element, structure.element as ModuleType, scope, `${path}[]`, undefined, found);
	} else comparePrimitive(schema, type, scope, path, found);
}

/** True when somewhere between the type and its structure a tag stands over an untagged CHOICE or open type. */
function hasExplicit(type: ModuleType, scope: Scope, automatic: number | undefined): boolean {
	if (isExplicit(type, scope, automatic)) return true;
	const target = type.reference === undefined ? undefined : scope(type.reference);
	return target !== undefined && hasExplicit(target, scope, undefined);
}

function compareNames(names: readonly string[], structure: ModuleType, path: string, found: string[]): void {
	const expected = (structure.fields ?? []).map((field) => field.name);
	if (names.join() !== expected.join())
		found.push(`${path}: fields ${names.join()}, the module has ${expected.join()}`);
}

function comparePresence(
	component: { readonly isOptional: boolean; readonly defaultValue: unknown },
	field: ModuleField,
	path: string,
	found: string[],
): void {
	const presence = component.defaultValue !== undefined ? "default" : component.isOptional ? "optional" : "mandatory";
	if (presence !== field.presence) found.push(`${path}: ${presence}, in the module ${field.presence}`);
	if (presence === "default" && !isDefault(component.defaultValue, field.defaultTokens)) {
		found.push(
			`${path}: DEFAULT ${JSON.stringify(component.defaultValue)}, in the module ${field.defaultTokens.join()}`,
		);
	}
}

/** `operational` is the only name that stands as a DEFAULT in these modules. */
const DEFAULT_NAMES: Readonly<Record<string, unknown>> = { TRUE: true, FALSE: false, operational: 2 };

function isDefault(value: unknown, tokens: readonly string[]): boolean {
	if (Array.isArray(value))
		return value.length === tokens.length && value.every((v, i) => isDefault(v, [tokens[i] ?? ""]));
	const token = tokens[0] ?? "";
	if (value instanceof Uint8Array) return `'${Buffer.from(value).toString("hex").toUpperCase()}'H` === token;
	return token in DEFAULT_NAMES ? DEFAULT_NAMES[token] === value : Number(token) === value;
}

const KINDS: readonly [new (...args: never[]) => Schema<unknown>, string][] = [
	[BooleanSchema, "BOOLEAN"],
	[NullSchema, "NULL"],
	[IntegerSchema, "INTEGER"],
	[OctetStringSchema, "OCTET STRING"],
	[Utf8StringSchema, "UTF8String"],
	[ObjectIdentifierSchema, "OBJECT IDENTIFIER"],
	[BitStringSchema, "BIT STRING"],
	[OpaqueSchema, "OPAQUE"],
	[AnyValueSchema, "OPEN"],
];

function comparePrimitive(
	schema: Schema<unknown>,
	type: ModuleType,
	scope: Scope,
	path: string,
	found: string[],
): void {
	const structure = structureOf(type, scope);
	const kind = KINDS.find(([schemaClass]) => schema instanceof schemaClass)?.[1] ?? schema.constructor.name;
	if (kind !== structure.kind) {
		found.push(`${path}: ${kind}, in the module ${structure.kind}`);
		return;
	}
	if (schema instanceof OctetStringSchema || schema instanceof Utf8StringSchema) {
		compareSize(schema.size, sizeOf(type, scope), path, found);
	}
	if (schema instanceof BitStringSchema || schema instanceof IntegerSchema) {
		const named = JSON.stringify(schema.named);
		const expected = JSON.stringify(structure.named ?? {});
		if (named !== expected) found.push(`${path}: names ${named}, in the module ${expected}`);
	}
	if (schema instanceof IntegerSchema) {
		const [min, max] = structure.range ?? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
		if (schema.min !== min || schema.max !== max)
			found.push(`${path}: ${schema.min}..${schema.max}, not ${min}..${max}`);
	}
}

function sizeOf(type: ModuleType, scope: Scope): readonly [number, number] | undefined {
	return structureOf(type, scope).size;
}

function compareSize(
	size: Size | undefined,
	expected: readonly [number, number] | undefined,
	path: string,
	found: string[],
): void {
	const bounds = size === undefined ? undefined : typeof size === "number" ? [size, size] : [...size];
	const wanted = expected?.map((bound) => Math.min(bound, Number.MAX_SAFE_INTEGER));
	if (JSON.stringify(bounds) !== JSON.stringify(wanted)) {
		found.push(`${path}: size ${JSON.stringify(bounds)}, in the module ${JSON.stringify(wanted)}`);
	}
}
