/** Writing messages in the dialect of whom they are for. */

import { ChoiceSchema } from "../../../asn1/choice.ts";
import { ExplicitSchema } from "../../../asn1/codec.ts";
import { type RelaxRules, relax, type StrictForm } from "../../../asn1/relax.ts";
import { encode, type Kept, type Schema } from "../../../asn1/schema.ts";
import { SequenceOfSchema, SequenceSchema } from "../../../asn1/sequence.ts";
import { tlvValue } from "../../../asn1/tlv-reader.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { decodeLenient } from "../deviations.ts";
import { childrenOf, hasTags, partsOf, withChildren } from "./rewriting.ts";
import { differences } from "./table.ts";
import type { Sgp32Version } from "./version.ts";

/** How messages are written for a peer. */
export interface WireDialect {
	readonly version: Sgp32Version;
	/** Keys and certificates in EimConfigurationData keep their own tag 30 below the arm of the CHOICE. */
	readonly nestedCertificateArms?: boolean;
}

/** A value in the form of this dialect; what is kept in it (signed or relayed octets) stays as it is. */
export function encodeIn<T>(dialect: WireDialect, schema: Schema<T>, value: T): Uint8Array {
	return encode(schemaIn(dialect, schema), value);
}

/** What is going to be signed, in the form of this dialect. */
export function keepIn<T>(dialect: WireDialect, schema: Schema<T>, value: T): Kept<T> {
	return { value, der: encodeIn(dialect, schema, value) };
}

/**
 * A message of whatever form in the form of this dialect; the same octets where this dialect has no form of its own.
 * @throws Asn1Error
 */
export function inDialect<T>(dialect: WireDialect, schema: Schema<T>, message: Uint8Array): Uint8Array {
	if (!hasOtherForm(dialect, schema)) return message;
	return encodeIn(dialect, schema, decodeLenient(schema, message).value);
}

const otherwise = new Map<string, WeakMap<Schema<unknown>, boolean>>();

/** Whether anything in messages of this schema is written otherwise in this dialect. */
function hasOtherForm(dialect: WireDialect, schema: Schema<unknown>): boolean {
	const key = keyOf(dialect);
	const known = otherwise.get(key) ?? new WeakMap<Schema<unknown>, boolean>();
	otherwise.set(key, known);
	let found = known.get(schema);
	if (found === undefined) {
		found = containsAny(schema, new Set(Object.keys(rulesFor(dialect))));
		known.set(schema, found);
	}
	return found;
}

/** What is kept is never written anew, so that it is not looked into. */
function containsAny(schema: Schema<unknown>, types: ReadonlySet<string>): boolean {
	if (types.has(schema.typeName)) return true;
	if (schema instanceof SequenceSchema) return schema.components.some((one) => containsAny(one.schema, types));
	if (schema instanceof ChoiceSchema) return schema.alternatives.some((one) => containsAny(one, types));
	if (schema instanceof SequenceOfSchema) return containsAny(schema.element, types);
	return schema instanceof ExplicitSchema && containsAny(schema.inner, types);
}

const keyOf = ({ version, nestedCertificateArms }: WireDialect) => `${version} ${nestedCertificateArms ?? false}`;

const schemas = new Map<string, WeakMap<Schema<unknown>, Schema<unknown>>>();

function schemaIn<T>(dialect: WireDialect, schema: Schema<T>): Schema<T> {
	const key = keyOf(dialect);
	const known = schemas.get(key) ?? new WeakMap<Schema<unknown>, Schema<unknown>>();
	schemas.set(key, known);
	let made = known.get(schema) as Schema<T> | undefined;
	if (made === undefined) {
		made = relax(schema, rulesFor(dialect));
		known.set(schema, made);
	}
	return made;
}

function rulesFor({ version, nestedCertificateArms }: WireDialect): RelaxRules {
	const forms: Record<string, StrictForm[]> = {};
	for (const { type, versions, write } of differences) {
		if (type === undefined || write === undefined || !versions.includes(version)) continue;
		forms[type] = [...(forms[type] ?? []), write];
	}
	if (nestedCertificateArms) forms.EimConfigurationData = [...(forms.EimConfigurationData ?? []), nestedArms];
	return Object.fromEntries(
		Object.entries(forms).map(([type, writes]) => [
			type,
			{ write: (strict: Uint8Array) => writes.reduce((octets, write) => write(octets), strict) },
		]),
	);
}

/** `A5{A0{30{...}}}` for `A5{A0{...}}`. */
function nestedArms(strict: Uint8Array): Uint8Array {
	return withChildren(partsOf(strict), (child) => {
		if (child.tag !== 0xa5 && child.tag !== 0xa6) return undefined;
		const [arm] = childrenOf(strict, child);
		if (arm === undefined || hasTags(childrenOf(strict, arm), 0x30)) return undefined;
		return tlv(child.tag, tlv(arm.tag, tlv(0x30, tlvValue(strict, arm))));
	});
}
