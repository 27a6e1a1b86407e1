import { DomainError } from "./errors.ts";

/** The parts of an activation code that a download needs (SGP.22 section 4.1). */
export interface ActivationCode {
	readonly smdpAddress: string;
	readonly matchingId: string;
	readonly smdpOid?: string;
	readonly confirmationCodeRequired: boolean;
}

/**
 * Splits `1$address$matchingId[$oid][$1]`, with or without the prefix `LPA:` of a QR code.
 * @returns DomainError ACTIVATION_CODE_INVALID naming what does not fit
 */
export function parseActivationCode(text: string): ActivationCode | DomainError {
	const [format, smdpAddress, matchingId, smdpOid, flag] = text.trim().replace(/^LPA:/i, "").split("$");
	const invalid = (what: string) => new DomainError("ACTIVATION_CODE_INVALID", `activationCode: ${what}`);
	if (format !== "1") return invalid(`begins with "${format ?? ""}" instead of format 1`);
	if (!smdpAddress || !/^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(smdpAddress)) return invalid("has no SM-DP+ address");
	if (matchingId === undefined) return invalid("has no matching id (it may be empty, but its $ must be there)");
	if (!/^[A-Za-z0-9-]*$/.test(matchingId))
		return invalid("has a matching id with other characters than A-Z, 0-9 and -");
	return {
		smdpAddress,
		matchingId,
		...(smdpOid ? { smdpOid } : {}),
		confirmationCodeRequired: flag === "1",
	};
}
