import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const ipaeErrors = defineErrors({
	IPAE_TERMINAL_ANSWER_INVALID: {
		meaning: "The terminal sent the card something that is no answer or event of the card application toolkit.",
		action: "Compare the octets in the modem's log with ETSI TS 102 223; the modem has to be mended.",
		httpStatus: 502,
	},
	IPAE_CHANNEL_REFUSED: {
		meaning: "The terminal did not open or did not serve a channel of the bearer independent protocol.",
		action: "See the result in the message: usually there is no network, or nobody listens at the address.",
		httpStatus: 503,
		retryable: true,
	},
	IPAE_NAME_UNKNOWN: {
		meaning: "The name server that the card asks over the terminal does not know the name of a server.",
		action: "Correct the FQDN in the eIM configuration of the card, or the card's DNS server (--dns).",
		httpStatus: 502,
	},
	IPAE_TERMINAL_INCAPABLE: {
		meaning: "The terminal does not offer TCP and UDP channels by the bearer independent protocol.",
		action: "Use a terminal whose TERMINAL PROFILE has OPEN CHANNEL, SEND DATA, RECEIVE DATA and the events.",
		httpStatus: 501,
	},
});

/** The IPA inside the card cannot go on; the agent tries again at its next poll. */
export class IpaeError extends EsimError {
	constructor(code: keyof typeof ipaeErrors, message: string, options: { cause?: unknown } = {}) {
		super(code, message, options);
	}
}
