import { equalBytes } from "@iot-esim/shared/util/bytes";
import type { Euicc } from "../euicc.ts";
import { forbidsDeletion, forbidsDisabling, type Profile } from "./profiles.ts";

/** Why a profile cannot be enabled, disabled or deleted; each ES10 function has its own code for it. */
export type Refusal = "wrongState" | "policy" | "busy";

/** @returns undefined when `target` may be enabled now, which disables the profile that is enabled */
export function refusalToEnable(euicc: Euicc, target: Profile): Refusal | undefined {
	if (target.isEnabled) return "wrongState";
	const current = euicc.profiles.enabled;
	if (current !== undefined && forbidsDisabling(current)) return "policy";
	return euicc.proactive.isBusy ? "busy" : undefined;
}

/** @returns undefined when `target` may be disabled now */
export function refusalToDisable(euicc: Euicc, target: Profile): Refusal | undefined {
	if (!target.isEnabled) return "wrongState";
	if (forbidsDisabling(target)) return "policy";
	return euicc.proactive.isBusy ? "busy" : undefined;
}

/** @returns undefined when `target` may be deleted now; a fallback profile has to lose its attribute first */
export function refusalToDelete(target: Profile): Refusal | undefined {
	if (target.isEnabled) return "wrongState";
	return forbidsDeletion(target) || target.hasFallbackAttribute ? "policy" : undefined;
}

/**
 * Makes `target` the enabled profile, or leaves none enabled, with the notifications of both profiles. Any switch ends
 * a granted rollback; the functions that grant one write it afterwards.
 */
export function switchTo(euicc: Euicc, target: Profile | undefined): void {
	const { profiles, notifications, settings } = euicc;
	const current = profiles.enabled;
	if (current !== undefined) {
		profiles.save({ ...current, isEnabled: false });
		notifications.notify(current, "notificationDisable");
	}
	if (target !== undefined) {
		profiles.save({ ...target, isEnabled: true });
		notifications.notify(target, "notificationEnable");
	}
	settings.clear("rollback");
}

/** Removes a disabled profile and notifies. Switches that would return to it are over. */
export function deleteProfile(euicc: Euicc, target: Profile): void {
	const { profiles, notifications, settings } = euicc;
	notifications.notify(target, "notificationDelete");
	profiles.remove(target);
	const rollback = settings.get("rollback");
	if (rollback !== undefined && equalBytes(rollback.profileBefore, target.isdpAid)) settings.clear("rollback");
	const fallback = settings.get("profileBeforeFallback");
	if (fallback !== undefined && equalBytes(fallback, target.isdpAid)) settings.clear("profileBeforeFallback");
}

/** The terminal has to read the card anew: by REFRESH, when that is wanted. */
export function refreshTerminal({ card, proactive }: Euicc, isWanted: boolean): void {
	if (isWanted && !card.quirks.signalsNoRefresh) proactive.requestRefresh();
}
