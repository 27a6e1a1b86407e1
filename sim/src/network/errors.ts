import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const networkErrors = defineErrors({
	NETWORK_CARD_REFUSED: {
		meaning: "The card answered a command of the modem with a status that stops the procedure.",
		action: "See command and status in the message; a card without an enabled profile has no USIM to select.",
	},
	NETWORK_CARD_ANSWER_INVALID: {
		meaning: "The card's answer has not the form that ETSI TS 102 221 or 3GPP TS 31.102 prescribe.",
		action: "Check the profile's files: EF.ICCID, EF.DIR, EF.IMSI and the answer to AUTHENTICATE.",
	},
	NETWORK_PIN_REFUSED: {
		meaning: "The card did not accept the PIN of this device, or it wants one and none is configured.",
		action: "Set `pin` of the device to the profile's PIN 1; after three wrong tries only the PUK helps.",
	},
	NETWORK_CARD_ABSENT: {
		meaning: "No card is connected to the modem, or the modem is switched off.",
		action: "Start the card (`sim-euicc run`) with the address of this modem, or power the device on.",
		httpStatus: 409,
	},
	NETWORK_HSS_SOURCE: {
		meaning: "The HSS cannot get subscribers from its source: the SM-DP+ or a profile file.",
		action: "Check `hss.smdpBench` and that the SM-DP+ runs, or the paths in `hss.uppFiles`.",
		retryable: true,
	},
	NETWORK_HSS_STATE: {
		meaning: "The file with the sequence numbers of the HSS cannot be read or written.",
		action: "Check `hss.stateFile`; when it is lost, delete it: cards bring the HSS up to date by AUTS.",
	},
	NETWORK_DEVICE_UNKNOWN: {
		meaning: "The control face was asked about a device that this network does not have.",
		action: "GET /bench/v1/devices names them; with one device the name may be left out.",
		httpStatus: 404,
	},
	NETWORK_DESTINATION_REFUSED: {
		meaning: "A device wants to reach a server that the network does not let it reach.",
		action: "Add the destination to `proxy.allow`, or correct the address that the device uses.",
		httpStatus: 403,
	},
	NETWORK_REQUEST_INVALID: {
		meaning: "A request to the control face has a member missing, unknown or of the wrong form.",
		action: "Correct the member that the message names; sim/src/network/README.md lists them all.",
		httpStatus: 400,
	},
});

export class NetworkError extends EsimError {
	constructor(code: keyof typeof networkErrors, message: string, options: { cause?: unknown } = {}) {
		super(code, message, options);
	}
}
