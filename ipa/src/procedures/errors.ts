import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const procedureErrors = defineErrors({
	IPA_NO_EIM: {
		meaning: "The card is not associated with any eIM that can be polled over HTTPS.",
		action: "Associate it: `ipa card add-eim FILE` with the configuration that the eIM gives.",
		httpStatus: 409,
	},
	IPA_RESULT_REFUSED: {
		meaning: "The eIM does not take a result; the card keeps it and it is offered again later.",
		action: "See the error in the message; at eidNotFound(2) register the device at the eIM (`eim device add EID`).",
		httpStatus: 502,
		retryable: true,
	},
	IPA_PACKAGE_REFUSED: {
		meaning: "The eIM answers a poll with an error code instead of a package.",
		action: "See the error in the message; at eidNotFound(2) register the device at the eIM (`eim device add EID`).",
		httpStatus: 502,
		retryable: true,
	},
	IPA_PACKAGE_NOT_EXECUTED: {
		meaning: "The card refuses an eUICC Package with an error status, twice, and gives no result.",
		action: "See the status in the log; the eIM was told. Check that card and eIM speak the same version of SGP.32.",
		httpStatus: 502,
	},
	IPA_DOWNLOAD_REFUSED: {
		meaning: "A profile download was ended by the SM-DP+, the eIM, the card or a check of the IPA.",
		action: "The message names the step and the code; correct the order at the SM-DP+ and trigger the download again.",
		httpStatus: 502,
	},
	IPA_NO_SERVER: {
		meaning: "A download trigger names no SM-DP+ or SM-DS, and the card knows none.",
		action: "Send a trigger with an activation code, or set the default SM-DP+ (`ipa card default-smdp ADDRESS`).",
		httpStatus: 409,
	},
	IPA_NO_EVENT: {
		meaning: "The SM-DS knows no SM-DP+ with a profile for this eUICC.",
		action: "Check that the order names this EID and the SM-DS, then trigger the download again.",
		httpStatus: 404,
	},
	IPA_TRANSFER_REFUSED: {
		meaning: "Somebody brought a package to the inject listener without proving to be an eIM of this card.",
		action:
			"Let the eIM show a TLS certificate with the key (or under the CA) that its configuration on the card holds.",
		httpStatus: 403,
	},
	IPA_TRANSFER_INVALID: {
		meaning: "What was brought to the inject listener is no TransferEimPackageRequest (BF4E).",
		action: "Compare the message with SGP.32 section 6.3.2.4.",
		httpStatus: 400,
	},
	IPA_REFRESH_TIMEOUT: {
		meaning: "After a profile switch the card did not come back in time.",
		action: "Check the modem; raise card.refreshTimeout if the card needs longer for its reset.",
		httpStatus: 503,
		retryable: true,
	},
	IPA_ACTIVATION_CODE_INVALID: {
		meaning: "The activation code in a download trigger is not of the form 1$address$matchingId.",
		action: "Correct the activation code at the eIM.",
		httpStatus: 400,
	},
});

/** A procedure could not be carried through; `gsmaCode` is the code of the standard when there is one. */
export class ProcedureError extends EsimError {
	readonly gsmaCode: number | undefined;

	constructor(
		code: keyof typeof procedureErrors,
		message: string,
		options: { cause?: unknown; gsmaCode?: number } = {},
	) {
		super(code, message, { cause: options.cause, context: { gsmaCode: options.gsmaCode } });
		this.gsmaCode = options.gsmaCode;
	}
}
