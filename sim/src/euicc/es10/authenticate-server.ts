import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { verifyRaw } from "@iot-esim/shared/crypto/ecdsa";
import {
	AuthenticateErrorCodes,
	AuthenticateServerRequest,
	AuthenticateServerResponse as ConsumerResponse,
	EuiccSigned1 as ConsumerSigned1,
} from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { AuthenticateServerResponse, EuiccSigned1 } from "@iot-esim/shared/messages/sgp32/authenticate-server";
import { keepIn } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import type { Certificate } from "@iot-esim/shared/pki/certificate";
import { verifyServerChain } from "@iot-esim/shared/pki/chain";
import { PkiError } from "@iot-esim/shared/pki/errors";
import { rspRoleOid } from "@iot-esim/shared/pki/oids";
import type { TrustStore } from "@iot-esim/shared/pki/trust-store";
import { serverSignature1Input } from "@iot-esim/shared/security/signature-input";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { type Credential, timelessCertificate } from "../ecasd.ts";
import type { Es10Function, Euicc } from "../euicc.ts";
import type { RevocationList, SettingsStore } from "../state/settings.ts";
import { dialectOf } from "./card-version.ts";
import { consumerInfo2, iotInfo2 } from "./euicc-information.ts";

/** ES10b.AuthenticateServer (BF38, SGP.22 section 5.7.13). Every refusal leaves the session as it was. */
export const authenticateServer: Es10Function = (requestDer, euicc) => {
	const request = decode(AuthenticateServerRequest, requestDer);
	const { transactionId, serverAddress } = request.serverSigned1.value;
	const outcome = verifyServer(request, euicc);
	if (typeof outcome === "number") {
		const authenticateResponseError = { transactionId, authenticateErrorCode: outcome };
		return encode(ConsumerResponse, { authenticateResponseError });
	}
	const { credential, serverOid, role } = outcome;
	const { response, euiccSignature1 } = signAnswer(request, credential, euicc);
	// The challenge is answered once; a repeated request needs a new one.
	euicc.session.end();
	euicc.session.server = { transactionId, serverAddress, serverOid, role, credential, euiccSignature1 };
	return response;
};

interface VerifiedServer {
	readonly credential: Credential;
	readonly serverOid: string;
	readonly role: "dp-auth" | "ds-auth";
}

/** @returns the server, or the code that refuses it */
function verifyServer(
	request: AuthenticateServerRequest,
	{ session, ecasd, settings }: Euicc,
): VerifiedServer | number {
	const { challenge } = session;
	if (challenge === undefined) return AuthenticateErrorCodes.noSessionContext;
	const credential = ecasd.credentialFor(request.euiccCiPKIdToBeUsed);
	if (credential === undefined) return AuthenticateErrorCodes.ciPKUnknown;
	const server = verifiedCertificate(request.serverCertificate, ["dp-auth", "ds-auth"], ecasd.trust, settings);
	if (server === "unsupportedCurve") return AuthenticateErrorCodes.unsupportedCurve;
	if (server === "invalid") return AuthenticateErrorCodes.invalidCertificate;
	const signed = serverSignature1Input(request.serverSigned1.der);
	if (!verifyRaw(server.certificate.publicKey, signed, request.serverSignature1)) {
		return AuthenticateErrorCodes.invalidSignature;
	}
	const [serverOid] = server.certificate.registeredIds;
	if (serverOid === undefined) return AuthenticateErrorCodes.invalidOid;
	if (!equalBytes(challenge, request.serverSigned1.value.euiccChallenge)) {
		return AuthenticateErrorCodes.euiccChallengeMismatch;
	}
	return { credential, serverOid, role: server.role };
}

/**
 * A server certificate verified up to a CI of this card, with the one of `roles` that it proves, and on no revocation list
 * that was loaded (ES10b.LoadCRL); time is not asked.
 */
export function verifiedCertificate<R extends "dp-auth" | "ds-auth" | "dp-pb">(
	der: Uint8Array,
	roles: readonly R[],
	trust: TrustStore,
	settings: Pick<SettingsStore, "get">,
): { readonly certificate: Certificate; readonly role: R } | "invalid" | "unsupportedCurve" {
	try {
		const certificate = timelessCertificate(der);
		const role = roles.find((candidate) => certificate.policies.includes(rspRoleOid[candidate]));
		if (role === undefined) return "invalid";
		const { path } = verifyServerChain({ certificate, role, trust, at: 0 });
		return isRevoked(path, settings.get("revocationLists") ?? []) ? "invalid" : { certificate, role };
	} catch (error) {
		if (!(error instanceof PkiError)) throw error;
		return isCurveFailure(error) ? "unsupportedCurve" : "invalid";
	}
}

function isRevoked(path: readonly Certificate[], lists: readonly RevocationList[]): boolean {
	return lists.some(({ ciPkId, revoked }) =>
		path.some(
			({ serialNumber, authorityKeyIdentifier }) =>
				authorityKeyIdentifier !== undefined &&
				equalBytes(authorityKeyIdentifier, ciPkId) &&
				revoked.includes(serialNumber),
		),
	);
}

function isCurveFailure({ cause }: PkiError): boolean {
	return cause instanceof Error && "code" in cause && cause.code === "CRYPTO_CURVE_UNSUPPORTED";
}

function signAnswer(
	{ serverSigned1, ctxParams1 }: AuthenticateServerRequest,
	credential: Credential,
	euicc: Euicc,
): { response: Uint8Array; euiccSignature1: Uint8Array } {
	const { transactionId, serverAddress, serverChallenge } = serverSigned1.value;
	const { euiccCertificate, eumCertificate, ciPkId } = credential;
	const common = { transactionId, serverAddress, serverChallenge, ctxParams1 };
	const certificates = { euiccCertificate, eumCertificate };
	if (euicc.card.mode === "consumer") {
		const euiccSigned1 = keep(ConsumerSigned1, { ...common, euiccInfo2: consumerInfo2(euicc) });
		const euiccSignature1 = euicc.ecasd.sign(euiccSigned1.der, ciPkId);
		const authenticateResponseOk = { euiccSigned1, euiccSignature1, ...certificates };
		return { response: encode(ConsumerResponse, { authenticateResponseOk }), euiccSignature1 };
	}
	const euiccSigned1 = keepIn(dialectOf(euicc), EuiccSigned1, { ...common, euiccInfo2: iotInfo2(euicc) });
	const euiccSignature1 = euicc.ecasd.sign(euiccSigned1.der, ciPkId);
	const authenticateResponseOk = { euiccSigned1, euiccSignature1, ...certificates };
	return { response: encode(AuthenticateServerResponse, { authenticateResponseOk }), euiccSignature1 };
}
