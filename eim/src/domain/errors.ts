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
	PACKAGE_RULE_BROKEN: {
		meaning: "The commands cannot stand together in one eUICC package (SGP.32 section 2.11.1.1).",
		action: "Order them in another sequence, or as operations of their own; nothing was queued.",
		httpStatus: 400,
	},
	ACTIVATION_CODE_INVALID: {
		meaning: "The activation code is not of the form 1$SM-DP+ address$matching id (SGP.22 section 4.1).",
		action: "Copy the whole code as the operator printed it, with or without the prefix LPA:.",
		httpStatus: 400,
	},
	DEVICE_COUNTER_EXHAUSTED: {
		meaning: "The package counter of this eIM at this eUICC stands close to 8388607, the last value an eUICC takes.",
		action:
			"Only commands on eIMs are sent now. Let another eIM of the card order deleteEim and addEim for this one (order addEim for it first where there is none), then tell the new token and counter with PATCH /api/v1/devices/{eid}.",
		httpStatus: 409,
	},
	DEVICE_COUNTER_SPENT: {
		meaning: "A lower counter was given although the association with the eUICC is the same.",
		action:
			"Give the association token that the eUICC made when this eIM was added anew; under the old one every package ever signed could be replayed.",
		httpStatus: 409,
	},
	DEVICE_VERSION_LACKS_COMMAND: {
		meaning: "The eUICC implements a version of SGP.32 that does not have this command.",
		action: "Do without the command, or correct the device's euiccVersion if it is set wrong.",
		httpStatus: 409,
	},
	DEVICE_KEY_MISSING: {
		meaning: "The eUICC knows this eIM by a signing key that is not configured.",
		action: "Add the file of that key to keys.formerSigningKeys and restart the eIM, then order again.",
		httpStatus: 409,
	},
	DEVICE_CERTIFICATES_UNKNOWN: {
		meaning:
			"The certificates of the eUICC are not known, and after this command they could not be asked for any more.",
		action: "Order readEuiccData, then this again.",
		httpStatus: 409,
	},
	DEVICE_RELEASED: {
		meaning: "This eIM has been removed from the eUICC, which takes nothing from it any more.",
		action:
			"Add the eIM to the card again, then PATCH /api/v1/devices/{eid} with association, associationToken and counter; or remove the device.",
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
