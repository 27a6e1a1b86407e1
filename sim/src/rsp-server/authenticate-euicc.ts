import { verifyRaw } from "@iot-esim/shared/crypto/ecdsa";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { AuthenticateResponseOk } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import type { AuthenticateClientRequest } from "@iot-esim/shared/messages/sgp22/es9plus-download";
import { euiccSignature1Input } from "@iot-esim/shared/security/signature-input";
import { equalBytes, fromBase64, toBase64 } from "@iot-esim/shared/util/bytes";
import type { RspServerContext } from "./context.ts";
import { credentialsOn, type ServerCredentials } from "./credentials.ts";
import { type EuiccIdentity, verifyEuiccIdentity } from "./euicc-identity.ts";
import type { AuthenticatedEuicc, Session } from "./session.ts";
import { RspRefusal } from "./status-code.ts";

/** An eUICC whose certificates, signature and challenge are verified. */
export interface AuthenticatedAnswer<Offer> {
	readonly session: Session<Offer>;
	readonly answer: AuthenticateResponseOk;
	readonly euicc: AuthenticatedEuicc;
}

/**
 * What AuthenticateClient of ES9+ and of ES11 begins with (SGP.22 sections 5.6.3 and 5.8.2).
 * @throws RspRefusal 8.10.1/3.9, 8.1.2, 8.1.3, 8.11.1/3.9, 8.1/6.1; 8.1/4.2 when the eUICC refused the server
 */
export function authenticateEuicc<Offer>(
	server: RspServerContext<ServerCredentials, Offer>,
	request: AuthenticateClientRequest,
): AuthenticatedAnswer<Offer> {
	const session = server.sessions.require(TransactionId.fromBytes(request.transactionId));
	const response = request.authenticateServerResponse.value;
	if ("authenticateResponseError" in response) {
		server.sessions.end(session.transactionId);
		const { authenticateErrorCode } = response.authenticateResponseError;
		throw new RspRefusal("euiccReportedError", `the eUICC refused the server with error ${authenticateErrorCode}`);
	}
	const answer = response.authenticateResponseOk;
	const { eid } = verifyAnswer(server, session, answer);
	return { session, answer, euicc: { eid, certificate: toBase64(answer.euiccCertificate) } };
}

/** Certificates, signature and challenge. */
function verifyAnswer(
	server: Pick<RspServerContext, "credentials" | "role" | "clock">,
	session: Session<unknown>,
	answer: AuthenticateResponseOk,
): EuiccIdentity {
	const credentials = credentialsOn(server, session.euiccCurve);
	const identity = verifyEuiccIdentity(credentials, answer, server.clock.now());
	const { value, der } = answer.euiccSigned1;
	if (!verifyRaw(identity.publicKey, euiccSignature1Input(der), answer.euiccSignature1)) {
		throw new RspRefusal(
			"euiccVerificationFailed",
			"euiccSignature1 is not one by the key of CERT.EUICC",
			identity.eid,
		);
	}
	if (!equalBytes(value.serverChallenge, fromBase64(session.serverChallenge))) {
		throw new RspRefusal("euiccVerificationFailed", "the eUICC signed another serverChallenge", identity.eid);
	}
	if (TransactionId.fromBytes(value.transactionId) !== session.transactionId) {
		throw new RspRefusal("transactionUnknown", "the eUICC signed another transactionId", session.transactionId);
	}
	return identity;
}
