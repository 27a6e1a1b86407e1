/** Certificates of each RSP role by the profiles of SGP.14, as SGP.26 issues its test certificates. */

import type { KeyObject } from "node:crypto";
import type { KeyPair } from "../crypto/ecdsa.ts";
import { Eid } from "../ids/eid.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import type { ServerRole } from "./chain.ts";
import { PkiError } from "./errors.ts";
import { type CertificateProfile, type Issuer, issueCertificate, type SerialSource, type Validity } from "./issue.ts";
import type { Name } from "./name.ts";
import { oid, rspRoleOid } from "./oids.ts";

/** What every request says. */
export interface IssueRequest {
	readonly random: SerialSource;
	readonly validity: Validity;
	/** Addresses where the issuer publishes its revocation lists. */
	readonly crlDistributionPoints?: readonly string[];
}

/** The self-signed certificate of a CI. */
export function issueCi(
	request: IssueRequest & { readonly keyPair: KeyPair; readonly subject: Name; readonly registeredId?: string },
): Uint8Array {
	const profile = withLists(request, {
		subject: request.subject,
		validity: request.validity,
		keyUsage: ["keyCertSign", "cRLSign"],
		ca: {},
		policies: [rspRoleOid.ci],
		...(request.registeredId === undefined ? {} : { registeredIds: [request.registeredId] }),
	});
	return selfSigned(profile, request.keyPair, request.random);
}

/** How an EUM certificate limits the EIDs: name constraints (variant O) or the newer extension permittedEins. */
export type EidConstraint = "nameConstraints" | "permittedEins";

/**
 * The certificate of an EUM.
 * @param request.eins beginnings of the EIDs that the EUM may issue, as "89049032"
 * @throws PkiError PKI_ISSUE when there is no such beginning, or no organization to constrain
 */
export function issueEum(
	request: IssueRequest & {
		readonly issuer: Issuer;
		readonly publicKey: KeyObject;
		readonly subject: Name;
		readonly eins: readonly string[];
		readonly constraint?: EidConstraint;
		readonly registeredId?: string;
	},
): Uint8Array {
	const { subject, eins } = request;
	const wrong = eins.find((ein) => !/^\d{1,30}$/.test(ein));
	if (eins.length === 0 || wrong !== undefined) {
		throw new PkiError("PKI_ISSUE", `an EUM needs beginnings of EIDs in digits, not "${wrong ?? ""}"`);
	}
	const { organization } = subject;
	if (organization === undefined)
		throw new PkiError("PKI_ISSUE", "the subject of an EUM certificate needs an organization");
	const limits =
		request.constraint === "permittedEins"
			? { permittedEins: eins }
			: { permittedNames: eins.map((serialNumber): Name => ({ organization, serialNumber })) };
	return issueCertificate({
		...request,
		profile: withLists(request, {
			subject,
			validity: request.validity,
			keyUsage: ["keyCertSign"],
			ca: { pathLength: 0 },
			policies: [rspRoleOid.eum],
			...(request.registeredId === undefined ? {} : { registeredIds: [request.registeredId] }),
			...limits,
		}),
	});
}

/**
 * The certificate of an eUICC; country and organization are those of its EUM.
 * @throws IdError ID_EID_INVALID
 */
export function issueEuicc(
	request: IssueRequest & {
		readonly issuer: Issuer;
		readonly publicKey: KeyObject;
		readonly eid: string;
		readonly commonName?: string;
	},
): Uint8Array {
	const { country, organization } = certificateOf(request.issuer).subject;
	const subject: Name = {
		...(country === undefined ? {} : { country }),
		...(organization === undefined ? {} : { organization }),
		serialNumber: Eid(request.eid),
		commonName: request.commonName ?? "eUICC",
	};
	return issueCertificate({
		...request,
		profile: {
			subject,
			validity: request.validity,
			keyUsage: ["digitalSignature"],
			policies: [rspRoleOid.euicc],
		},
	});
}

/**
 * A certificate of an SM-DP+ or SM-DS.
 * @param request.registeredId the OID of the SM-DP+ or SM-DS; its auth, pb and TLS certificates share it
 * @param request.hosts DNS names, for the TLS roles
 * @throws PkiError PKI_ISSUE when a TLS role has no host
 */
export function issueServer(
	request: IssueRequest & {
		readonly issuer: Issuer;
		readonly publicKey: KeyObject;
		readonly role: ServerRole;
		readonly subject: Name;
		readonly registeredId: string;
		readonly hosts?: readonly string[];
	},
): Uint8Array {
	const isTls = request.role === "dp-tls" || request.role === "ds-tls";
	if (isTls && !request.hosts?.length)
		throw new PkiError("PKI_ISSUE", `a certificate of the role ${request.role} needs a host`);
	return issueCertificate({
		...request,
		profile: withLists(request, {
			subject: request.subject,
			validity: request.validity,
			keyUsage: ["digitalSignature"],
			policies: [rspRoleOid[request.role]],
			registeredIds: [request.registeredId],
			...(isTls
				? {
						dnsNames: request.hosts ?? [],
						extendedKeyUsage: [oid.serverAuth, oid.clientAuth],
						isPolicyCritical: false,
					}
				: {}),
		}),
	});
}

/** The signing certificate of an eIM: like the one of SGP.26 it carries no policy. */
export function issueEimSigning(
	request: IssueRequest & { readonly issuer: Issuer; readonly publicKey: KeyObject; readonly subject: Name },
): Uint8Array {
	return issueCertificate({
		...request,
		profile: withLists(request, {
			subject: request.subject,
			validity: request.validity,
			keyUsage: ["digitalSignature"],
		}),
	});
}

/** A plain CA for TLS, which card and IPA trust by the eIM configuration data. */
export function issueTlsCa(request: IssueRequest & { readonly keyPair: KeyPair; readonly subject: Name }): Uint8Array {
	const profile = withLists(request, {
		subject: request.subject,
		validity: request.validity,
		keyUsage: ["keyCertSign", "cRLSign"],
		ca: { pathLength: 0 },
	});
	return selfSigned(profile, request.keyPair, request.random);
}

/**
 * A TLS server certificate without any RSP policy, as an eIM uses it.
 * @throws PkiError PKI_ISSUE without a host
 */
export function issueTlsServer(
	request: IssueRequest & {
		readonly issuer: Issuer;
		readonly publicKey: KeyObject;
		readonly hosts: readonly string[];
		readonly subject?: Name;
	},
): Uint8Array {
	const [host] = request.hosts;
	if (host === undefined) throw new PkiError("PKI_ISSUE", "a TLS server certificate needs a host");
	return issueCertificate({
		...request,
		profile: withLists(request, {
			subject: request.subject ?? { commonName: host },
			validity: request.validity,
			keyUsage: ["digitalSignature"],
			extendedKeyUsage: [oid.serverAuth],
			dnsNames: request.hosts,
		}),
	});
}

function selfSigned(profile: CertificateProfile, keyPair: KeyPair, random: SerialSource): Uint8Array {
	return issueCertificate({
		profile,
		publicKey: keyPair.publicKey,
		issuer: { privateKey: keyPair.privateKey },
		random,
	});
}

function withLists(request: IssueRequest, profile: CertificateProfile): CertificateProfile {
	const { crlDistributionPoints } = request;
	return crlDistributionPoints === undefined ? profile : { ...profile, crlDistributionPoints };
}

function certificateOf(issuer: Issuer): Certificate {
	return issuer.certificate instanceof Uint8Array ? parseCertificate(issuer.certificate) : issuer.certificate;
}
