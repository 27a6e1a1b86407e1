import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const cliErrors = defineErrors({
	CLI_SERVER_UNREACHABLE: {
		meaning: "The eIM does not answer at the given address.",
		action: "Check --url or EIM_URL, and that the eIM runs; its first line of output names the address of its API.",
	},
	CLI_KEY_MISSING: {
		meaning: "No API key was given.",
		action: "Give --api-key or set EIM_API_KEY; the first key was printed when the eIM started for the first time.",
	},
	CLI_REFUSED: {
		meaning: "The eIM refused the request.",
		action: "The message has the code of the refusal; look it up in the error reference.",
	},
	CLI_OPERATION_UNSUCCESSFUL: {
		meaning: "The operation that was waited for ended without success.",
		action: "The message says why, in words and in the standard's code.",
	},
	CLI_USAGE: {
		meaning: "An argument of the command does not fit.",
		action: "Run the command with --help.",
	},
});

/** Exit codes: what a script can tell apart. */
export const EXIT = { ok: 0, unsuccessful: 1, usage: 2, unreachable: 3, refused: 4 } as const;

const EXIT_OF: Readonly<Record<keyof typeof cliErrors, number>> = {
	CLI_SERVER_UNREACHABLE: EXIT.unreachable,
	CLI_KEY_MISSING: EXIT.usage,
	CLI_REFUSED: EXIT.refused,
	CLI_OPERATION_UNSUCCESSFUL: EXIT.unsuccessful,
	CLI_USAGE: EXIT.usage,
};

/** A command that did not do what it should. */
export class CliError extends EsimError {
	declare readonly code: keyof typeof cliErrors;

	get exitCode(): number {
		return EXIT_OF[this.code];
	}
}
