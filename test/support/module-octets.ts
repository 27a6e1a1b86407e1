/** Octets of a type of an ASN.1 module, made and checked by looking at the module's text alone. */

import { tagHex } from "@iot-esim/shared/asn1/tag";
import { readTlvs, readWholeTlv, type Tlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import fc from "fast-check";
import { componentsOf, identifiersOf, isExplicit, type ModuleType, type Scope, structureOf } from "./asn1-module.ts";

type Octets = fc.Arbitrary<Uint8Array>;

/** Whole TLVs of a type. */
export function octetsOf(type: ModuleType, scope: Scope, automatic?: number): Octets {
	const structure = structureOf(type, scope);
	if (structure.kind === "CHOICE" && !isTagged(type, scope, automatic)) return alternatives(structure, scope);
	const [identifier] = identifiersOf(type, scope, automatic);
	if (identifier === undefined) return fc.constant(tlv(0x04, Uint8Array.of(1)));
	const inner = isExplicit(type, scope, automatic)
		? octetsOf(withoutTag(type), scope)
		: contentsOf(type, structure, scope);
	return inner.map((contents) => tlv(identifier, contents));
}

/** Where octets are no value of the type; empty when they are. Types named `opaque` are held to their tag alone. */
export function violations(
	bytes: Uint8Array,
	type: ModuleType,
	scope: Scope,
	opaque: readonly string[],
	path: string,
	automatic?: number,
): string[] {
	const whole = readWholeTlv(bytes);
	const identifiers = identifiersOf(type, scope, automatic);
	if (identifiers.length > 0 && !identifiers.includes(whole.tag)) {
		return [`${path}: tag ${tagHex(whole.tag)}, the module has ${identifiers.map(tagHex).join("/")}`];
	}
	const name = type.reference?.replace(/^SGP32-/, "");
	if (path.includes(".") && name !== undefined && opaque.includes(name)) return [];
	const structure = structureOf(type, scope);
	const members = () => readTlvs(bytes, whole.valueStart, whole.end);
	const check = (member: Tlv, inner: ModuleType, name: string, number?: number) =>
		violations(tlvBytes(bytes, member), inner, scope, opaque, `${path}.${name}`, number);
	if (isExplicit(type, scope, automatic)) {
		const [only, ...more] = members();
		if (only === undefined || more.length > 0) return [`${path}: not exactly one value`];
		return violations(tlvBytes(bytes, only), withoutTag(type), scope, opaque, path);
	}
	if (structure.kind === "CHOICE") {
		const chosen = isTagged(type, scope, automatic) ? members()[0] : whole;
		const arm = componentsOf(structure).find(([field, number]) =>
			identifiersOf(field.type, scope, number).includes(chosen?.tag ?? 0),
		);
		if (arm === undefined || chosen === undefined) return [`${path}: no arm of the CHOICE`];
		return check(chosen, arm[0].type, arm[0].name, arm[1]);
	}
	if (structure.kind === "SEQUENCE OF") {
		return members().flatMap((member, i) => check(member, structure.element as ModuleType, `${i}`));
	}
	if (structure.kind !== "SEQUENCE") return [];
	const left = members();
	const found: string[] = [];
	for (const [field, number] of componentsOf(structure)) {
		const expected = identifiersOf(field.type, scope, number);
		const [next] = left;
		if (next !== undefined && (expected.length === 0 || expected.includes(next.tag))) {
			found.push(...check(next, field.type, field.name, number));
			left.shift();
		} else if (field.presence === "mandatory") found.push(`${path}.${field.name}: missing`);
	}
	return left.length === 0 ? found : [...found, `${path}: ${left.map(({ tag }) => tagHex(tag)).join()} has no place`];
}

function withoutTag({ tag: _, ...bare }: ModuleType): ModuleType {
	return bare;
}

function isTagged(type: ModuleType, scope: Scope, automatic: number | undefined): boolean {
	if (type.tag !== undefined || automatic !== undefined) return true;
	const target = type.reference === undefined ? undefined : scope(type.reference);
	return target !== undefined && isTagged(target, scope, undefined);
}

function alternatives(structure: ModuleType, scope: Scope): Octets {
	return fc.oneof(...componentsOf(structure).map(([field, number]) => octetsOf(field.type, scope, number)));
}

function contentsOf(type: ModuleType, structure: ModuleType, scope: Scope): Octets {
	switch (structure.kind) {
		case "CHOICE":
			return alternatives(structure, scope);
		case "SEQUENCE":
			return fc
				.tuple(
					...componentsOf(structure).map(([field, number]) => {
						const whole = octetsOf(field.type, scope, number);
						const isOptional = field.presence !== "mandatory";
						return isOptional ? fc.oneof(whole, fc.constant(new Uint8Array())) : whole;
					}),
				)
				.map((members) => concatBytes(...members));
		case "SEQUENCE OF":
			return fc
				.array(octetsOf(structure.element as ModuleType, scope), { maxLength: 2 })
				.map((members) => concatBytes(...members));
		default:
			return primitive(type, structure);
	}
}

/** Algorithm and BIT STRING: a key whole, or a certificate after its contents. */
const KEY = concatBytes(tlv(0x30), tlv(0x03, Uint8Array.of(0)));

function primitive(type: ModuleType, { kind, size, named }: ModuleType): Octets {
	// A text that may be empty never is: an identifier of no characters names nobody.
	const least = size?.[0] ?? (kind === "UTF8String" ? 1 : 0);
	const length = { minLength: least, maxLength: Math.min(size?.[1] ?? 12, least + 12) };
	switch (kind) {
		case "BOOLEAN":
			return fc.constantFrom(Uint8Array.of(0), Uint8Array.of(0xff));
		case "NULL":
			return fc.constant(new Uint8Array());
		case "INTEGER": {
			const codes = Object.values(named ?? {});
			const code = codes.length === 0 ? fc.integer({ min: 0, max: 127 }) : fc.constantFrom(...codes);
			return code.map((value) => Uint8Array.of(value));
		}
		case "OCTET STRING":
			return fc.uint8Array(length);
		case "UTF8String":
			return fc.string({ unit: "grapheme-ascii", ...length }).map((text) => new TextEncoder().encode(text));
		case "OBJECT IDENTIFIER":
			return fc.constant(Uint8Array.of(0x2a, 0x03, 0x04));
		case "BIT STRING":
			return fc.constantFrom(Uint8Array.of(0), Uint8Array.of(4, 0x50), Uint8Array.of(6, 0xc0));
		case "OPAQUE":
			return fc.constant(type.reference === "SubjectPublicKeyInfo" ? KEY : concatBytes(tlv(0x30), KEY));
		default:
			return fc.constant(tlv(0x05));
	}
}
