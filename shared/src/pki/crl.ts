import type { KeyObject } from "node:crypto";
import { tlv } from "../asn1/tlv-writer.ts";
import { signDer, verifyDer } from "../crypto/ecdsa.ts";
import { equalBytes, fromHex, toHex } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";
import type { Certificate } from "./certificate.ts";
import * as der from "./der.ts";
import { PkiError } from "./errors.ts";
import { readExtension } from "./extensions.ts";
import { decodeName, type Name } from "./name.ts";
import { oid } from "./oids.ts";

/** A certificate revocation list (RFC 5280 section 5), read but not verified. */
export interface CertificateList {
	readonly der: Uint8Array;
	readonly tbsDer: Uint8Array;
	readonly signatureAlgorithm: string;
	readonly signature: Uint8Array;
	readonly issuer: Name;
	readonly issuerDer: Uint8Array;
	readonly authorityKeyIdentifier?: Uint8Array;
	/** Milliseconds since 1970. */
	readonly thisUpdate: number;
	readonly nextUpdate?: number;
	/** Grows with every list of this issuer; the parts of one list share it. Absent where the list has none. */
	readonly crlNumber?: number;
	/** Only in the base of a list that comes in parts (SGP.22 section 4.6): how many there are beside it. */
	readonly totalPartialCrlNumber?: number;
	/** Only in such a part: from 1 to that number. */
	readonly partialCrlNumber?: number;
	/** Moment of revocation by serial number (upper-case hex, as Certificate.serialNumber). */
	readonly revoked: ReadonlyMap<string, number>;
}

/** Extensions that do not change what a listed serial number means. */
const harmless: ReadonlySet<string> = new Set([oid.issuingDistributionPoint, oid.rspExpirationDate]);

const NUMBERED: ReadonlyMap<string, "crlNumber" | "totalPartialCrlNumber" | "partialCrlNumber"> = new Map([
	[oid.crlNumber, "crlNumber"],
	[oid.rspTotalPartialCrlNumber, "totalPartialCrlNumber"],
	[oid.rspPartialCrlNumber, "partialCrlNumber"],
]);

/**
 * Reads the DER form of one list.
 * @throws PkiError PKI_CRL_INVALID
 */
export function parseCrl(bytes: Uint8Array): CertificateList {
	try {
		return readCrl(bytes);
	} catch (error) {
		if (!(error instanceof der.DerError || error instanceof EsimError)) throw error;
		throw new PkiError("PKI_CRL_INVALID", `not a revocation list: ${error.message}`, { cause: error });
	}
}

function readCrl(bytes: Uint8Array): CertificateList {
	const parts = der.DerNode.whole(bytes).expect(0x30, "the list").members;
	const tbs = der.member(parts, 0, 0x30, "the signed part");
	const algorithm = der.member(parts, 1, 0x30, "the signature algorithm");
	const signature = der.member(parts, 2, 0x03, "the signature").value;
	const fields = tbs.members;
	if (fields[0]?.tag === 0x02) fields.shift();
	const inner = der.member(fields, 0, 0x30, "the inner signature algorithm");
	if (!equalBytes(inner.der, algorithm.der)) throw new der.DerError("the two signature algorithms differ");
	if (signature[0] !== 0) throw new der.DerError("the signature is not whole octets");
	const issuer = der.member(fields, 1, 0x30, "the issuer");
	const thisUpdate = fields[2];
	if (thisUpdate === undefined) throw new der.DerError("thisUpdate is missing");
	const nextUpdate = fields[3]?.tag === 0x17 || fields[3]?.tag === 0x18 ? fields[3] : undefined;
	const entries = fields.slice(3).find((field) => field.tag === 0x30);
	const extensions = readCrlExtensions(fields.find((field) => field.tag === 0xa0)?.members[0]);
	return {
		der: bytes,
		tbsDer: tbs.der,
		signatureAlgorithm: der.decodeOid(der.member(algorithm.members, 0, 0x06, "the signature algorithm").value),
		signature: signature.subarray(1),
		issuer: decodeName(issuer),
		issuerDer: issuer.der,
		...extensions,
		thisUpdate: der.decodeTime(thisUpdate),
		...(nextUpdate === undefined ? {} : { nextUpdate: der.decodeTime(nextUpdate) }),
		revoked: readEntries(entries),
	};
}

function readEntries(entries: der.DerNode | undefined): ReadonlyMap<string, number> {
	const revoked = new Map<string, number>();
	for (const entry of entries?.members ?? []) {
		const [serial, at] = entry.expect(0x30, "an entry").members;
		if (serial === undefined || at === undefined) throw new der.DerError("an entry has no serial number and date");
		revoked.set(toHex(serial.expect(0x02, "a serial number").value), der.decodeTime(at));
	}
	return revoked;
}

type CrlExtensions = Pick<
	CertificateList,
	"authorityKeyIdentifier" | "crlNumber" | "totalPartialCrlNumber" | "partialCrlNumber"
>;

function readCrlExtensions(extensions: der.DerNode | undefined): CrlExtensions {
	const read: { -readonly [K in keyof CrlExtensions]: CrlExtensions[K] } = {};
	for (const extension of extensions?.members ?? []) {
		const { id, isCritical, value } = readExtension(extension);
		const numbered = NUMBERED.get(id);
		if (numbered !== undefined) read[numbered] = wholeNumber(der.DerNode.whole(value));
		else if (id === oid.authorityKeyIdentifier) {
			const keyIdentifier = der.DerNode.whole(value).members.find((part) => part.tag === 0x80)?.value;
			if (keyIdentifier !== undefined) read.authorityKeyIdentifier = keyIdentifier;
		} else if (isCritical && !harmless.has(id)) {
			throw new der.DerError(`the critical extension ${id} is not understood`);
		}
	}
	return read;
}

/** Lists are numbered by octets that a number of JavaScript holds exactly. */
const LONGEST_NUMBER = 6;

function wholeNumber(node: der.DerNode): number {
	const { value } = node.expect(0x02, "a number of the list");
	if (value.length === 0 || value.length > LONGEST_NUMBER || (value[0] as number) >= 0x80) {
		throw new der.DerError("a number of the list is negative or too large");
	}
	return Number.parseInt(toHex(value), 16);
}

/** True when the list is of the CA `issuer`: name, key identifier and signature. */
export function isCrlOf(crl: CertificateList, issuer: Certificate): boolean {
	if (!equalBytes(crl.issuerDer, issuer.subjectDer)) return false;
	if (crl.authorityKeyIdentifier !== undefined && issuer.subjectKeyIdentifier !== undefined) {
		if (!equalBytes(crl.authorityKeyIdentifier, issuer.subjectKeyIdentifier)) return false;
	}
	return crl.signatureAlgorithm === oid.ecdsaWithSha256 && verifyDer(issuer.publicKey, crl.tbsDer, crl.signature);
}

/** True while the list is the newest word of its issuer. */
export function isCrlCurrent(crl: CertificateList, at: number): boolean {
	return crl.thisUpdate <= at && (crl.nextUpdate === undefined || at <= crl.nextUpdate);
}

/** Signs a list of revoked serial numbers. */
export function issueCrl(request: {
	readonly issuer: Certificate;
	readonly privateKey: KeyObject;
	readonly thisUpdate: number;
	readonly nextUpdate: number;
	/** Grows with every list of this issuer. */
	readonly crlNumber: number;
	/** Makes this the base of a list in so many parts. */
	readonly totalPartialCrlNumber?: number;
	/** Makes this one of the parts. */
	readonly partialCrlNumber?: number;
	readonly revoked: readonly { readonly serialNumber: string; readonly at: number }[];
}): Uint8Array {
	const { issuer, revoked } = request;
	const algorithm = der.sequence(der.objectIdentifier(oid.ecdsaWithSha256));
	const entries = revoked.map((entry) => der.sequence(tlv(0x02, fromHex(entry.serialNumber)), der.time(entry.at)));
	const extensions: Uint8Array[] = [];
	if (issuer.subjectKeyIdentifier !== undefined) {
		const keyIdentifier = der.sequence(tlv(0x80, issuer.subjectKeyIdentifier));
		extensions.push(der.sequence(der.objectIdentifier(oid.authorityKeyIdentifier), der.octetString(keyIdentifier)));
	}
	for (const [id, name] of NUMBERED) {
		const value = request[name];
		if (value === undefined) continue;
		const number = der.unsignedInteger(fromHex(value.toString(16).padStart(8, "0")));
		extensions.push(der.sequence(der.objectIdentifier(id), der.octetString(number)));
	}
	const tbs = der.sequence(
		Uint8Array.of(0x02, 0x01, 0x01),
		algorithm,
		issuer.subjectDer,
		der.time(request.thisUpdate),
		der.time(request.nextUpdate),
		...(entries.length === 0 ? [] : [der.sequence(...entries)]),
		tlv(0xa0, der.sequence(...extensions)),
	);
	return der.sequence(tbs, algorithm, der.bitString(signDer(request.privateKey, tbs)));
}
