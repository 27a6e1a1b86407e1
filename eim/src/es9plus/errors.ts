import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const es9PlusErrors = defineErrors({
	ES9PLUS_UNREACHABLE: {
		meaning: "The SM-DP+ or notification receiver could not be reached, or did not answer in time.",
		action:
			"Nothing was lost; the step is tried again. Check address, network and the CI certificates trusted for TLS.",
		httpStatus: 502,
		retryable: true,
	},
	ES9PLUS_HOST_REFUSED: {
		meaning: "An order, an event or a notification names a host that this eIM does not contact.",
		action: "If it is right, name it in es9plus.allowedHosts or in hosts; a private address needs that always.",
		httpStatus: 400,
	},
	ES9PLUS_HTTP_STATUS: {
		meaning: "The SM-DP+ answered with an HTTP status that is no success.",
		action: "See the status in the message; 5xx is tried again, 4xx means that the server does not speak ES9+ there.",
		httpStatus: 502,
		retryable: true,
	},
	ES9PLUS_ANSWER_INVALID: {
		meaning: "The answer of the SM-DP+ is not what ES9+ prescribes.",
		action: "The message names the member; compare with the encoding (JSON or ASN.1) configured for this SM-DP+.",
		httpStatus: 502,
	},
	ES9PLUS_ADDRESS_INVALID: {
		meaning: "The address of an SM-DP+ is not a name with an optional port.",
		action: "Use the FQDN of the activation code; schemes, paths and user names are not allowed.",
		httpStatus: 400,
	},
});

/** An SM-DP+ that could not be asked, or whose answer cannot be used. What it refuses by the book is no error. */
export class Es9PlusError extends EsimError {
	declare readonly code: keyof typeof es9PlusErrors;
}
