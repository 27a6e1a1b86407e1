import { PprIds, ProfileClassCode } from "@iot-esim/shared/messages/sgp22/profile-info";
import { ErrorReasonCode } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import type { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import type { Euicc } from "../euicc.ts";
import type { RatRule } from "../personalisation.ts";
import { LoadFailure } from "./load-failure.ts";

/**
 * The checks of ES8+.StoreMetadata (SGP.22 section 5.5.3).
 * @throws LoadFailure with the reason of the first that fails
 */
export function checkMetadata(metadata: StoreMetadataRequest, { card, profiles }: Euicc): void {
	if (profiles.find({ iccid: metadata.iccid }) !== undefined) {
		throw new LoadFailure(ErrorReasonCode.installFailedDueToIccidAlreadyExistsOnEuicc);
	}
	const { profileClass, icon, iconType, profilePolicyRules = "" } = metadata;
	const isKnownClass = Object.values<number | undefined>(ProfileClassCode).includes(profileClass);
	if (!isKnownClass || (profileClass === ProfileClassCode.test && !card.supportsTestProfiles)) {
		throw new LoadFailure(ErrorReasonCode.unsupportedProfileClass);
	}
	if (icon !== undefined && iconType === undefined) throw new LoadFailure(ErrorReasonCode.incorrectInputValues);
	for (const rule of ["ppr1", "ppr2"] as const) {
		if (!PprIds.has(profilePolicyRules, rule)) continue;
		if (!card.rulesAuthorisationTable.some((line) => isAuthorised(line, rule, metadata.profileOwner))) {
			throw new LoadFailure(ErrorReasonCode.pprNotAllowed);
		}
	}
}

/** A line of the table allows `rule` to an operator by MCC and MNC, with E as a digit that may be any. */
function isAuthorised(line: RatRule, rule: "ppr1" | "ppr2", owner: StoreMetadataRequest["profileOwner"]): boolean {
	if (!PprIds.has(line.pprIds, rule)) return false;
	return line.allowedOperators.some(({ mccMnc }) => {
		const digits = (octets: Uint8Array) => [...octets].flatMap((octet) => [octet & 0xf, octet >> 4]);
		const allowed = digits(mccMnc);
		if (owner === undefined) return allowed.every((digit) => digit === 0xe);
		return digits(owner.mccMnc).every((digit, i) => allowed[i] === 0xe || allowed[i] === digit);
	});
}
