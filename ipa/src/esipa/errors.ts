import { defineErrors, type ErrorContext, EsimError } from "@iot-esim/shared/util/errors";

export const esipaLinkErrors = defineErrors({
	IPA_EIM_UNREACHABLE: {
		meaning:
			"The eIM cannot be reached now: not attached, refused, timed out, or its TLS identity is not the trusted one.",
		action: "Nothing to do on the device: it tries again. If it lasts, see the cause in the message.",
		httpStatus: 503,
		retryable: true,
	},
	IPA_EIM_STATUS: {
		meaning: "The eIM answered with an HTTP status that is no success.",
		action: "5xx is tried again; for 4xx check the eIM's address and the binding it offers.",
		httpStatus: 502,
		retryable: true,
	},
	IPA_EIM_RESPONSE_INVALID: {
		meaning: "The eIM's answer is not the ESipa message that belongs to the request.",
		action: "Compare the octets in the message with SGP.32 section 6; report them to the eIM's operator.",
		httpStatus: 502,
	},
	IPA_EIM_ADDRESS_MISSING: {
		meaning: "The eIM configuration on the card has no FQDN.",
		action: "Associate the device again with a configuration that names the eIM's FQDN, or set eim.fqdn.",
		httpStatus: 400,
	},
	IPA_EIM_TRUST_MISSING: {
		meaning: "The eIM configuration on the card holds no key or certificate for TLS, and no CA file is configured.",
		action: "Associate the device with trustedPublicKeyDataTls, or name a CA file in eim.caFile.",
		httpStatus: 400,
	},
});

/** The way to the eIM failed; `retryable` says whether the same call may go through later. */
export class EsipaLinkError extends EsimError {
	constructor(
		code: keyof typeof esipaLinkErrors,
		message: string,
		options: { cause?: unknown; context?: ErrorContext } = {},
	) {
		super(code, message, options);
	}
}
