import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const smdpErrors = defineErrors({
	SMDP_OPTION: {
		meaning: "What sim-smdp was asked for cannot be used: a file, a sidecar or an order.",
		action: "Correct what the message names; `sim-smdp --help` shows examples.",
		httpStatus: 400,
	},
	SMDP_ORDER_REFUSED: {
		meaning: "The SM-DP+ that was asked for an order by ES2+ has refused it.",
		action: "The message has its reason: a profile that is ordered or installed already, or one that is not there.",
		httpStatus: 409,
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
