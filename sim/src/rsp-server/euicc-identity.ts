import type { KeyObject } from "node:crypto";
import { verifyEuiccChain, verifyEumChain } from "@iot-esim/shared/pki/chain";
import { PkiError } from "@iot-esim/shared/pki/errors";
import type { ServerCredentials } from "./credentials.ts";
import { RspRefusal, type StatusCodeName } from "./status-code.ts";

/** Who an eUICC is, by its verified certificate. */
export interface EuiccIdentity {
	readonly eid: string;
	readonly publicKey: KeyObject;
}

/**
 * Verifies CERT.EUM and CERT.EUICC up to the CI.
 * @throws RspRefusal 8.1.2/6.1, 8.1.2/6.3, 8.1.3/6.1, 8.1.3/6.3, 8.11.1/3.9
 */
export function verifyEuiccIdentity(
	credentials: ServerCredentials,
	certificates: { readonly euiccCertificate: Uint8Array; readonly eumCertificate: Uint8Array },
	at: number,
): EuiccIdentity {
	const { trust, crls = [] } = credentials;
	refusing({ invalid: "eumCertificateInvalid", expired: "eumCertificateExpired" }, () =>
		verifyEumChain({ eumCertificate: certificates.eumCertificate, trust, at, crls }),
	);
	return refusing({ invalid: "euiccCertificateInvalid", expired: "euiccCertificateExpired" }, () =>
		verifyEuiccChain({ ...certificates, trust, at, crls }),
	);
}

function refusing<T>(
	names: { readonly invalid: StatusCodeName; readonly expired: StatusCodeName },
	verify: () => T,
): T {
	try {
		return verify();
	} catch (error) {
		if (!(error instanceof PkiError)) throw error;
		if (error.code === "PKI_CERTIFICATE_EXPIRED") throw new RspRefusal(names.expired, error.message);
		const isCiUnknown = error.code === "PKI_CHAIN_UNTRUSTED" && names.invalid === "eumCertificateInvalid";
		throw new RspRefusal(isCiUnknown ? "ciPublicKeyUnknown" : names.invalid, error.message);
	}
}
