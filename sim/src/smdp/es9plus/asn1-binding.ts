/** ES9+ in ASN.1 (SGP.22 section 6.6): RemoteProfileProvisioningRequest in, RemoteProfileProvisioningResponse out. */

import { CancelSessionErrorCode } from "@iot-esim/shared/messages/sgp22/es9plus";
import {
	AuthenticateClientErrorEs9Code,
	GetBoundProfilePackageErrorCode,
} from "@iot-esim/shared/messages/sgp22/es9plus-download";
import { type Asn1Function, initiateAuthenticationAsn1 } from "../../rsp-server/asn1-function.ts";
import type { SmdpContext } from "../context.ts";
import { authenticateClient } from "./authenticate-client.ts";
import { cancelSession } from "./cancel-session.ts";
import { getBoundProfilePackage } from "./get-bound-profile-package.ts";
import { handleNotification } from "./handle-notification.ts";

export function es9plusAsn1(smdp: SmdpContext): readonly Asn1Function[] {
	return [
		initiateAuthenticationAsn1(smdp),
		authenticateClientAsn1(smdp),
		getBoundProfilePackageAsn1(smdp),
		cancelSessionAsn1(smdp),
		{
			tag: 0xbf3d,
			run: (request) => {
				if (!("handleNotification" in request)) return undefined;
				handleNotification(smdp, request.handleNotification.pendingNotification);
				return { response: undefined };
			},
			errors: {},
		},
	];
}

function authenticateClientAsn1(smdp: SmdpContext): Asn1Function {
	return {
		tag: 0xbf3b,
		run: (request) => {
			if (!("authenticateClientRequest" in request)) return undefined;
			const authenticateClientOk = authenticateClient(smdp, request.authenticateClientRequest);
			return { response: { authenticateClientResponseEs9: { authenticateClientOk } } };
		},
		errors: {
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
		},
		refused: (code) => ({ authenticateClientResponseEs9: { authenticateClientError: code } }),
	};
}

function getBoundProfilePackageAsn1(smdp: SmdpContext): Asn1Function {
	return {
		tag: 0xbf3a,
		run: (request) => {
			if (!("getBoundProfilePackageRequest" in request)) return undefined;
			const getBoundProfilePackageOk = getBoundProfilePackage(smdp, request.getBoundProfilePackageRequest);
			return { response: { getBoundProfilePackageResponse: { getBoundProfilePackageOk } } };
		},
		errors: {
			euiccVerificationFailed: GetBoundProfilePackageErrorCode.euiccSignatureInvalid,
			confirmationCodeMissing: GetBoundProfilePackageErrorCode.confirmationCodeMissing,
			confirmationCodeRefused: GetBoundProfilePackageErrorCode.confirmationCodeRefused,
			confirmationCodeRetriesExceeded: GetBoundProfilePackageErrorCode.confirmationCodeRetriesExceeded,
			bppUnavailable: GetBoundProfilePackageErrorCode.bppRebindingRefused,
			orderExpired: GetBoundProfilePackageErrorCode.downloadOrderExpired,
			transactionUnknown: GetBoundProfilePackageErrorCode.invalidTransactionId,
		},
		refused: (code) => ({ getBoundProfilePackageResponse: { getBoundProfilePackageError: code } }),
	};
}

function cancelSessionAsn1(smdp: SmdpContext): Asn1Function {
	return {
		tag: 0xbf41,
		run: (request) => {
			if (!("cancelSessionRequestEs9" in request)) return undefined;
			cancelSession(smdp, request.cancelSessionRequestEs9);
			return { response: { cancelSessionResponseEs9: { cancelSessionOk: {} } } };
		},
		errors: {
			transactionUnknown: CancelSessionErrorCode.invalidTransactionId,
			euiccVerificationFailed: CancelSessionErrorCode.euiccSignatureInvalid,
		},
		refused: (code) => ({ cancelSessionResponseEs9: { cancelSessionError: code } }),
	};
}
