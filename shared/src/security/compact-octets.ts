/** What the compact messages share: reading both forms, and proving that one stands for the other. */

import { Asn1Error, decode, type Schema } from "../asn1/schema.ts";
import { WIRE } from "../asn1/sequence.ts";
import { findTlv, readTlvs, readWholeTlv, tlvBytes } from "../asn1/tlv-reader.ts";
import { verifyRaw } from "../crypto/ecdsa.ts";
import { parseCertificate } from "../pki/certificate.ts";
import { PkiError } from "../pki/errors.ts";
import { equalBytes } from "../util/bytes.ts";
import { SecurityError } from "./errors.ts";

/**
 * A compact message as a value. Every field of it stands for octets that are signed, so that one with an unknown field
 * cannot be rebuilt.
 * @throws SecurityError SECURITY_COMPACT_STRUCTURE
 */
export function decodeCompact<T>(schema: Schema<T>, der: Uint8Array): T {
	let value: T;
	try {
		value = decode(schema, der);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		throw structureError(schema.typeName, error.message, error);
	}
	if (hasUnknownField(value)) throw structureError(schema.typeName, "a field that this version does not know");
	return value;
}

function hasUnknownField(value: unknown): boolean {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array || isKept(value)) return false;
	const notes = (value as { [WIRE]?: { readonly unknown: readonly unknown[] } })[WIRE];
	return (notes?.unknown.length ?? 0) > 0 || Object.values(value).some(hasUnknownField);
}

/** What is signed as it stands may have fields of later versions. */
function isKept(value: object): boolean {
	return "der" in value && value.der instanceof Uint8Array;
}

export function structureError(name: string, reason: string, cause?: unknown): SecurityError {
	return new SecurityError("SECURITY_COMPACT_STRUCTURE", `not a compact ${name}: ${reason}`, { cause });
}

/** What the eIM has to know. @throws SecurityError SECURITY_COMPACT_UNKNOWN */
export function known<T>(value: T | undefined, missing: string): T {
	if (value !== undefined) return value;
	const message = `${missing} was left out of a compact message and is not known`;
	throw new SecurityError("SECURITY_COMPACT_UNKNOWN", message, { context: { missing } });
}

/**
 * The member with this tag, header and contents.
 * @throws SecurityError SECURITY_COMPACT_UNKNOWN when what should have it does not
 */
export function memberOf(der: Uint8Array, tag: number, missing: string): Uint8Array {
	const member = optionalMember(der, tag);
	return known(member, missing);
}

function optionalMember(der: Uint8Array, tag: number): Uint8Array | undefined {
	try {
		const whole = readWholeTlv(der);
		const member = findTlv(readTlvs(der, whole.valueStart, whole.end), tag);
		return member && tlvBytes(der, member);
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}

/**
 * The first of `candidates` that the eUICC has signed.
 * @throws SecurityError SECURITY_SIGNATURE_INVALID
 */
export function signedOne<T extends { readonly signed: Uint8Array }>(
	candidates: readonly T[],
	signature: Uint8Array,
	euiccCertificate: Uint8Array,
	field: string,
): T {
	const publicKey = publicKeyOf(euiccCertificate);
	const found = candidates.find(({ signed }) => verifyRaw(publicKey, signed, signature));
	if (found !== undefined) return found;
	const message = `${field} is not one of the message that a compact form was rebuilt to`;
	throw new SecurityError("SECURITY_SIGNATURE_INVALID", message);
}

function publicKeyOf(certificate: Uint8Array) {
	try {
		return parseCertificate(certificate).publicKey;
	} catch (cause) {
		if (!(cause instanceof PkiError)) throw cause;
		throw new SecurityError("SECURITY_SIGNATURE_INVALID", `the eUICC's certificate cannot be used: ${cause.message}`, {
			cause,
		});
	}
}

/** The shortest of `candidates` that comes back as `full` and is shorter; a candidate that cannot be made is undefined. */
export function faithful(
	full: Uint8Array,
	candidates: Iterable<Uint8Array | undefined>,
	restore: (compact: Uint8Array) => Uint8Array,
): Uint8Array | undefined {
	let best: Uint8Array | undefined;
	for (const candidate of candidates) {
		if (candidate === undefined || candidate.length >= (best ?? full).length) continue;
		if (comesBack(full, candidate, restore)) best = candidate;
	}
	return best;
}

function comesBack(full: Uint8Array, candidate: Uint8Array, restore: (compact: Uint8Array) => Uint8Array): boolean {
	try {
		return equalBytes(restore(candidate), full);
	} catch (error) {
		if (error instanceof SecurityError) return false;
		throw error;
	}
}

/** The full form as a value, undefined when it is another arm or cannot be read: then it is relayed as it is. */
export function readFull<T>(schema: Schema<T>, full: Uint8Array): T | undefined {
	try {
		return decode(schema, full);
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}
