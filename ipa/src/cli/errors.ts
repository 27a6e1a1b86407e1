import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const ipaCliErrors = defineErrors({
	IPA_CARD_ADDRESS_MISSING: {
		meaning: "The command needs a card, and nothing says where it is.",
		action: "Give --card ADDRESS, or --config FILE with card.address.",
		httpStatus: 400,
	},
	IPA_FILE_INVALID: {
		meaning: "A file given on the command line or named by a setting cannot be read, or is not what it is needed as.",
		action: "Correct the file, the rights to it, or its path in the setting or argument that the message names.",
		httpStatus: 400,
	},
	IPA_SETTING_INVALID: {
		meaning: "A setting has a value that does not fit what it is for.",
		action: "Correct the setting that the message names.",
		httpStatus: 400,
	},
	IPA_ASSOCIATION_REFUSED: {
		meaning: "The card does not take the eIM configuration.",
		action: "See the reason in the message; a card that already has an eIM takes further ones only from that eIM.",
		httpStatus: 409,
	},
	IPA_CARD_REFUSED: {
		meaning: "The card does not carry out a local action.",
		action: "The message says why; what an emergency call or an eIM forbids can be done when that is over.",
		httpStatus: 409,
	},
	IPA_WAKE_SOCKET_UNUSABLE: {
		meaning: "The Unix socket over which the agent is woken cannot be used.",
		action: "Check that wake.socket is the same for both, that `ipa run` runs, and the rights to the folder.",
		httpStatus: 409,
	},
	IPA_ARGUMENT_INVALID: {
		meaning: "An argument of the command does not fit.",
		action: "Run the command with --help.",
		httpStatus: 400,
	},
	IPA_CONFIRMATION_MISSING: {
		meaning: "A command that deletes something from the card was not confirmed.",
		action: "Read what it would delete, and add --yes.",
		httpStatus: 400,
	},
	IPA_CARD_IN_USE: {
		meaning: "Another agent already works with this state folder, and one card has one writer.",
		action: "Stop the other agent, or give this one its own state.folder.",
		httpStatus: 409,
	},
	IPA_STATE_UNWRITABLE: {
		meaning: "The folder for the agent's state cannot be made or written.",
		action: "Give a state.folder that the agent's user may write.",
		httpStatus: 400,
	},
});

export class IpaCliError extends EsimError {
	constructor(code: keyof typeof ipaCliErrors, message: string, options: { cause?: unknown } = {}) {
		super(code, message, options);
	}
}
