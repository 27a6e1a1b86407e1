import { EsimError } from "@iot-esim/shared/util/errors";

/** Codes of the areas below; procedures know them by name, not by class. */
const CARD = "CARD_";
const EIM = "IPA_EIM_";
const SERVER = "IPA_RSP_";

/** The card, its reader or the modem failed, or refused a command. */
export function isCardFailure(error: unknown): error is EsimError {
	return error instanceof EsimError && error.code.startsWith(CARD);
}

/** The card answered a command with an error status instead of data. */
export function isStatus(error: unknown): error is EsimError {
	return error instanceof EsimError && error.code === "CARD_STATUS";
}

/** The way to the eIM failed, or the eIM did not take the message. */
export function isLinkFailure(error: unknown): error is EsimError {
	return error instanceof EsimError && error.code.startsWith(EIM);
}

/** A direct exchange with an SM-DP+ or SM-DS failed. */
export function isServerFailure(error: unknown): error is EsimError {
	return error instanceof EsimError && error.code.startsWith(SERVER);
}

/** The eIM was not reached at all, so the network of the enabled profile may be the cause. */
export function isUnreachable(error: unknown): boolean {
	return error instanceof EsimError && error.code === "IPA_EIM_UNREACHABLE";
}
