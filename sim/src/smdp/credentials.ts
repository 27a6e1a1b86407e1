import type { KeyObject } from "node:crypto";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import type { EUICCInfo1 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { type Certificate, parseCertificate } from "@iot-esim/shared/pki/certificate";
import type { CertificateList } from "@iot-esim/shared/pki/crl";
import { bareKeyIdentifier, TrustStore } from "@iot-esim/shared/pki/trust-store";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { requireMember, type StoredPki } from "../pki/pki-directory.ts";
import { SmdpError } from "./errors.ts";
import { RspRefusal } from "./status-code.ts";

/** Certificates and keys of the SM-DP+ under one CI. */
export interface SmdpCredentials {
	readonly curve: Curve;
	readonly ci: Certificate;
	readonly trust: TrustStore;
	readonly auth: { readonly certificate: Uint8Array; readonly privateKey: KeyObject };
	readonly pb: { readonly certificate: Uint8Array; readonly privateKey: KeyObject };
	readonly tls: { readonly certificate: Uint8Array; readonly privateKey: KeyObject };
	/** OID of the SM-DP+, dotted, from its certificates. */
	readonly smdpOid: string;
	/** Revocation lists against which eUICC and EUM certificates are checked. */
	readonly crls?: readonly CertificateList[];
}

/**
 * The credentials in a PKI folder.
 * @throws SimPkiError SIM_PKI_MISSING, SmdpError SMDP_OPTION when the SM-DP+ certificates name no OID
 */
export function credentialsOf(pki: StoredPki, crls: readonly CertificateList[] = []): SmdpCredentials {
	const ci = pki.members.ci?.certificate;
	if (ci === undefined) throw new SmdpError("SMDP_OPTION", `${pki.directory} holds no CI certificate`);
	const trust = TrustStore.of([ci]);
	const auth = requireMember(pki, "dpAuth");
	const [smdpOid] = parseCertificate(auth.certificate).registeredIds;
	if (smdpOid === undefined) {
		throw new SmdpError("SMDP_OPTION", `the SM-DP+ certificate in ${pki.directory} names no OID of its owner`);
	}
	return {
		curve: pki.curve,
		ci: parseCertificate(ci),
		trust,
		auth,
		pb: requireMember(pki, "dpPb"),
		tls: requireMember(pki, "dpTls"),
		smdpOid,
		crls,
	};
}

/** What both sides agree on: whose certificates the server shows, and under which CI the eUICC signs. */
export interface ChosenCredentials {
	readonly server: SmdpCredentials;
	/** euiccCiPKIdToBeUsed, as the eUICC wrote it. */
	readonly euiccCiPKId: Uint8Array;
	/** The CI under which the eUICC certificate has to stand. */
	readonly euicc: SmdpCredentials;
}

/**
 * Chooses by the lists of EUICCInfo1 (SGP.22 section 5.6.1).
 * @throws RspRefusal noCommonPublicKey (8.8.2/3.1), certificateUnavailable (8.8.4/3.7)
 */
export function chooseCredentials(all: readonly SmdpCredentials[], euiccInfo1: EUICCInfo1): ChosenCredentials {
	const { euiccCiPKIdListForSigning, euiccCiPKIdListForVerification } = euiccInfo1;
	for (const euiccCiPKId of euiccCiPKIdListForSigning) {
		const euicc = all.find((credentials) => isOf(credentials, euiccCiPKId));
		if (euicc === undefined) continue;
		const verifiable = all.filter((one) => euiccCiPKIdListForVerification.some((id) => isOf(one, id)));
		const server = verifiable.includes(euicc) ? euicc : verifiable[0];
		if (server !== undefined) return { server, euiccCiPKId, euicc };
		throw new RspRefusal("certificateUnavailable", "the SM-DP+ has no certificate under a CI that the eUICC trusts");
	}
	throw new RspRefusal("noCommonPublicKey", "the SM-DP+ knows none of the CI keys under which the eUICC can sign");
}

function isOf(credentials: SmdpCredentials, keyIdentifier: Uint8Array): boolean {
	const { subjectKeyIdentifier } = credentials.ci;
	return subjectKeyIdentifier !== undefined && equalBytes(subjectKeyIdentifier, bareKeyIdentifier(keyIdentifier));
}
