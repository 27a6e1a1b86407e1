import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const euiccErrors = defineErrors({
	EUICC_MEMORY_CORRUPT: {
		meaning: "The memory file of a simulated card is damaged in a way that no power cut can cause.",
		action: "Restore the file from a copy, or make a new card with `sim-euicc init`.",
	},
	EUICC_MEMORY_MISSING: {
		meaning: "The directory holds no memory of a card.",
		action: "Run `sim-euicc init --dir ...` first, or correct --dir.",
	},
	EUICC_MEMORY_IN_USE: {
		meaning: "Another process has the memory of this card open.",
		action: "Stop that process (its number is in the message), or use another directory.",
	},
	EUICC_POWER_CUT: {
		meaning: "A fault hook cut the power of the simulated card.",
		action: "None: power the card on again; this happens only where a test asks for it.",
		retryable: true,
	},
	EUICC_NOT_POWERED: {
		meaning: "A command was sent to a card without power.",
		action: "Power the card on first.",
	},
	EUICC_PERSONALISATION_INVALID: {
		meaning: "The data to personalise a card with do not fit together.",
		action: "Correct the field that the message names.",
	},
	EUICC_REQUEST_INVALID: {
		meaning: "An ES10 request is well formed but asks for what the function does not do.",
		action: "Correct the request; the card answers it with 6A80.",
	},
});

/** What can go wrong with a simulated card outside of what it answers by status words. */
export class EuiccError extends EsimError {
	constructor(code: keyof typeof euiccErrors, message: string, options: { cause?: unknown } = {}) {
		super(code, message, options);
	}
}
