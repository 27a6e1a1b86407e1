import type { KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import type { EUICCInfo1 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { type Certificate, parseCertificate } from "@iot-esim/shared/pki/certificate";
import type { CertificateList } from "@iot-esim/shared/pki/crl";
import { bareKeyIdentifier, TrustStore } from "@iot-esim/shared/pki/trust-store";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { loadPki, requireMember, type StoredPki } from "../pki/pki-directory.ts";
import type { RspServerContext, RspServerRole } from "./context.ts";
import { RspServerError } from "./errors.ts";
import { RspRefusal } from "./status-code.ts";

/** A certificate in DER with its key. */
export interface KeyAndCertificate {
	readonly certificate: Uint8Array;
	readonly privateKey: KeyObject;
}

/** Certificates and keys of an SM-DP+ or SM-DS under one CI. */
export interface ServerCredentials {
	readonly curve: Curve;
	readonly ci: Certificate;
	readonly trust: TrustStore;
	readonly auth: KeyAndCertificate;
	readonly tls: KeyAndCertificate;
	/** OID of the server, dotted, from its certificates. */
	readonly oid: string;
	/** Revocation lists against which eUICC and EUM certificates are checked. */
	readonly crls?: readonly CertificateList[];
}

/**
 * The credentials of a server in a PKI folder.
 * @throws SimPkiError SIM_PKI_MISSING, RspServerError RSP_SERVER_OPTION when the certificates name no OID
 */
export function serverCredentialsOf(
	pki: StoredPki,
	role: RspServerRole,
	crls: readonly CertificateList[] = [],
): ServerCredentials {
	const ci = pki.members.ci?.certificate;
	if (ci === undefined) throw new RspServerError("RSP_SERVER_OPTION", `${pki.directory} holds no CI certificate`);
	const auth = requireMember(pki, role === "SM-DP+" ? "dpAuth" : "dsAuth");
	const [oid] = parseCertificate(auth.certificate).registeredIds;
	if (oid === undefined) {
		const message = `the ${role} certificate in ${pki.directory} names no OID of its owner`;
		throw new RspServerError("RSP_SERVER_OPTION", message);
	}
	return {
		curve: pki.curve,
		ci: parseCertificate(ci),
		trust: TrustStore.of([ci]),
		auth,
		tls: requireMember(pki, role === "SM-DP+" ? "dpTls" : "dsTls"),
		oid,
		crls,
	};
}

/**
 * The PKIs in the folders, on the wanted curves. A folder of our own has one curve, one of SGP.26 may have both.
 * @throws RspServerError RSP_SERVER_OPTION when nothing fits; SimPkiError SIM_PKI_MISSING
 */
export function pkisFromFolders(folders: readonly string[], curves: readonly Curve[]): StoredPki[] {
	const pkis = folders.flatMap((folder) => {
		const isOwnLayout = existsSync(join(folder, "ci.pem"));
		const stored = isOwnLayout ? [loadPki(folder)] : curves.flatMap((curve) => sgp26(folder, curve));
		return stored.filter(({ curve }) => curves.includes(curve));
	});
	if (pkis.length > 0) return pkis;
	throw new RspServerError("RSP_SERVER_OPTION", `${folders.join(", ")} holds no PKI on ${curves.join(" or ")}`);
}

function sgp26(folder: string, curve: Curve): StoredPki[] {
	const suffix = curve === "P-256" ? "NIST" : "BRP";
	const hasCi = ["CI_ECDSA", "CI_SIG"].some((name) => existsSync(join(folder, `CERT_${name}_${suffix}.der`)));
	return hasCi ? [loadPki(folder, { curve })] : [];
}

/** What both sides agree on: whose certificates the server shows, and under which CI the eUICC signs. */
export interface ChosenCredentials {
	readonly server: ServerCredentials;
	/** euiccCiPKIdToBeUsed, as the eUICC wrote it. */
	readonly euiccCiPKId: Uint8Array;
	/** The CI under which the eUICC certificate has to stand. */
	readonly euicc: ServerCredentials;
}

/**
 * Chooses by the lists of EUICCInfo1 (SGP.22 sections 5.6.1 and 5.8.1).
 * @throws RspRefusal 8.8.2/3.1 and 8.8.4/3.7 of an SM-DP+, 8.9.2/3.1 and 8.9.4/3.7 of an SM-DS
 */
export function chooseCredentials(
	{ credentials: all, role }: Pick<RspServerContext, "credentials" | "role">,
	euiccInfo1: EUICCInfo1,
): ChosenCredentials {
	const { euiccCiPKIdListForSigning, euiccCiPKIdListForVerification } = euiccInfo1;
	for (const euiccCiPKId of euiccCiPKIdListForSigning) {
		const euicc = all.find((credentials) => isOf(credentials, euiccCiPKId));
		if (euicc === undefined) continue;
		const verifiable = all.filter((one) => euiccCiPKIdListForVerification.some((id) => isOf(one, id)));
		const server = verifiable.includes(euicc) ? euicc : verifiable[0];
		if (server !== undefined) return { server, euiccCiPKId, euicc };
		throw new RspRefusal(
			role === "SM-DP+" ? "certificateUnavailable" : "smdsCertificateUnavailable",
			`the ${role} has no certificate under a CI that the eUICC trusts`,
		);
	}
	throw new RspRefusal(
		role === "SM-DP+" ? "noCommonPublicKey" : "smdsNoCommonPublicKey",
		`the ${role} knows none of the CI keys under which the eUICC can sign`,
	);
}

function isOf(credentials: ServerCredentials, keyIdentifier: Uint8Array): boolean {
	const { subjectKeyIdentifier } = credentials.ci;
	return subjectKeyIdentifier !== undefined && equalBytes(subjectKeyIdentifier, bareKeyIdentifier(keyIdentifier));
}

/** The credentials that a session was started with; they are gone when the PKI was changed in between. */
export function credentialsOn<Credentials extends ServerCredentials>(
	{ credentials: all, role }: Pick<RspServerContext<Credentials>, "credentials" | "role">,
	curve: Curve,
): Credentials {
	const credentials = all.find((one) => one.curve === curve);
	if (credentials !== undefined) return credentials;
	throw new RspRefusal("transactionUnknown", `this ${role} has no certificates on ${curve} any more`);
}
