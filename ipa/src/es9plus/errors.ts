import { defineErrors, type ErrorContext, EsimError } from "@iot-esim/shared/util/errors";

export const es9PlusLinkErrors = defineErrors({
	IPA_RSP_UNREACHABLE: {
		meaning: "The SM-DP+ or SM-DS cannot be reached, or its TLS certificate leads to no CI that the device trusts.",
		action: "See the cause in the message; if it is the certificate, add the CI's certificate to rsp.ciCertificates.",
		httpStatus: 503,
		retryable: true,
	},
	IPA_RSP_STATUS: {
		meaning: "The SM-DP+ or SM-DS answered with an HTTP status that is no success.",
		action: "5xx is tried again; for 4xx check the address in the activation code and rsp.encoding.",
		httpStatus: 502,
		retryable: true,
	},
	IPA_RSP_ANSWER_INVALID: {
		meaning: "The answer of the SM-DP+ or SM-DS is not what ES9+ prescribes.",
		action: "The message names what is wrong; compare with rsp.encoding, and report it to the server's operator.",
		httpStatus: 502,
	},
	IPA_RSP_ADDRESS_INVALID: {
		meaning: "The address of an SM-DP+ or SM-DS is not a name with an optional port.",
		action: "Correct the activation code, the default SM-DP+ on the card (`ipa card default-smdp`) or the event.",
		httpStatus: 400,
	},
});

/** A direct exchange with an SM-DP+ or SM-DS failed; what the server refuses by the book is no error. */
export class Es9PlusLinkError extends EsimError {
	constructor(
		code: keyof typeof es9PlusLinkErrors,
		message: string,
		options: { cause?: unknown; context?: ErrorContext } = {},
	) {
		super(code, message, options);
	}
}

export function invalidAnswer(what: string, cause?: unknown): Es9PlusLinkError {
	return new Es9PlusLinkError("IPA_RSP_ANSWER_INVALID", `the server's answer ${what}`, { cause });
}
