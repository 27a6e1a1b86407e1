import { ProcedureError } from "./errors.ts";

/** What an activation code says (SGP.22 §4.1). */
export interface ActivationCode {
	readonly smdpAddress: string;
	readonly matchingId: string;
	readonly smdpOid: string | undefined;
	readonly confirmationCodeRequired: boolean;
}

/**
 * Reads "1$address$matchingId[$oid[$1]]", with or without "LPA:" before it.
 * @throws ProcedureError IPA_ACTIVATION_CODE_INVALID
 */
export function parseActivationCode(text: string): ActivationCode {
	const parts = text.trim().replace(/^LPA:/i, "").split("$");
	const [format, smdpAddress, matchingId, smdpOid, confirmation] = parts;
	if (format !== "1" || !smdpAddress || matchingId === undefined) {
		const problem = format === "1" ? "names no SM-DP+ or matching id" : "does not begin with 1$";
		throw new ProcedureError("IPA_ACTIVATION_CODE_INVALID", `the activation code ${problem}`);
	}
	return {
		smdpAddress,
		matchingId,
		smdpOid: smdpOid === undefined || smdpOid === "" ? undefined : smdpOid,
		confirmationCodeRequired: confirmation === "1",
	};
}
