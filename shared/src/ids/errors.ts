import { defineErrors, EsimError } from "../util/errors.ts";

export const idErrors = defineErrors({
	ID_EID_INVALID: {
		meaning: "A text is not an EID: 32 decimal digits whose last two are the check digits of SGP.29.",
		action: "Copy the EID from the device label or from GetEuiccData again; one wrong digit is always found.",
		httpStatus: 400,
	},
	ID_ICCID_INVALID: {
		meaning: "A value is not an ICCID: 19 or 20 decimal digits, or 10 octets as in EF.ICCID.",
		action: "Give the digits as printed, without spaces and without the filler F.",
		httpStatus: 400,
	},
	ID_EIM_ID_INVALID: {
		meaning: "A text is not an eimId: 1 to 128 characters.",
		action: "Give the identifier that the eUICC knows this eIM by.",
		httpStatus: 400,
	},
	ID_TRANSACTION_ID_INVALID: {
		meaning: "A value is not a transaction identifier: 1 to 16 octets, in text 2 to 32 hex digits.",
		action: "Return the transaction identifier as it was received.",
		httpStatus: 400,
	},
});

/** An identifier that breaks the rules of its kind; the message names the rule. */
export class IdError extends EsimError {
	constructor(code: keyof typeof idErrors, message: string) {
		super(code, message);
	}
}

/** What a message may show of a rejected text, so that neither logs nor answers grow without bound. */
export function shown(text: string): string {
	return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
