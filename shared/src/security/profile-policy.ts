import { type OperatorId, PprIds } from "../messages/sgp22/profile-info.ts";
import type { ProfilePolicyAuthorisationRule } from "../messages/sgp22/profile-management.ts";
import { equalBytes } from "../util/bytes.ts";

type Ppr = "ppr1" | "ppr2";
const PPRS: readonly Ppr[] = ["ppr1", "ppr2"];
const CONSENT_REQUIRED = 0;
/** A nibble of mccMnc that stands for any digit. */
const WILDCARD = 0xe;

export interface PolicyQuestion {
	readonly profilePolicyRules: string | undefined;
	readonly profileOwner: OperatorId | undefined;
	/** forbiddenProfilePolicyRules of EUICCInfo2. */
	readonly forbidden: string | undefined;
	readonly rat: readonly ProfilePolicyAuthorisationRule[];
	/** Whether a rule that needs consent may be taken as consented. */
	readonly consentGranted: boolean;
}

/**
 * Whether a profile with these policy rules may be installed: each rule must not be forbidden by the
 * eUICC and must be authorised for the profile's owner by the Rules Authorisation Table.
 * @returns why not, or undefined when it may
 */
export function policyObjection(question: PolicyQuestion): string | undefined {
	const rules = question.profilePolicyRules ?? "";
	for (const ppr of PPRS) {
		if (!PprIds.has(rules, ppr)) continue;
		if (PprIds.has(question.forbidden ?? "", ppr)) return `${ppr} is forbidden by the eUICC`;
		const owner = question.profileOwner;
		if (owner === undefined) return `${ppr} is set, but the profile names no owner`;
		const matching = question.rat.filter(
			(rule) => PprIds.has(rule.pprIds, ppr) && rule.allowedOperators.some((allowed) => isAllowed(allowed, owner)),
		);
		if (matching.length === 0) return `${ppr} is not authorised for the profile's owner`;
		const needsConsent = matching.every((rule) => rule.pprFlags[CONSENT_REQUIRED] === "1");
		if (needsConsent && !question.consentGranted) return `${ppr} needs consent, which nobody on this device can give`;
	}
	return undefined;
}

/** A missing or empty group identifier in the table stands for any. */
function isAllowed(allowed: OperatorId, owner: OperatorId): boolean {
	return (
		matchesMccMnc(allowed.mccMnc, owner.mccMnc) &&
		matchesGid(allowed.gid1, owner.gid1) &&
		matchesGid(allowed.gid2, owner.gid2)
	);
}

function matchesMccMnc(allowed: Uint8Array, owner: Uint8Array): boolean {
	if (allowed.length !== owner.length) return false;
	return allowed.every((octet, index) => {
		const other = owner[index] as number;
		return matchesNibble(octet >> 4, other >> 4) && matchesNibble(octet & 0xf, other & 0xf);
	});
}

function matchesNibble(allowed: number, owner: number): boolean {
	return allowed === WILDCARD || allowed === owner;
}

function matchesGid(allowed: Uint8Array | undefined, owner: Uint8Array | undefined): boolean {
	if (allowed === undefined || allowed.length === 0) return true;
	return owner !== undefined && equalBytes(allowed, owner);
}
