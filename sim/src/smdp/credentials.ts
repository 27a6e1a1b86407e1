import type { CertificateList } from "@iot-esim/shared/pki/crl";
import { requireMember, type StoredPki } from "../pki/pki-directory.ts";
import { type KeyAndCertificate, type ServerCredentials, serverCredentialsOf } from "../rsp-server/credentials.ts";

/** Certificates and keys of the SM-DP+ under one CI. */
export interface SmdpCredentials extends ServerCredentials {
	readonly pb: KeyAndCertificate;
}

/**
 * The credentials in a PKI folder.
 * @throws SimPkiError SIM_PKI_MISSING, RspServerError RSP_SERVER_OPTION when the SM-DP+ certificates name no OID
 */
export function credentialsOf(pki: StoredPki, crls: readonly CertificateList[] = []): SmdpCredentials {
	return { ...serverCredentialsOf(pki, "SM-DP+", crls), pb: requireMember(pki, "dpPb") };
}
