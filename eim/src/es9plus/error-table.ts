/**
 * Which ESipa error stands for a refusal of the SM-DP+: subject and reason codes of SGP.22 section 5.2.6 as the error
 * tables of section 5.6 name them, against the error lists of SGP.32 section 6. In the ASN.1 binding ES9+ and ESipa use
 * the same numbers.
 */

export type Es9PlusFunction =
	| "initiateAuthentication"
	| "authenticateClient"
	| "getBoundProfilePackage"
	| "cancelSession";

/** What all four functions call undefinedError. */
export const UNDEFINED_ERROR = 127;

const tables: Readonly<Record<Es9PlusFunction, Readonly<Record<string, number>>>> = {
	initiateAuthentication: {
		"8.8.1/3.8": 1, // invalidDpAddress
		"8.8.3/3.1": 2, // euiccVersionNotSupportedByDp
		"8.8.2/3.1": 3, // ciPKIdNotSupported: none of the eUICC's keys
		"8.8.4/3.7": 3, // ciPKIdNotSupported: no certificate under them
	},
	authenticateClient: {
		"8.1.2/6.1": 1, // eumCertificateInvalid
		"8.1.2/6.3": 2, // eumCertificateExpired
		"8.1.3/6.1": 3, // euiccCertificateInvalid
		"8.1.3/6.3": 4, // euiccCertificateExpired
		"8.1/6.1": 5, // euiccSignatureInvalid
		"8.2.6/3.8": 6, // matchingIdRefused
		"8.1.1/3.8": 7, // eidMismatch
		"8.2.5/4.3": 8, // noEligibleProfile
		"8.11.1/3.9": 9, // ciPKUnknown
		"8.10.1/3.9": 10, // invalidTransactionId
		"8.1/4.8": 11, // insufficientMemory
		"8.9.5/3.9": 56, // eventIdUnknown
	},
	getBoundProfilePackage: {
		"8.1/6.1": 1, // euiccSignatureInvalid
		"8.2.7/2.2": 2, // confirmationCodeMissing
		"8.2.7/3.8": 3, // confirmationCodeRefused
		"8.2.7/6.4": 4, // confirmationCodeRetriesExceeded
		"8.2/3.7": 5, // bppRebindingRefused
		"8.8.5/4.10": 6, // downloadOrderExpired
		"8.8.5/4.1": 6, // the same, as SM-DP+ send it that take the code for a decimal fraction
		"8.10.1/3.9": 95, // invalidTransactionId
	},
	cancelSession: {
		"8.10.1/3.9": 1, // invalidTransactionId
		"8.1/6.1": 2, // euiccSignatureInvalid
	},
};

/** The ESipa error value for subject and reason codes; 127 for every pair that has none of its own. */
export function esipaErrorFor(called: Es9PlusFunction, subjectCode: string, reasonCode: string): number {
	return tables[called][`${subjectCode}/${reasonCode}`] ?? UNDEFINED_ERROR;
}
