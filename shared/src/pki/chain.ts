import type { KeyObject } from "node:crypto";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { type CertificateList, isCrlCurrent, isCrlOf, parseCrl } from "./crl.ts";
import { PkiError } from "./errors.ts";
import type { KeyUsage } from "./extensions.ts";
import { type Name, nameText } from "./name.ts";
import { type RspRole, rspRoleOid } from "./oids.ts";
import { isIssuedBy, keyIdentifierText, type TrustStore } from "./trust-store.ts";

/** Roles of an SM-DP+ or SM-DS that a certificate chain proves. */
export type ServerRole = Extract<RspRole, "dp-auth" | "dp-pb" | "dp-tls" | "ds-auth" | "ds-tls">;

export interface ChainOptions {
	readonly trust: TrustStore;
	/** The moment of which validity is asked, milliseconds since 1970. */
	readonly at: number;
	/** Revocation lists at hand; a list whose issuer is not in the chain is passed over. */
	readonly crls?: readonly (Uint8Array | CertificateList)[];
	/** When true, every certificate below the CI needs a current list of its issuer. */
	readonly requireCrl?: boolean;
	/** CA certificates that may stand between (SubCAs of SGP.22 version 3). */
	readonly intermediates?: readonly (Uint8Array | Certificate)[];
}

export interface VerifiedChain {
	readonly certificate: Certificate;
	readonly publicKey: KeyObject;
	/** The CI certificate that the chain ends in. */
	readonly ci: Certificate;
	/** From the verified certificate to the CI. */
	readonly path: readonly Certificate[];
}

export interface VerifiedEuicc extends VerifiedChain {
	/** The 32 digits of the certificate's subject. */
	readonly eid: string;
	readonly eum: Certificate;
}

/** More CA certificates than any profile of RSP allows. */
const LONGEST_PATH = 6;

/**
 * Verifies CERT.EUICC, CERT.EUM and the CI (SGP.22 section 4.5.2.2): signatures, names, time, key usage, policies,
 * path length, revocation, and that the EID is one that the EUM may issue.
 * @param request.eid when given, the EID that the certificate must be of
 * @throws PkiError with a code of its own for each failure
 */
export function verifyEuiccChain(
	request: ChainOptions & {
		readonly euiccCertificate: Uint8Array | Certificate;
		readonly eumCertificate: Uint8Array | Certificate;
		readonly eid?: string;
	},
): VerifiedEuicc {
	const euicc = certificateOf(request.euiccCertificate);
	const eum = certificateOf(request.eumCertificate);
	const path = buildPath(euicc, [eum, ...(request.intermediates ?? []).map(certificateOf)], request.trust);
	if (path[1] !== eum) {
		throw new PkiError(
			"PKI_CHAIN_UNTRUSTED",
			"the eUICC certificate was not issued by the EUM certificate given with it",
		);
	}
	checkEndEntity(euicc, "euicc");
	checkPolicy(eum, "eum");
	checkPath(path, request);
	const eid = checkEid(euicc, path.slice(1));
	if (request.eid !== undefined && request.eid !== eid) {
		throw new PkiError("PKI_EID_MISMATCH", `the certificate is of the eUICC ${eid}, not of ${request.eid}`, {
			context: { eid: request.eid, certificateEid: eid },
		});
	}
	return { ...verified(path), eid, eum };
}

/**
 * Verifies a certificate of an SM-DP+ or SM-DS up to a CI for the role it is used in.
 * @throws PkiError with a code of its own for each failure
 */
export function verifyServerChain(
	request: ChainOptions & { readonly certificate: Uint8Array | Certificate; readonly role: ServerRole },
): VerifiedChain & { readonly registeredIds: readonly string[] } {
	const certificate = certificateOf(request.certificate);
	const path = buildPath(certificate, (request.intermediates ?? []).map(certificateOf), request.trust);
	checkEndEntity(certificate, request.role);
	checkPath(path, request);
	checkNames(certificate, path.slice(1));
	return { ...verified(path), registeredIds: certificate.registeredIds };
}

/** Verifies an EUM certificate up to a CI. @throws PkiError */
export function verifyEumChain(
	request: ChainOptions & { readonly eumCertificate: Uint8Array | Certificate },
): VerifiedChain {
	const eum = certificateOf(request.eumCertificate);
	const path = buildPath(eum, (request.intermediates ?? []).map(certificateOf), request.trust);
	checkPolicy(eum, "eum");
	checkAuthority(eum, 0);
	checkPath(path, request);
	return verified(path);
}

/** The first chain of names and signatures from `leaf` to an anchor. */
function buildPath(leaf: Certificate, intermediates: readonly Certificate[], trust: TrustStore): Certificate[] {
	let foundIssuer = false;
	const extend = (path: readonly Certificate[]): Certificate[] | undefined => {
		const last = path.at(-1) as Certificate;
		const anchors = trust.issuersOf(last);
		const others = path.length < LONGEST_PATH ? intermediates.filter((one) => !path.includes(one)) : [];
		for (const issuer of [...anchors, ...others.filter((one) => isIssuedBy(last, one))]) {
			foundIssuer = true;
			if (!trust.isSignedBy(last, issuer)) continue;
			if (anchors.includes(issuer)) return [...path, issuer];
			const whole = extend([...path, issuer]);
			if (whole !== undefined) return whole;
		}
		return undefined;
	};
	const path = extend([leaf]);
	if (path !== undefined) return path;
	if (foundIssuer && !isSignedByAny(leaf, intermediates, trust)) {
		throw new PkiError("PKI_SIGNATURE", `the certificate ${nameText(leaf.subject)} is not signed by its issuer`);
	}
	throw untrusted(leaf, intermediates, trust);
}

function isSignedByAny(leaf: Certificate, intermediates: readonly Certificate[], trust: TrustStore): boolean {
	return intermediates.some((issuer) => isIssuedBy(leaf, issuer) && trust.isSignedBy(leaf, issuer));
}

/** Names the highest certificate that was reached; its issuer is what is missing or what did not sign it. */
function untrusted(leaf: Certificate, intermediates: readonly Certificate[], trust: TrustStore): PkiError {
	let top = leaf;
	for (let steps = 0; steps < LONGEST_PATH; steps++) {
		const next = intermediates.find((one) => one !== top && isIssuedBy(top, one));
		if (next === undefined) break;
		top = next;
	}
	if (trust.issuersOf(top).length > 0) {
		return new PkiError("PKI_SIGNATURE", `the certificate ${nameText(top.subject)} is not signed by its issuer`);
	}
	const keyIdentifier = keyIdentifierText(top.authorityKeyIdentifier);
	return new PkiError(
		"PKI_CHAIN_UNTRUSTED",
		`no trusted CI issued ${nameText(top.subject)}: wanted ${nameText(top.issuer)} with the key identifier ${keyIdentifier}`,
		{ context: { authorityKeyIdentifier: keyIdentifier } },
	);
}

/** Everything that is asked of every certificate of a chain. */
function checkPath(path: readonly Certificate[], options: ChainOptions): void {
	path.forEach((certificate, depth) => {
		if (depth > 0) checkAuthority(certificate, depth - 1);
		checkTime(certificate, options.at);
		const [unknown] = certificate.unknownCritical;
		if (unknown !== undefined) {
			const subject = nameText(certificate.subject);
			throw new PkiError(
				"PKI_EXTENSION_UNKNOWN",
				`${subject} has the critical extension ${unknown}, which is not understood`,
			);
		}
	});
	checkRevocation(path, options);
}

function checkTime(certificate: Certificate, at: number): void {
	if (at < certificate.notBefore) {
		const from = new Date(certificate.notBefore).toISOString();
		throw new PkiError("PKI_CERTIFICATE_NOT_YET_VALID", `${nameText(certificate.subject)} is valid from ${from} on`);
	}
	if (at > certificate.notAfter) {
		const until = new Date(certificate.notAfter).toISOString();
		throw new PkiError("PKI_CERTIFICATE_EXPIRED", `${nameText(certificate.subject)} was valid until ${until}`);
	}
}

function checkEndEntity(certificate: Certificate, role: RspRole): void {
	if (certificate.basicConstraints?.isCa === true) {
		throw new PkiError(
			"PKI_BASIC_CONSTRAINTS",
			`${nameText(certificate.subject)} is a CA, not a certificate of the role ${role}`,
		);
	}
	checkKeyUsage(certificate, "digitalSignature");
	checkPolicy(certificate, role);
}

/** @param below CA certificates between this one and the end entity, which a path length limits */
function checkAuthority(certificate: Certificate, below: number): void {
	const { basicConstraints } = certificate;
	if (basicConstraints?.isCa !== true) {
		throw new PkiError("PKI_BASIC_CONSTRAINTS", `${nameText(certificate.subject)} is no CA but issued a certificate`);
	}
	if (basicConstraints.pathLength !== undefined && below > basicConstraints.pathLength) {
		const { pathLength } = basicConstraints;
		throw new PkiError(
			"PKI_PATH_LENGTH",
			`${nameText(certificate.subject)} allows ${pathLength} CA below it, here are ${below}`,
		);
	}
	checkKeyUsage(certificate, "keyCertSign");
}

function checkKeyUsage(certificate: Certificate, usage: KeyUsage): void {
	if (certificate.keyUsage?.includes(usage) !== true) {
		const allowed = certificate.keyUsage?.join(", ") ?? "no key usage";
		throw new PkiError("PKI_KEY_USAGE", `${nameText(certificate.subject)} allows ${allowed}, ${usage} is needed`);
	}
}

function checkPolicy(certificate: Certificate, role: RspRole): void {
	if (!certificate.policies.includes(rspRoleOid[role])) {
		const found = certificate.policies.length === 0 ? "none" : certificate.policies.join(", ");
		throw new PkiError(
			"PKI_POLICY",
			`${nameText(certificate.subject)} lacks the policy ${rspRoleOid[role]} of the role ${role}; it has ${found}`,
		);
	}
}

/** SGP.22 section 4.5.2.1.0.2: the EID begins with what the EUM certificate permits. */
function checkEid(euicc: Certificate, authorities: readonly Certificate[]): string {
	const eid = euicc.subject.serialNumber ?? "";
	if (!/^\d{32}$/.test(eid)) {
		throw new PkiError("PKI_EID_OUT_OF_RANGE", `the subject of an eUICC certificate holds the EID, not "${eid}"`);
	}
	const eum = authorities[0];
	const permittedNames = eum?.nameConstraints?.permitted ?? [];
	const hasRange = eum?.permittedEins !== undefined || permittedNames.length > 0;
	// A constraint without a serialNumber, or with an empty one, would permit the EIDs of every EUM.
	const isRange = permittedNames.every(({ serialNumber }) => serialNumber !== undefined && serialNumber !== "");
	if (!hasRange || (eum?.permittedEins === undefined && !isRange)) {
		throw new PkiError(
			"PKI_EID_OUT_OF_RANGE",
			"the EUM certificate limits no EIDs: neither name constraints with a serialNumber nor permittedEins",
		);
	}
	checkNames(euicc, authorities);
	for (const { permittedEins, subject } of authorities) {
		if (permittedEins !== undefined && !permittedEins.some((ein) => eid.startsWith(ein))) {
			throw outOfRange(eid, subject, permittedEins);
		}
	}
	return eid;
}

function checkNames(certificate: Certificate, authorities: readonly Certificate[]): void {
	for (const { nameConstraints, subject } of authorities) {
		if (nameConstraints === undefined || nameConstraints.permitted.length === 0) continue;
		if (!nameConstraints.permitted.some((permitted) => isWithin(certificate.subject, permitted))) {
			throw outOfRange(
				certificate.subject.serialNumber ?? nameText(certificate.subject),
				subject,
				nameConstraints.permitted.map(nameText),
			);
		}
	}
}

/** A serialNumber in a constraint is the beginning of an EID, any other attribute has to be the same. */
function isWithin(subject: Name, permitted: Name): boolean {
	if (permitted.serialNumber !== undefined && subject.serialNumber?.startsWith(permitted.serialNumber) !== true)
		return false;
	const isSame = (["commonName", "organization", "organizationalUnit", "country"] as const).every(
		(field) => permitted[field] === undefined || permitted[field] === subject[field],
	);
	return isSame && Object.entries(permitted.others ?? {}).every(([id, text]) => subject.others?.[id] === text);
}

function outOfRange(eid: string, issuer: Name, permitted: readonly string[]): PkiError {
	const allowed = permitted.join("; ");
	return new PkiError(
		"PKI_EID_OUT_OF_RANGE",
		`${eid} is not one that ${nameText(issuer)} may issue; permitted: ${allowed}`,
	);
}

function checkRevocation(path: readonly Certificate[], options: ChainOptions): void {
	const lists = (options.crls ?? []).map((crl) => (crl instanceof Uint8Array ? parseCrl(crl) : crl));
	path.slice(0, -1).forEach((certificate, depth) => {
		const issuer = path[depth + 1] as Certificate;
		const ofIssuer = lists.filter((crl) => isCrlOf(crl, issuer));
		const revokedAt = ofIssuer
			.map((crl) => crl.revoked.get(certificate.serialNumber))
			.find((moment) => moment !== undefined && moment <= options.at);
		if (revokedAt !== undefined) {
			const since = new Date(revokedAt).toISOString();
			throw new PkiError("PKI_REVOKED", `${nameText(certificate.subject)} was revoked at ${since}`, {
				context: { serialNumber: certificate.serialNumber },
			});
		}
		if (options.requireCrl === true && !ofIssuer.some((crl) => isCrlCurrent(crl, options.at))) {
			throw new PkiError("PKI_CRL_MISSING", `no current revocation list of ${nameText(issuer.subject)} is at hand`);
		}
	});
}

function verified(path: readonly Certificate[]): VerifiedChain {
	const certificate = path[0] as Certificate;
	return { certificate, publicKey: certificate.publicKey, ci: path.at(-1) as Certificate, path };
}

function certificateOf(certificate: Uint8Array | Certificate): Certificate {
	return certificate instanceof Uint8Array ? parseCertificate(certificate) : certificate;
}
