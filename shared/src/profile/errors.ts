import { defineErrors, type ErrorContext, EsimError } from "../util/errors.ts";

export const profileErrors = defineErrors({
	PROFILE_PACKAGE_INVALID: {
		meaning: "Octets are no profile package: a profile element cannot be read.",
		action: "Check that the file is an unprotected profile package (UPP) in DER; the message names the element.",
		httpStatus: 400,
	},
	PROFILE_FILE_INVALID: {
		meaning: "A file of a profile package contradicts itself or its template, or lacks what neither of them says.",
		action: "Correct the file control parameters or the contents of the file that the message names.",
		httpStatus: 400,
	},
	PROFILE_DESCRIPTION_INVALID: {
		meaning: "The description of a profile (YAML) has a missing, unknown or wrong entry.",
		action: "Correct the entry that the message names by its path.",
		httpStatus: 400,
	},
	PROFILE_SUBSCRIBER_MISSING: {
		meaning: "A profile package has no IMSI or no authentication parameters for its USIM.",
		action: "Use a package with a PE-USIM (or PE-IoT) that is followed by a PE-AKAParameter with a key of its own.",
		httpStatus: 400,
	},
});

/** A profile package or its description that cannot be used. */
export class ProfileError extends EsimError {
	constructor(
		code: keyof typeof profileErrors,
		message: string,
		options: { cause?: unknown; context?: ErrorContext } = {},
	) {
		super(code, message, options);
	}
}
