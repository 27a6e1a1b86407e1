import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const cardErrors = defineErrors({
	CARD_UNREACHABLE: {
		meaning: "The card, its reader or the modem does not answer.",
		action: "Check that the card is inserted and powered and that the address given with --card is right.",
		httpStatus: 503,
		retryable: true,
	},
	CARD_LINK_LOST: {
		meaning: "The connection to the card broke off during a command.",
		action: "Nothing to do: the agent opens the channel again. If it comes back often, check the modem or reader.",
		httpStatus: 503,
		retryable: true,
	},
	CARD_RESPONSE_INVALID: {
		meaning: "The card answered with something that is not a response to this command.",
		action: "Note the command and the answer in the message and report them to the card's maker.",
		httpStatus: 502,
	},
	CARD_STATUS: {
		meaning: "The card refused a command with an error status.",
		action: "Look the status (SW) up in ETSI TS 102 221 or SGP.22; a reset of the card often helps with 6985.",
		httpStatus: 502,
	},
	CARD_NOT_EUICC: {
		meaning: "The card has no ISD-R under the configured AID.",
		action: "Insert an eUICC, or set card.isdrAid to the AID that this card uses.",
		httpStatus: 502,
	},
	CARD_NO_CHANNEL: {
		meaning: "The card opened no logical channel.",
		action: "Set card.channel to a free channel (1 to 19), or close channels held by other programs.",
		httpStatus: 503,
		retryable: true,
	},
	CARD_COMMAND_TOO_LONG: {
		meaning: "One command would need more than the 256 blocks that STORE DATA can count.",
		action: "Raise card.blockSize (at most 255), or split the message.",
		httpStatus: 400,
	},
	CARD_FUNCTION_REFUSED: {
		meaning: "An ES10 function answered with an error code of the standard.",
		action: "The message names the function and the code; look it up in SGP.32 section 5.9.",
		httpStatus: 502,
	},
	CARD_ADDRESS_INVALID: {
		meaning: "The address given for the card is not understood.",
		action: "Give vpcd://host:port, vpcd+listen://host:port or pcsc:READER.",
		httpStatus: 400,
	},
	CARD_PCSC_MISSING: {
		meaning: "The optional package for PC/SC readers is not installed.",
		action:
			"Run `npm install smartcard` (needs a compiler and libpcsclite-dev); with npm 12 also `npm install-scripts approve smartcard` and `npm rebuild smartcard`.",
		httpStatus: 501,
	},
});

/** Something went wrong between the agent and the card; `status` is the SW when the card gave one. */
export class CardError extends EsimError {
	readonly status: number | undefined;

	constructor(
		code: keyof typeof cardErrors,
		message: string,
		options: { cause?: unknown; status?: number; context?: Record<string, string | number> } = {},
	) {
		const context = {
			...options.context,
			...(options.status === undefined ? {} : { status: statusHex(options.status) }),
		};
		super(code, message, { cause: options.cause, context });
		this.status = options.status;
	}
}

/** SW1 SW2 as the four digits that specifications print. */
export function statusHex(status: number): string {
	return status.toString(16).toUpperCase().padStart(4, "0");
}
