import { defineErrors, EsimError } from "../util/errors.ts";

export const inspectErrors = defineErrors({
	INSPECT_TYPE_UNKNOWN: {
		meaning: "The type that octets are to be read as is none of the modules.",
		action: "Use the name of the type in SGP.32, SGP.22 or the profile package module, or UPP, APDU, TLV.",
		httpStatus: 400,
	},
});

/** A wrong request to inspect something; octets themselves are never an error. */
export class InspectError extends EsimError {
	constructor(code: keyof typeof inspectErrors, message: string) {
		super(code, message);
	}
}
