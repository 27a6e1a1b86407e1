import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const rspServerErrors = defineErrors({
	RSP_SERVER_OPTION: {
		meaning: "An option or a bench setting of sim-smdp or sim-smds has a value that cannot be used.",
		action: "Correct what the message names; `sim-smdp --help` and `sim-smds --help` show examples.",
		httpStatus: 400,
	},
	RSP_SERVER_STATE_DAMAGED: {
		meaning: "A file in the state folder of a simulated SM-DP+ or SM-DS cannot be read.",
		action: "Restore the file that the message names, or remove it to lose only what it holds.",
	},
	RSP_SERVER_STATE_IN_USE: {
		meaning: "Another running SM-DP+ or SM-DS uses the state folder.",
		action: "Stop the process that the message names, or give another folder with --dir.",
	},
});

/** A simulated server cannot do what its owner asked; what clients are told is an RspRefusal instead. */
export class RspServerError extends EsimError {
	constructor(code: keyof typeof rspServerErrors, message: string, options: { cause?: unknown } = {}) {
		super(code, message, options);
	}
}
