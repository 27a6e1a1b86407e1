import { defineErrors, type ErrorContext, EsimError } from "../../../util/errors.ts";

export const esipaJsonErrors = defineErrors({
	ESIPA_JSON_INVALID: {
		meaning: "A message of the JSON binding of ESipa is no JSON object, or one of its members has another form.",
		action: "Correct the member that the message names; its form is in SGP.32 section 6.4.1.",
		httpStatus: 400,
	},
	ESIPA_JSON_FAILED: {
		meaning: "The eIM says in its JSON header that a function failed, and the function has no error code to say why.",
		action: "See the status codes in the message; the call may be repeated.",
		httpStatus: 502,
	},
});

/** A JSON message that cannot be turned into its ASN.1 form. */
export class EsipaJsonError extends EsimError {
	declare readonly code: keyof typeof esipaJsonErrors;
	/** The JSON member at fault; absent when it is the whole message. */
	readonly member: string | undefined;

	constructor(
		code: keyof typeof esipaJsonErrors,
		message: string,
		options: { member?: string; cause?: unknown; context?: ErrorContext } = {},
	) {
		super(code, message, options);
		this.member = options.member;
	}
}

/** A member that has another form than SGP.32 gives it. */
export function invalidMember(member: string, why: string): EsipaJsonError {
	return new EsipaJsonError("ESIPA_JSON_INVALID", `${member}: ${why}`, { member });
}
