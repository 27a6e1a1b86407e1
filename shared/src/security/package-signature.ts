import type { KeyObject } from "node:crypto";
import { keep } from "../asn1/schema.ts";
import { signRaw, verifyRaw } from "../crypto/ecdsa.ts";
import { type EuiccPackageRequest, EuiccPackageSigned } from "../messages/sgp32/euicc-package.ts";
import {
	EuiccPackageErrorDataSigned,
	type EuiccPackageResult,
	EuiccPackageResultDataSigned,
} from "../messages/sgp32/euicc-package-result.ts";
import { SecurityError } from "./errors.ts";
import { eimSignatureInput, euiccPackageResultSignatureInput } from "./signature-input.ts";

/** A package signed by the eIM (SGP.32 section 2.11.1.1). */
export function signEuiccPackage(input: {
	readonly euiccPackageSigned: EuiccPackageSigned;
	readonly associationToken: number;
	readonly privateKey: KeyObject;
}): EuiccPackageRequest {
	const euiccPackageSigned = keep(EuiccPackageSigned, input.euiccPackageSigned);
	const signed = eimSignatureInput(euiccPackageSigned.der, input.associationToken);
	return { euiccPackageSigned, eimSignature: signRaw(input.privateKey, signed) };
}

/**
 * The eUICC's check of a package.
 * @throws SecurityError SECURITY_SIGNATURE_INVALID
 */
export function verifyEuiccPackage(input: {
	readonly request: EuiccPackageRequest;
	readonly associationToken: number;
	readonly publicKey: KeyObject;
}): EuiccPackageSigned {
	const { euiccPackageSigned, eimSignature } = input.request;
	const signed = eimSignatureInput(euiccPackageSigned.der, input.associationToken);
	if (!verifyRaw(input.publicKey, signed, eimSignature)) {
		throw new SecurityError("SECURITY_SIGNATURE_INVALID", "eimSignature is not one by the key of this eIM", {
			context: { eimId: euiccPackageSigned.value.eimId, counterValue: euiccPackageSigned.value.counterValue },
		});
	}
	return euiccPackageSigned.value;
}

/** A result signed by the eUICC (euiccSignEPR, SGP.32 section 2.11.2.1). */
export function signEuiccPackageResult(input: {
	readonly data: EuiccPackageResultDataSigned;
	readonly associationToken: number;
	readonly privateKey: KeyObject;
}): EuiccPackageResult {
	const euiccPackageResultDataSigned = keep(EuiccPackageResultDataSigned, input.data);
	const signed = euiccPackageResultSignatureInput(euiccPackageResultDataSigned.der, input.associationToken);
	return {
		euiccPackageResultSigned: { euiccPackageResultDataSigned, euiccSignEPR: signRaw(input.privateKey, signed) },
	};
}

/** An error signed by the eUICC (euiccSignEPE, SGP.32 section 2.11.2.1). */
export function signEuiccPackageError(input: {
	readonly data: EuiccPackageErrorDataSigned;
	readonly associationToken: number;
	readonly privateKey: KeyObject;
}): EuiccPackageResult {
	const euiccPackageErrorDataSigned = keep(EuiccPackageErrorDataSigned, input.data);
	const signed = euiccPackageResultSignatureInput(euiccPackageErrorDataSigned.der, input.associationToken);
	return {
		euiccPackageErrorSigned: { euiccPackageErrorDataSigned, euiccSignEPE: signRaw(input.privateKey, signed) },
	};
}
