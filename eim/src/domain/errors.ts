import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const domainErrors = defineErrors({
	OPERATION_TRANSITION_ILLEGAL: {
		meaning: "The operation is in a state in which this step cannot happen.",
		action: "Read the operation again; a finished operation stays as it is, order a new one instead.",
		httpStatus: 409,
	},
	OPERATION_ALREADY_SENT: {
		meaning: "The operation cannot be cancelled: the device has already been given its package and may execute it.",
		action: "Wait for the device's signed result or for the expiry of the operation.",
		httpStatus: 409,
	},
	OPERATION_PARAMETERS_INVALID: {
		meaning: "The parameters of the operation do not fit its type.",
		action: "Compare the named field with the schema of the type in the OpenAPI document.",
		httpStatus: 400,
	},
	ACTIVATION_CODE_INVALID: {
		meaning: "The activation code is not of the form 1$SM-DP+ address$matching id (SGP.22 section 4.1).",
		action: "Copy the whole code as the operator printed it, with or without the prefix LPA:.",
		httpStatus: 400,
	},
	DEVICE_COUNTER_EXHAUSTED: {
		meaning: "The package counter of this eIM at this eUICC has reached 8388607, the last value an eUICC takes.",
		action: "Remove and add this eIM on the eUICC (deleteEim, addEim) or give it a new counter by updateEim.",
		httpStatus: 409,
	},
	DEVICE_LAB_MODE_REQUIRED: {
		meaning: "Unverified results can only be accepted from a device in a named lab mode.",
		action: "Give the device a labMode name together with acceptUnverified, or leave acceptUnverified off.",
		httpStatus: 400,
	},
});

/** A step that the rules of the domain do not allow; state stays as it was. */
export class DomainError extends EsimError {
	declare readonly code: keyof typeof domainErrors;
}
