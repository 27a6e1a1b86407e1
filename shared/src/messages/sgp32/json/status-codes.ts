/**
 * Status codes of the JSON binding against the error codes of ASN.1: subject and reason as the tables of SGP.32 sections
 * 5.14.1 to 5.14.8 give them, and of SGP.22 section 5.6 where ESipa passes on what an SM-DP+ or SM-DS has said. Where
 * several pairs mean one code, the first is written and all are read.
 */

import type { EsipaFunctionName } from "./functions.ts";

export interface StatusCode {
	readonly subjectCode: string;
	readonly reasonCode: string;
}

type Row = readonly [subjectCode: string, reasonCode: string, errorCode: number];

/** What every function calls undefinedError; it has no pair of its own. */
export const UNDEFINED_ERROR = 127;

const EID_ROWS: readonly Row[] = [
	["8.1.1", "3.9", 2], // eidNotFound
	["8.1.1", "2.1", 3], // invalidEid
	["8.1.1", "2.2", 4], // missingEid
];

export const ESIPA_STATUS_CODES: Readonly<Record<EsipaFunctionName, readonly Row[]>> = {
	initiateAuthentication: [
		["8.8.1", "3.8", 1], // invalidDpAddress
		["8.9.1", "3.8", 1], // the same of an SM-DS
		["8.8.3", "3.1", 2], // euiccVersionNotSupportedByDp
		["8.9.3", "3.1", 2],
		["8.8.2", "3.1", 3], // ciPKIdNotSupported: none of the eUICC's keys
		["8.8.4", "3.7", 3], // ciPKIdNotSupported: no certificate under them
		["8.9.2", "3.1", 3],
		["8.9.4", "3.7", 3],
		["8.8.1", "3.10", 50], // smdpAddressMismatch
		["8.8", "3.10", 51], // smdpOidMismatch
		["8.31.2", "3.10", 52], // invalidEimTransactionId
	],
	authenticateClient: [
		["8.1.2", "6.1", 1], // eumCertificateInvalid
		["8.1.2", "6.3", 2], // eumCertificateExpired
		["8.1.3", "6.1", 3], // euiccCertificateInvalid
		["8.1.3", "6.3", 4], // euiccCertificateExpired
		["8.1", "6.1", 5], // euiccSignatureInvalid
		["8.2.6", "3.8", 6], // matchingIdRefused
		["8.1.1", "3.8", 7], // eidMismatch
		["8.2.5", "4.3", 8], // noEligibleProfile
		["8.2", "1.2", 8], // the profile is not released yet
		["8.11.1", "3.9", 9], // ciPKUnknown
		["8.10.1", "3.9", 10], // invalidTransactionId
		["8.1", "4.8", 11], // insufficientMemory
		["8.8.5", "4.10", 18], // downloadOrderExpired, of version 1.3
		["8.2.8", "1.2", 50], // pprNotAllowed
		["8.9.5", "3.9", 56], // eventIdUnknown
	],
	getBoundProfilePackage: [
		["8.1", "6.1", 1], // euiccSignatureInvalid
		["8.2.7", "2.2", 2], // confirmationCodeMissing
		["8.2.7", "3.8", 3], // confirmationCodeRefused
		["8.2.7", "6.4", 4], // confirmationCodeRetriesExceeded
		["8.2", "3.7", 5], // bppRebindingRefused
		["8.8.5", "4.10", 6], // downloadOrderExpired
		["8.2.9", "3.11", 50], // metadataMismatch
		["8.10.1", "3.9", 95], // invalidTransactionId
	],
	/** Its codes stand in the body. */
	transferEimPackage: [],
	getEimPackage: [["8.1.1", "3.7", 1], ...EID_ROWS], // noEimPackageAvailable
	provideEimPackageResult: EID_ROWS,
	/** No answer, so no codes. */
	handleNotification: [],
	cancelSession: [
		["8.10.1", "3.9", 1], // invalidTransactionId
		["8.1", "6.1", 2], // euiccSignatureInvalid
	],
};

/** The pair that stands for an error code; undefined where it has none. */
export function statusCodeOf(called: EsipaFunctionName, errorCode: number): StatusCode | undefined {
	const row = ESIPA_STATUS_CODES[called].find(([, , code]) => code === errorCode);
	return row && { subjectCode: row[0], reasonCode: row[1] };
}

/** The error code for a pair; undefinedError for every other. */
export function errorCodeOf(called: EsipaFunctionName, subjectCode: unknown, reasonCode: unknown): number {
	const row = ESIPA_STATUS_CODES[called].find(([subject, reason]) => subject === subjectCode && reason === reasonCode);
	return row?.[2] ?? UNDEFINED_ERROR;
}
