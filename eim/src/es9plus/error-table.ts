/**
 * Which ESipa error stands for a refusal of an SM-DP+ or SM-DS, and what it means for the operator: subject and reason
 * codes of SGP.22 section 5.2.6, as the error tables of sections 5.6 (ES9+) and 5.8 (ES11) name them, against the error
 * lists of SGP.32 section 6.
 */

import {
	AuthenticateClientErrorEsipaCode,
	CancelSessionErrorCode,
	GetBoundProfilePackageErrorEsipaCode,
	InitiateAuthenticationErrorEsipaCode,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import type { Es9PlusRefusal } from "./es9plus-client.ts";

export type Es9PlusFunction =
	| "initiateAuthentication"
	| "authenticateClient"
	| "getBoundProfilePackage"
	| "cancelSession";

/** What all four functions call undefinedError. */
export const UNDEFINED_ERROR = 127;

/** Errors of all versions of SGP.32; an IPA gets those that its version has. */
type Row = readonly [esipaError: number, meaning: string];

const TRANSACTION_UNKNOWN = "The server no longer knows the session; order the download again.";
const SIGNATURE_INVALID = "The server could not verify the signature of the eUICC.";
const NO_COMMON_CI = "The server and the eUICC have no CI in common.";

const tables: Readonly<Record<Es9PlusFunction, Readonly<Record<string, Row>>>> = {
	initiateAuthentication: {
		"8.8.1/3.8": [1, "The server does not answer under the address that was ordered; check the activation code."],
		"8.9.1/3.8": [1, "The SM-DS does not answer under the address that was ordered."],
		"8.8.3/3.1": [2, "The SM-DP+ does not support the version of this eUICC."],
		"8.9.3/3.1": [2, "The SM-DS does not support the version of this eUICC."],
		"8.8.2/3.1": [3, NO_COMMON_CI],
		"8.9.2/3.1": [3, NO_COMMON_CI],
		"8.8.4/3.7": [3, "The SM-DP+ has no certificate under a CI that the eUICC knows."],
		"8.9.4/3.7": [3, "The SM-DS has no certificate under a CI that the eUICC knows."],
	},
	authenticateClient: {
		"8.1.2/6.1": [1, "The server does not accept the certificate of the eUICC's manufacturer (EUM)."],
		"8.1.2/6.3": [2, "The certificate of the eUICC's manufacturer (EUM) has expired."],
		"8.1.3/6.1": [3, "The server does not accept the certificate of the eUICC."],
		"8.1.3/6.3": [4, "The certificate of the eUICC has expired."],
		"8.1/6.1": [5, SIGNATURE_INVALID],
		"8.2.6/3.8": [
			6,
			"The SM-DP+ has no order under this matching id, or the order is over; check the activation code.",
		],
		"8.1.1/3.8": [7, "The order at the SM-DP+ is for another eUICC."],
		"8.2.5/4.3": [
			8,
			"The SM-DP+ has no profile that fits this eUICC: what the eUICC says of itself rules it out, as with a profile made for phones.",
		],
		"8.11.1/3.9": [9, "The server does not know the CI of the eUICC."],
		"8.10.1/3.9": [10, TRANSACTION_UNKNOWN],
		"8.1/4.8": [11, "The eUICC has not enough memory left for the profile; delete another one first."],
		"8.9.5/3.9": [56, "The SM-DS has no such event for this eUICC."],
		"8.2/1.2": [UNDEFINED_ERROR, "The profile is not released yet at the SM-DP+; order again when it is."],
		"8.8.5/4.10": [18, "The order at the SM-DP+ has expired; it has to be made anew there."],
		"8.8.5/6.4": [UNDEFINED_ERROR, "The order at the SM-DP+ was tried too often; it has to be made anew there."],
	},
	getBoundProfilePackage: {
		"8.1/6.1": [1, SIGNATURE_INVALID],
		"8.2.7/2.2": [2, "The order at the SM-DP+ needs a confirmation code; order again with it."],
		"8.2.7/3.8": [3, "The confirmation code is wrong; order again with the right one."],
		"8.2.7/6.4": [4, "The confirmation code was wrong too often; the order has to be made anew at the SM-DP+."],
		"8.2/3.7": [5, "The SM-DP+ cannot bind the profile to this eUICC again."],
		"8.8.5/4.10": [6, "The order at the SM-DP+ has expired; it has to be made anew there."],
		// The same, as SM-DP+ send it that take the code for a decimal fraction.
		"8.8.5/4.1": [6, "The order at the SM-DP+ has expired; it has to be made anew there."],
		"8.10.1/3.9": [95, TRANSACTION_UNKNOWN],
	},
	cancelSession: {
		"8.10.1/3.9": [1, TRANSACTION_UNKNOWN],
		"8.1/6.1": [2, SIGNATURE_INVALID],
		"8.8/3.10": [UNDEFINED_ERROR, "The eUICC ended a session with another SM-DP+."],
	},
};

/** Errors of the ASN.1 binding of ES11 that have another number in ESipa. */
const ES11_NUMBERS: Readonly<Record<number, number>> = { 6: 56, 7: 10 };

const names: Readonly<Record<Es9PlusFunction, Readonly<Record<string, number>>>> = {
	initiateAuthentication: InitiateAuthenticationErrorEsipaCode,
	authenticateClient: AuthenticateClientErrorEsipaCode,
	getBoundProfilePackage: GetBoundProfilePackageErrorEsipaCode,
	cancelSession: CancelSessionErrorCode,
};

/** What a pair of subject and reason codes stands for; 127 without words for one that no table has. */
export function refusalByCodes(called: Es9PlusFunction, subjectCode: string, reasonCode: string): Es9PlusRefusal {
	const row = tables[called][`${subjectCode}/${reasonCode}`];
	const codes = { subjectCode, reasonCode };
	if (row === undefined) return { ...codes, esipaError: UNDEFINED_ERROR };
	const [esipaError, meaning] = row;
	return { ...codes, esipaError, meaning };
}

/** What a number of the ASN.1 binding stands for: ES9+ and ESipa use the same. */
export function refusalByNumber(called: Es9PlusFunction, esipaError: number): Es9PlusRefusal {
	const row = Object.values(tables[called]).find(([number]) => number === esipaError);
	const name = Object.entries(names[called]).find(([, value]) => value === esipaError)?.[0] ?? "unknownCode";
	const refusal = { esipaError, code: `${called}: ${name}(${esipaError})` };
	return row === undefined || esipaError === UNDEFINED_ERROR ? refusal : { ...refusal, meaning: row[1] };
}

/** The same for ES11.AuthenticateClient, whose list is its own from 6 on. */
export function refusalByEs11Number(number: number): Es9PlusRefusal {
	return refusalByNumber("authenticateClient", ES11_NUMBERS[number] ?? number);
}
