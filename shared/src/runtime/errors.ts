import { defineErrors, EsimError } from "../util/errors.ts";

export const runtimeErrors = defineErrors({
	CONFIG_KEY_UNKNOWN: {
		meaning: "The configuration names a setting that this program does not have.",
		action: "Correct the spelling (the message suggests the nearest name) or remove it; `config template` prints all.",
		httpStatus: 400,
	},
	CONFIG_VALUE_INVALID: {
		meaning: "A setting has the wrong type, form or range; the message names its key, its source and its bounds.",
		action: "Correct the value where the message says it came from.",
		httpStatus: 400,
	},
	CONFIG_VALUE_MISSING: {
		meaning: "A setting without a default has no value.",
		action: "Set it in the YAML file, the environment or on the command line, as the message shows.",
		httpStatus: 400,
	},
	CONFIG_FILE_UNREADABLE: {
		meaning: "The configuration file cannot be read or is not YAML.",
		action: "Check the path and the rights of the file; the message names the line of a YAML mistake.",
		httpStatus: 400,
	},
	LIFECYCLE_START_FAILED: {
		meaning: "A part of the program could not be started; those started before it were stopped again.",
		action: "See the cause: an occupied port, an unreadable key and a missing database are the usual ones.",
	},
	LIFECYCLE_STOP_FAILED: {
		meaning: "A part of the program failed or took too long while it was being stopped.",
		action: "Nothing that was acknowledged is lost; see the cause and report it when it comes again.",
	},
});

export class ConfigError extends EsimError {}
export class LifecycleError extends EsimError {}
