import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const wakeErrors = defineErrors({
	WAKE_WAY_MISSING: {
		meaning: "The device is to be woken by a way that this eIM is not configured for.",
		action: "Configure it (smpp.url for sms, wake.webhook.secret for webhook), or give the device another wakeUp.",
		httpStatus: 400,
	},
	WAKE_URL_REFUSED: {
		meaning: "The webhook of a device is not one that this eIM may call.",
		action: "Use https:// and a host of wake.webhook.allow, or leave the url out to take that of wake.webhook.url.",
		httpStatus: 400,
	},
	WAKE_SECRET_INVALID: {
		meaning: "wake.webhook.secret is not of the form whsec_ and base64 of 24 to 64 octets.",
		action: "Make one: echo whsec_$(openssl rand -base64 32)",
	},
	WAKE_WEBHOOK_UNREACHABLE: {
		meaning: "The platform that wakes devices could not be reached, or did not answer in time.",
		action: "Check wake.webhook.url, wake.webhook.ca and the network; the wake-up is tried again, later each time.",
		httpStatus: 502,
		retryable: true,
	},
	WAKE_WEBHOOK_REFUSED: {
		meaning: "The platform that wakes devices answered with an HTTP status that is no success.",
		action: "See its status in the message: 401 and 403 mean that it does not accept the signature.",
		httpStatus: 502,
		retryable: true,
	},
	WAKE_SMSC_UNREACHABLE: {
		meaning: "There is no connection to the SMSC, it did not answer in time, or it closed the connection.",
		action: "Check smpp.url, smpp.ca and the network; the eIM goes on connecting, and the wake-up is tried again.",
		httpStatus: 502,
		retryable: true,
	},
	WAKE_SMSC_REFUSED: {
		meaning: "The SMSC refused the binding or a message.",
		action: "The message has its SMPP status: ESME_RBINDFAIL, ESME_RINVPASWD: smpp.systemId and smpp.password.",
		httpStatus: 502,
	},
	WAKE_SMSC_BUSY: {
		meaning: "The SMSC takes no more messages at present (throttling or full queue), or too many wait for it.",
		action: "Nothing is lost: the wake-up is tried again. Lower smpp.perSecond, or ask for a higher rate.",
		httpStatus: 503,
		retryable: true,
	},
});

/** A device could not be woken. */
export class WakeError extends EsimError {
	declare readonly code: keyof typeof wakeErrors;
}
