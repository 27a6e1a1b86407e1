import { createHash, type KeyObject } from "node:crypto";
import { tlv } from "../asn1/tlv-writer.ts";
import { curveOf } from "../crypto/curve.ts";
import { signDer } from "../crypto/ecdsa.ts";
import { utf8 } from "../util/bytes.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import * as der from "./der.ts";
import { PkiError } from "./errors.ts";
import { type KeyUsage, keyUsageBits } from "./extensions.ts";
import { encodeName, type Name } from "./name.ts";
import { oid } from "./oids.ts";

/** Where serial numbers come from; the `RandomSource` of runtime/ fits. */
export interface SerialSource {
	bytes(length: number): Uint8Array;
}

/** Who signs: a CA certificate with its private key. */
export interface Issuer {
	readonly certificate: Uint8Array | Certificate;
	readonly privateKey: KeyObject;
}

/** Times in milliseconds since 1970, written in whole seconds. */
export interface Validity {
	readonly notBefore: number;
	readonly notAfter: number;
}

/** What a certificate shall say. Roles with their fixed profiles are in issue-roles.ts. */
export interface CertificateProfile {
	readonly subject: Name;
	readonly validity: Validity;
	readonly keyUsage: readonly KeyUsage[];
	/** Absent for an end entity. */
	readonly ca?: { readonly pathLength?: number };
	readonly policies?: readonly string[];
	/** Critical unless false (SGP.26 issues the policies of TLS certificates as not critical). */
	readonly isPolicyCritical?: boolean;
	readonly extendedKeyUsage?: readonly string[];
	readonly registeredIds?: readonly string[];
	readonly dnsNames?: readonly string[];
	/** Critical name constraints with one permitted directory name each. */
	readonly permittedNames?: readonly Name[];
	/** The extension 2.23.146.1.2.2.0. */
	readonly permittedEins?: readonly string[];
	readonly crlDistributionPoints?: readonly string[];
}

/**
 * Issues a certificate; self-signed when `issuer` is only a private key, whose public key it then has to be.
 * @throws PkiError PKI_ISSUE when keys and profile do not fit together
 */
export function issueCertificate(request: {
	readonly profile: CertificateProfile;
	readonly publicKey: KeyObject;
	readonly issuer: Issuer | { readonly privateKey: KeyObject };
	readonly random: SerialSource;
}): Uint8Array {
	const { profile, publicKey, issuer } = request;
	const parent = "certificate" in issuer ? parsed(issuer.certificate) : undefined;
	curveOf(publicKey);
	curveOf(issuer.privateKey);
	if (profile.validity.notAfter < profile.validity.notBefore) {
		throw new PkiError("PKI_ISSUE", "a certificate cannot end before it begins");
	}
	if (parent !== undefined && parent.basicConstraints?.isCa !== true) {
		throw new PkiError("PKI_ISSUE", "the issuer's certificate is not one of a CA");
	}
	const subject = encodeName(profile.subject);
	const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
	const keyIdentifier = keyIdentifierOf(spki);
	const authority = parent === undefined ? undefined : (parent.subjectKeyIdentifier ?? keyIdentifierOf(parent.spkiDer));
	const algorithm = der.sequence(der.objectIdentifier(oid.ecdsaWithSha256));
	const tbs = der.sequence(
		tlv(0xa0, Uint8Array.of(0x02, 0x01, 0x02)),
		der.unsignedInteger(serialNumber(request.random)),
		algorithm,
		parent?.subjectDer ?? subject,
		der.sequence(der.time(profile.validity.notBefore), der.time(profile.validity.notAfter)),
		subject,
		spki,
		tlv(0xa3, der.sequence(...extensions(profile, keyIdentifier, authority))),
	);
	return der.sequence(tbs, algorithm, der.bitString(signDer(issuer.privateKey, tbs)));
}

/** SHA-1 of the public key's bits, method 1 of RFC 5280 section 4.2.1.2. */
export function keyIdentifierOf(spkiDer: Uint8Array): Uint8Array {
	const key = der.member(der.DerNode.whole(spkiDer).members, 1, 0x03, "the public key").value.subarray(1);
	return new Uint8Array(createHash("sha1").update(key).digest());
}

/** 16 octets, positive and never zero. */
function serialNumber(random: SerialSource): Uint8Array {
	const octets = random.bytes(16).slice();
	octets[0] = ((octets[0] as number) & 0x7f) | 0x40;
	return octets;
}

function extensions(profile: CertificateProfile, keyIdentifier: Uint8Array, authority?: Uint8Array): Uint8Array[] {
	const list: Uint8Array[] = [];
	const add = (id: string, value: Uint8Array, isCritical = false): void => {
		const flag = isCritical ? [der.booleanTrue()] : [];
		list.push(der.sequence(der.objectIdentifier(id), ...flag, der.octetString(value)));
	};
	if (authority !== undefined) add(oid.authorityKeyIdentifier, der.sequence(tlv(0x80, authority)));
	add(oid.subjectKeyIdentifier, der.octetString(keyIdentifier));
	add(oid.keyUsage, der.namedBits(profile.keyUsage.map((usage) => keyUsageBits[usage])), true);
	if (profile.extendedKeyUsage?.length) {
		add(oid.extendedKeyUsage, der.sequence(...profile.extendedKeyUsage.map(der.objectIdentifier)), true);
	}
	if (profile.policies?.length) {
		const policies = profile.policies.map((id) => der.sequence(der.objectIdentifier(id)));
		add(oid.certificatePolicies, der.sequence(...policies), profile.isPolicyCritical ?? true);
	}
	const names = [
		...(profile.dnsNames ?? []).map((name) => tlv(0x82, utf8(name))),
		...(profile.registeredIds ?? []).map((id) => tlv(0x88, der.oidContents(id))),
	];
	if (names.length > 0) add(oid.subjectAltName, der.sequence(...names));
	if (profile.ca !== undefined) add(oid.basicConstraints, basicConstraints(profile.ca.pathLength), true);
	if (profile.permittedNames?.length) add(oid.nameConstraints, nameConstraints(profile.permittedNames), true);
	if (profile.permittedEins?.length) {
		add(oid.permittedEins, der.sequence(...profile.permittedEins.map((ein) => tlv(0x13, utf8(ein)))), true);
	}
	if (profile.crlDistributionPoints?.length) {
		const points = profile.crlDistributionPoints.map((address) =>
			der.sequence(tlv(0xa0, tlv(0xa0, tlv(0x86, utf8(address))))),
		);
		add(oid.crlDistributionPoints, der.sequence(...points));
	}
	return list;
}

function basicConstraints(pathLength: number | undefined): Uint8Array {
	const limit = pathLength === undefined ? [] : [der.unsignedInteger(Uint8Array.of(pathLength))];
	return der.sequence(der.booleanTrue(), ...limit);
}

function nameConstraints(permitted: readonly Name[]): Uint8Array {
	return der.sequence(tlv(0xa0, ...permitted.map((name) => der.sequence(tlv(0xa4, encodeName(name))))));
}

function parsed(certificate: Uint8Array | Certificate): Certificate {
	return certificate instanceof Uint8Array ? parseCertificate(certificate) : certificate;
}
