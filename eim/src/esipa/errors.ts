import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const esipaErrors = defineErrors({
	ESIPA_MESSAGE_UNKNOWN: {
		meaning: "The body of an ESipa request begins with a tag that is no ESipa function of this eIM.",
		action: "Send one EsipaMessageFromIpaToEim (BF39, BF3A, BF3B, BF3D, BF41, BF4F, BF50) without any wrapper.",
		httpStatus: 400,
	},
	ESIPA_MESSAGE_INVALID: {
		meaning: "An ESipa message cannot be decoded, and its function has no error answer to say so.",
		action:
			"Compare the path in the message with SGP32Definitions; the message was not taken, send it again corrected.",
		httpStatus: 400,
	},
	ESIPA_NOTIFICATION_REFUSED: {
		meaning: "A notification was not taken: its device is not registered, or it is not signed by that device's eUICC.",
		action: "Register the device, or trust the CI of its eUICC certificate; until then the IPA keeps the notification.",
		httpStatus: 403,
	},
	ESIPA_OTHER_DEVICE: {
		meaning:
			"A message is of another device than its sender has proven to be by its key, its MQTT topic or its LwM2M registration.",
		action:
			"Give each device its own key and its own rights at the broker; a gateway that speaks for several has a key of no device.",
		httpStatus: 403,
	},
	ESIPA_INJECTION_OPEN: {
		meaning: "A package was brought to a device (TransferEimPackage), and its result is not there yet.",
		action: "Nothing: the device provides the result, or the package is brought again later.",
		httpStatus: 503,
		retryable: true,
	},
	ESIPA_CONFIGURATION_INVALID: {
		meaning: "No eIM configuration data for a card can be made of the settings of this eIM.",
		action: "Correct the setting that the message names (FQDN, TLS trust, token, signing key).",
		httpStatus: 400,
	},
});

/** An ESipa message that is answered by the transport, since no ESipa answer can say what is wrong. */
export class EsipaError extends EsimError {
	declare readonly code: keyof typeof esipaErrors;
}
