import { defineErrors, type ErrorContext, EsimError } from "../util/errors.ts";

export const pkiErrors = defineErrors({
	PKI_CERTIFICATE_INVALID: {
		meaning: "Octets are not an X.509 certificate that RSP can use.",
		action: "Give the DER form (or PEM where it is allowed) of one X.509 v3 certificate with an EC key.",
		httpStatus: 400,
	},
	PKI_PEM_INVALID: {
		meaning: "A text is not PEM of the expected kind, or the key in it cannot be read.",
		action: "Give a certificate as BEGIN CERTIFICATE and a key as unencrypted PKCS#8 (BEGIN PRIVATE KEY).",
		httpStatus: 400,
	},
	PKI_CHAIN_UNTRUSTED: {
		meaning: "No chain leads from the certificate to a CI certificate of the trust store.",
		action:
			"Add the CI (and any intermediate) certificate if it is to be trusted; compare the authority key identifier.",
		httpStatus: 422,
	},
	PKI_SIGNATURE: {
		meaning: "The signature of a certificate or CRL is not one of its issuer.",
		action: "Fetch the certificate again; it was changed, or another key of the same issuer signed it.",
		httpStatus: 422,
	},
	PKI_CERTIFICATE_EXPIRED: {
		meaning: "A certificate of the chain is past its last day.",
		action: "Renew the certificate that the message names, or check the clock.",
		httpStatus: 422,
	},
	PKI_CERTIFICATE_NOT_YET_VALID: {
		meaning: "A certificate of the chain is not valid yet.",
		action: "Check the clock of this machine and of the issuer.",
		httpStatus: 422,
	},
	PKI_KEY_USAGE: {
		meaning: "The key usage of a certificate does not allow what it is used for.",
		action: "Issue the certificate with the key usage of its role (digitalSignature; keyCertSign for CI and EUM).",
		httpStatus: 422,
	},
	PKI_POLICY: {
		meaning: "The certificate policies do not hold the role (2.23.146.1.2.1.x) that the certificate is used in.",
		action: "Use the certificate of that role; SM-DP+ auth, pb and TLS certificates are not interchangeable.",
		httpStatus: 422,
	},
	PKI_BASIC_CONSTRAINTS: {
		meaning: "A certificate that issued another is no CA, or an end entity is one.",
		action: "Check that the certificates were given in their right roles.",
		httpStatus: 422,
	},
	PKI_PATH_LENGTH: {
		meaning: "The chain is longer than a CA certificate in it allows.",
		action: "Leave out the intermediate CA, or have the CA issued with a larger path length.",
		httpStatus: 422,
	},
	PKI_EXTENSION_UNKNOWN: {
		meaning: "A certificate carries a critical extension that is not understood.",
		action: "Have the certificate issued by the profile of SGP.14 or SGP.22.",
		httpStatus: 422,
	},
	PKI_EID_OUT_OF_RANGE: {
		meaning: "The EID of an eUICC certificate is not one that its EUM may issue.",
		action: "Refuse the device; the EUM certificate permits other EIDs (name constraints or permittedEins).",
		httpStatus: 422,
	},
	PKI_EID_MISMATCH: {
		meaning: "The eUICC certificate belongs to another EID than the device that is spoken to.",
		action: "Refuse the device; certificates of two cards were mixed up.",
		httpStatus: 422,
	},
	PKI_REVOKED: {
		meaning: "A certificate of the chain stands on the revocation list of its issuer.",
		action: "Stop using the certificate; its owner needs a new one.",
		httpStatus: 422,
	},
	PKI_CRL_INVALID: {
		meaning: "Octets are not a certificate revocation list that can be used.",
		action: "Fetch the list again in its DER form.",
		httpStatus: 400,
	},
	PKI_CRL_MISSING: {
		meaning: "Revocation has to be checked, but no current list of the issuer is there.",
		action: "Load the newest revocation list of the issuer that the message names.",
		httpStatus: 422,
		retryable: true,
	},
	PKI_ISSUE: {
		meaning: "A certificate cannot be issued with what was asked for.",
		action: "Correct the value that the message names.",
		httpStatus: 400,
	},
});

export type PkiErrorCode = keyof typeof pkiErrors;

/** A certificate, chain, list or key that cannot be used; the code says why. */
export class PkiError extends EsimError {
	declare readonly code: PkiErrorCode;

	constructor(code: PkiErrorCode, message: string, options: { cause?: unknown; context?: ErrorContext } = {}) {
		super(code, message, options);
	}
}
