/** ES9+ in ASN.1 (SGP.22 section 6.6): RemoteProfileProvisioningRequest in, RemoteProfileProvisioningResponse out. */

import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import { readTlv } from "@iot-esim/shared/asn1/tlv-reader";
import {
	CancelSessionErrorCode,
	RemoteProfileProvisioningRequest,
	RemoteProfileProvisioningResponse,
} from "@iot-esim/shared/messages/sgp22/es9plus";
import {
	AuthenticateClientErrorEs9Code,
	GetBoundProfilePackageErrorCode,
	InitiateAuthenticationErrorCode,
} from "@iot-esim/shared/messages/sgp22/es9plus-download";
import { initiateAuthentication } from "../../rsp-server/initiate-authentication.ts";
import { RspRefusal, type StatusCodeName } from "../../rsp-server/status-code.ts";
import type { SmdpContext } from "../context.ts";
import { authenticateClient } from "./authenticate-client.ts";
import { cancelSession } from "./cancel-session.ts";
import { getBoundProfilePackage } from "./get-bound-profile-package.ts";
import { handleNotification } from "./handle-notification.ts";

const UNDEFINED_ERROR = 127;

type ErrorTable = Partial<Readonly<Record<StatusCodeName, number>>>;

const initiateErrors: ErrorTable = {
	smdpAddressRefused: InitiateAuthenticationErrorCode.invalidDpAddress,
	versionUnsupported: InitiateAuthenticationErrorCode.euiccVersionNotSupportedByDp,
	noCommonPublicKey: InitiateAuthenticationErrorCode.ciPKNotSupported,
	certificateUnavailable: InitiateAuthenticationErrorCode.ciPKNotSupported,
};

const authenticateErrors: ErrorTable = {
	eumCertificateInvalid: AuthenticateClientErrorEs9Code.eumCertificateInvalid,
	eumCertificateExpired: AuthenticateClientErrorEs9Code.eumCertificateExpired,
	euiccCertificateInvalid: AuthenticateClientErrorEs9Code.euiccCertificateInvalid,
	euiccCertificateExpired: AuthenticateClientErrorEs9Code.euiccCertificateExpired,
	euiccVerificationFailed: AuthenticateClientErrorEs9Code.euiccSignatureInvalid,
	matchingIdRefused: AuthenticateClientErrorEs9Code.matchingIdRefused,
	eidRefused: AuthenticateClientErrorEs9Code.eidMismatch,
	noEligibleProfile: AuthenticateClientErrorEs9Code.noEligibleProfile,
	ciPublicKeyUnknown: AuthenticateClientErrorEs9Code.ciPKUnknown,
	transactionUnknown: AuthenticateClientErrorEs9Code.invalidTransactionId,
	insufficientMemory: AuthenticateClientErrorEs9Code.insufficientMemory,
};

const packageErrors: ErrorTable = {
	euiccVerificationFailed: GetBoundProfilePackageErrorCode.euiccSignatureInvalid,
	confirmationCodeMissing: GetBoundProfilePackageErrorCode.confirmationCodeMissing,
	confirmationCodeRefused: GetBoundProfilePackageErrorCode.confirmationCodeRefused,
	confirmationCodeRetriesExceeded: GetBoundProfilePackageErrorCode.confirmationCodeRetriesExceeded,
	bppUnavailable: GetBoundProfilePackageErrorCode.bppRebindingRefused,
	orderExpired: GetBoundProfilePackageErrorCode.downloadOrderExpired,
	transactionUnknown: GetBoundProfilePackageErrorCode.invalidTransactionId,
};

const cancelErrors: ErrorTable = {
	transactionUnknown: CancelSessionErrorCode.invalidTransactionId,
	euiccVerificationFailed: CancelSessionErrorCode.euiccSignatureInvalid,
};

/**
 * Answers one request; undefined is an answer without body (HandleNotification).
 * @throws RspRefusal formatInvalid when not even the function can be told
 */
export function answerAsn1(
	smdp: SmdpContext,
	body: Uint8Array,
	onRefusal: (refusal: RspRefusal) => void,
): Uint8Array | undefined {
	let request: RemoteProfileProvisioningRequest;
	try {
		request = decode(RemoteProfileProvisioningRequest, body);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		const refusal = new RspRefusal("formatInvalid", error.message);
		onRefusal(refusal);
		return encode(RemoteProfileProvisioningResponse, unreadable(body, refusal));
	}
	const response = run(smdp, request, onRefusal);
	return response && encode(RemoteProfileProvisioningResponse, response);
}

function run(
	smdp: SmdpContext,
	request: RemoteProfileProvisioningRequest,
	onRefusal: (refusal: RspRefusal) => void,
): RemoteProfileProvisioningResponse | undefined {
	const attempt = <T>(
		errors: ErrorTable,
		action: () => T,
		refused: (code: number) => RemoteProfileProvisioningResponse,
	): T | RemoteProfileProvisioningResponse => {
		try {
			return action();
		} catch (error) {
			if (!(error instanceof RspRefusal)) throw error;
			onRefusal(error);
			return refused(errors[error.status] ?? UNDEFINED_ERROR);
		}
	};
	if ("initiateAuthenticationRequest" in request) {
		const action = () => ({
			initiateAuthenticationResponse: {
				initiateAuthenticationOk: initiateAuthentication(smdp, request.initiateAuthenticationRequest),
			},
		});
		return attempt(initiateErrors, action, refusals.initiateAuthentication);
	}
	if ("authenticateClientRequest" in request) {
		const action = () => ({
			authenticateClientResponseEs9: {
				authenticateClientOk: authenticateClient(smdp, request.authenticateClientRequest),
			},
		});
		return attempt(authenticateErrors, action, refusals.authenticateClient);
	}
	if ("getBoundProfilePackageRequest" in request) {
		const action = () => ({
			getBoundProfilePackageResponse: {
				getBoundProfilePackageOk: getBoundProfilePackage(smdp, request.getBoundProfilePackageRequest),
			},
		});
		return attempt(packageErrors, action, refusals.getBoundProfilePackage);
	}
	if ("cancelSessionRequestEs9" in request) {
		const action = () => {
			cancelSession(smdp, request.cancelSessionRequestEs9);
			return { cancelSessionResponseEs9: { cancelSessionOk: {} } };
		};
		return attempt(cancelErrors, action, refusals.cancelSession);
	}
	handleNotification(smdp, request.handleNotification.pendingNotification);
	return undefined;
}

const refusals = {
	initiateAuthentication: (code: number) => ({
		initiateAuthenticationResponse: { initiateAuthenticationError: code },
	}),
	authenticateClient: (code: number) => ({
		authenticateClientResponseEs9: { authenticateClientError: code },
	}),
	getBoundProfilePackage: (code: number) => ({
		getBoundProfilePackageResponse: { getBoundProfilePackageError: code },
	}),
	cancelSession: (code: number) => ({ cancelSessionResponseEs9: { cancelSessionError: code } }),
};

const refusalByTag: Readonly<Record<number, (code: number) => RemoteProfileProvisioningResponse>> = {
	48953: refusals.initiateAuthentication,
	48955: refusals.authenticateClient,
	48954: refusals.getBoundProfilePackage,
	48961: refusals.cancelSession,
};

/** The undefined error of the function whose request cannot be read. */
function unreadable(body: Uint8Array, refusal: RspRefusal): RemoteProfileProvisioningResponse {
	try {
		const wrapper = readTlv(body, 0);
		const refused = refusalByTag[readTlv(body, wrapper.valueStart, wrapper.end).tag];
		if (wrapper.tag === 0xa2 && refused !== undefined) return refused(UNDEFINED_ERROR);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
	}
	throw refusal;
}
