import type { KeyObject } from "node:crypto";
import type { Kept } from "../asn1/schema.ts";
import { verifyRaw } from "../crypto/ecdsa.ts";
import type { CancelSessionResponseOk, EuiccCancelSessionSigned } from "../messages/sgp22/cancel-session.ts";
import type { NotificationMetadata } from "../messages/sgp22/notification-metadata.ts";
import type { OtherSignedNotification } from "../messages/sgp22/notifications.ts";
import type {
	ProfileInstallationResult,
	ProfileInstallationResultData,
} from "../messages/sgp22/profile-installation-result.ts";
import type {
	EuiccPackageErrorDataSigned,
	EuiccPackageResult,
	EuiccPackageResultDataSigned,
} from "../messages/sgp32/euicc-package-result.ts";
import { SecurityError } from "./errors.ts";
import {
	euiccCancelSessionSignatureInput,
	euiccNotificationSignatureInput,
	euiccPackageResultSignatureInput,
	euiccPackageResultSignatureInputV10,
	euiccSignPirInput,
	NO_ASSOCIATION_TOKEN,
} from "./signature-input.ts";

/**
 * What an eUICC signed, and the association token that stood in the signature; undefined for a card of version 1.0, which
 * signs with eimSignature in its place.
 */
export type VerifiedEuiccPackageResult = { readonly associationToken: number | undefined } & (
	| { readonly kind: "result"; readonly data: EuiccPackageResultDataSigned }
	| { readonly kind: "error"; readonly data: EuiccPackageErrorDataSigned }
);

/**
 * Verifies a result or an error against the key of the device's own certificate, whose chain the caller has verified.
 * @param input.associationTokens tokens that the eUICC may have used, likeliest first; 0, for none, is tried last
 * @param input.eimSignature of the package that is answered; without it a result of version 1.0 cannot be verified
 * @throws SecurityError SECURITY_RESULT_UNSIGNED for the arm without signature, else SECURITY_SIGNATURE_INVALID
 */
export function verifyEuiccPackageResult(input: {
	readonly result: EuiccPackageResult;
	readonly associationTokens: readonly number[];
	readonly eimSignature?: Uint8Array | undefined;
	readonly publicKey: KeyObject;
}): VerifiedEuiccPackageResult {
	const { result } = input;
	if ("euiccPackageResultSigned" in result) {
		const { euiccPackageResultDataSigned: signed, euiccSignEPR } = result.euiccPackageResultSigned;
		return { kind: "result", data: signed.value, associationToken: tokenOf(input, signed, euiccSignEPR) };
	}
	if ("euiccPackageErrorSigned" in result) {
		const { euiccPackageErrorDataSigned: signed, euiccSignEPE } = result.euiccPackageErrorSigned;
		return { kind: "error", data: signed.value, associationToken: tokenOf(input, signed, euiccSignEPE) };
	}
	const { eimId, associationToken } = result.euiccPackageErrorUnsigned;
	throw new SecurityError("SECURITY_RESULT_UNSIGNED", `the eUICC does not accept packages of the eIM ${eimId}`, {
		context: { eimId, associationToken },
	});
}

function tokenOf(
	input: {
		readonly associationTokens: readonly number[];
		readonly eimSignature?: Uint8Array | undefined;
		readonly publicKey: KeyObject;
	},
	signed: Kept<{ readonly eimId: string; readonly counterValue: number }>,
	signature: Uint8Array,
): number | undefined {
	const candidates = [...new Set([...input.associationTokens, NO_ASSOCIATION_TOKEN])];
	const token = candidates.find((candidate) =>
		verifyRaw(input.publicKey, euiccPackageResultSignatureInput(signed.der, candidate), signature),
	);
	if (token !== undefined) return token;
	const { eimSignature, publicKey } = input;
	if (eimSignature !== undefined) {
		const signedInput = euiccPackageResultSignatureInputV10(signed.der, eimSignature);
		if (verifyRaw(publicKey, signedInput, signature)) return undefined;
	}
	const { eimId, counterValue } = signed.value;
	throw new SecurityError(
		"SECURITY_SIGNATURE_INVALID",
		`the signature of the result with counter ${counterValue} is not one by this eUICC with an expected association token`,
		{ context: { eimId, counterValue } },
	);
}

/**
 * Verifies euiccSignPIR of a ProfileInstallationResult (BF37).
 * @throws SecurityError SECURITY_SIGNATURE_INVALID
 */
export function verifyProfileInstallationResult(
	result: ProfileInstallationResult,
	publicKey: KeyObject,
): ProfileInstallationResultData {
	const { profileInstallationResultData, euiccSignPIR } = result;
	if (!verifyRaw(publicKey, euiccSignPirInput(profileInstallationResultData.der), euiccSignPIR)) {
		const { seqNumber } = profileInstallationResultData.value.notificationMetadata;
		throw notSigned("euiccSignPIR", { seqNumber });
	}
	return profileInstallationResultData.value;
}

/**
 * Verifies the signature of a notification that is no installation result; the chain of the certificates in it is the
 * caller's to verify.
 * @throws SecurityError SECURITY_SIGNATURE_INVALID
 */
export function verifyOtherNotification(
	notification: OtherSignedNotification,
	publicKey: KeyObject,
): NotificationMetadata {
	const { tbsOtherNotification, euiccNotificationSignature } = notification;
	const signed = euiccNotificationSignatureInput(tbsOtherNotification.der);
	if (!verifyRaw(publicKey, signed, euiccNotificationSignature)) {
		throw notSigned("euiccNotificationSignature", { seqNumber: tbsOtherNotification.value.seqNumber });
	}
	return tbsOtherNotification.value;
}

/**
 * Verifies the signature of a CancelSessionResponse.
 * @throws SecurityError SECURITY_SIGNATURE_INVALID
 */
export function verifyCancelSession(response: CancelSessionResponseOk, publicKey: KeyObject): EuiccCancelSessionSigned {
	const { euiccCancelSessionSigned, euiccCancelSessionSignature } = response;
	const signed = euiccCancelSessionSignatureInput(euiccCancelSessionSigned.der);
	if (!verifyRaw(publicKey, signed, euiccCancelSessionSignature)) {
		throw notSigned("euiccCancelSessionSignature", {});
	}
	return euiccCancelSessionSigned.value;
}

function notSigned(field: string, context: Record<string, number>): SecurityError {
	return new SecurityError("SECURITY_SIGNATURE_INVALID", `${field} is not one by the key of this eUICC`, { context });
}
