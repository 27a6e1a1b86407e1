import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const smdpErrors = defineErrors({
	SMDP_OPTION: {
		meaning: "An option of sim-smdp has a value that cannot be used.",
		action: "Correct the option that the message names; `sim-smdp --help` shows examples.",
		httpStatus: 400,
	},
	SMDP_STATE_DAMAGED: {
		meaning: "A file in the state folder of the SM-DP+ cannot be read.",
		action: "Restore the file that the message names, or remove it to lose only what it holds.",
	},
	SMDP_STATE_IN_USE: {
		meaning: "Another running SM-DP+ uses the state folder.",
		action: "Stop the process that the message names, or give another folder with --dir.",
	},
	SMDP_PROFILE_EXISTS: {
		meaning: "A profile with this ICCID is already in the inventory.",
		action: "Import a profile with another ICCID, or use the one that is there.",
		httpStatus: 409,
	},
	SMDP_PROFILE_UNKNOWN: {
		meaning: "No profile with this ICCID is in the inventory.",
		action: "Import it first (`sim-smdp import FILE --dir STATE`), or correct the ICCID.",
		httpStatus: 404,
	},
	SMDP_PROFILE_TOO_LARGE: {
		meaning: "A profile package is larger than a simulated SM-DP+ takes.",
		action: "Give a profile package of at most 1 MiB.",
		httpStatus: 413,
	},
});

/** The simulated SM-DP+ cannot do what its owner asked; what clients are told is an RspRefusal instead. */
export class SmdpError extends EsimError {
	constructor(code: keyof typeof smdpErrors, message: string, options: { cause?: unknown } = {}) {
		super(code, message, options);
	}
}
