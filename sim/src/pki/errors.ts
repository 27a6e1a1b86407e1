import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const simPkiErrors = defineErrors({
	SIM_PKI_MISSING: {
		meaning: "A certificate or key that a simulator needs is not in the PKI folder.",
		action: "Make the folder with `sim-pki init`, or add the file that the message names.",
	},
	SIM_PKI_EXISTS: {
		meaning: "The PKI folder already holds a PKI.",
		action: "Choose an empty folder, or pass --force to make a new PKI whose certificates no old part trusts.",
	},
	SIM_PKI_OPTION: {
		meaning: "An option of sim-pki has a value that cannot be used.",
		action: "Correct the option that the message names; `sim-pki --help` shows examples.",
		httpStatus: 400,
	},
	SIM_PKI_UNWRITABLE: {
		meaning: "The PKI folder cannot be made or written.",
		action: "Choose a folder that may be written; a file of that name must not be in its place.",
		httpStatus: 400,
	},
});

/** A test PKI that cannot be made or read. */
export class SimPkiError extends EsimError {
	constructor(code: keyof typeof simPkiErrors, message: string, options: { cause?: unknown } = {}) {
		super(code, message, options);
	}
}
