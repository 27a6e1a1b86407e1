import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const injectErrors = defineErrors({
	INJECT_UNREACHABLE: {
		meaning: "The inject address of a device cannot be reached, or its TLS certificate is not the one that was given.",
		action: "Check url and certificate of the device's inject address; the package comes again, and with every poll.",
		httpStatus: 503,
		retryable: true,
	},
	INJECT_REFUSED: {
		meaning: "The IPA at an inject address answers with an HTTP status that is no success.",
		action: "403: the card has to hold this eIM's TLS key (tls.pin). 503: the device is busy, it is tried again.",
		httpStatus: 502,
		retryable: true,
	},
	INJECT_ANSWER_INVALID: {
		meaning: "The IPA at an inject address gives an answer that is no TransferEimPackageResponse.",
		action: "Check that the address is that of an IPA, and the binding that it speaks.",
		httpStatus: 502,
	},
});

/** A package could not be brought to a device. */
export class InjectError extends EsimError {
	declare readonly code: keyof typeof injectErrors;
}

export const coapBindingErrors = defineErrors({
	COAP_EID_MISTYPED: {
		meaning: "The identity of a device's key, or its certificate, ends with 32 digits that are no EID: a slip in them.",
		action:
			"Correct the identity in coap.pskFile (and coap.pskIdentity of the device), or issue the certificate for the EID as it is on the card (ipa card info).",
		httpStatus: 403,
	},
});

/** A device over CoAP has proven something, and it cannot be said which one it is. */
export class CoapBindingError extends EsimError {
	declare readonly code: keyof typeof coapBindingErrors;
}
