import { AuthenticateClientErrorEs11Code } from "@iot-esim/shared/messages/sgp22/es11";
import { type Asn1Function, initiateAuthenticationAsn1 } from "../../rsp-server/asn1-function.ts";
import type { SmdsContext } from "../context.ts";
import { authenticateClient } from "./authenticate-client.ts";

/** ES11 in ASN.1: AuthenticateClient is asked for by BF3B and answered by BF40 (SGP.22 section 6.6). */
export function es11Asn1(smds: SmdsContext): readonly Asn1Function[] {
	return [
		initiateAuthenticationAsn1(smds),
		{
			tag: 0xbf3b,
			run: (request) => {
				if (!("authenticateClientRequest" in request)) return undefined;
				const authenticateClientOk = authenticateClient(smds, request.authenticateClientRequest);
				return { response: { authenticateClientResponseEs11: { authenticateClientOk } } };
			},
			errors: {
				eumCertificateInvalid: AuthenticateClientErrorEs11Code.eumCertificateInvalid,
				eumCertificateExpired: AuthenticateClientErrorEs11Code.eumCertificateExpired,
				euiccCertificateInvalid: AuthenticateClientErrorEs11Code.euiccCertificateInvalid,
				euiccCertificateExpired: AuthenticateClientErrorEs11Code.euiccCertificateExpired,
				euiccVerificationFailed: AuthenticateClientErrorEs11Code.euiccSignatureInvalid,
				eventUnknown: AuthenticateClientErrorEs11Code.eventIdUnknown,
				transactionUnknown: AuthenticateClientErrorEs11Code.invalidTransactionId,
			},
			refused: (code) => ({ authenticateClientResponseEs11: { authenticateClientError: code } }),
		},
	];
}
