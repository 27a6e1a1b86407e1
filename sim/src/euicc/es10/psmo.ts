import {
	ConfigureImmediateEnableResultCode,
	DeleteProfileResultCode,
	DisableProfileResultCode,
	EnableProfileResultCode,
	type EuiccResultData,
	ProcessingTerminatedCode,
	SetFallbackAttributeResultCode,
	UnsetFallbackAttributeResultCode,
} from "@iot-esim/shared/messages/sgp32/command-results";
import type { Psmo } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { ProfileInfoListErrorCode } from "@iot-esim/shared/messages/sgp32/profile-info";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import type { Euicc } from "../euicc.ts";
import {
	deleteProfile,
	refusalToDelete,
	refusalToDisable,
	refusalToEnable,
	switchTo,
} from "../state/profile-switch.ts";
import type { Profile } from "../state/profiles.ts";
import { rulesOf } from "./euicc-information.ts";
import { listProfiles } from "./profile-list.ts";

/** What the commands of one package have done so far. */
export interface PackageProgress {
	/** The profile that was enabled when the package began. */
	readonly profileBefore: Profile | undefined;
	hasEnabled: boolean;
	hasDisabled: boolean;
	hasDeleted: boolean;
	/** Set by an enable command with rollbackFlag that succeeded. */
	isRollbackGranted: boolean;
}

export function startPackage({ profiles }: Euicc): PackageProgress {
	return {
		profileBefore: profiles.enabled,
		hasEnabled: false,
		hasDisabled: false,
		hasDeleted: false,
		isRollbackGranted: false,
	};
}

/** Executes one profile state management operation of a package. */
export function executePsmo(psmo: Psmo, euicc: Euicc, progress: PackageProgress): EuiccResultData {
	if ("enable" in psmo) return enable(psmo.enable, euicc, progress);
	if ("disable" in psmo) return disable(psmo.disable, euicc, progress);
	if ("delete" in psmo) return { deleteResult: remove(psmo.delete.iccid, euicc, progress) };
	if ("listProfileInfo" in psmo) {
		// The list would be of a state that lasts only until the terminal is refreshed (code 11).
		const isChanging = progress.hasEnabled || progress.hasDisabled || progress.hasDeleted;
		const profileInfoListError = ProfileInfoListErrorCode.profileChangeOngoing;
		return { listProfileInfoResult: isChanging ? { profileInfoListError } : listProfiles(psmo.listProfileInfo, euicc) };
	}
	if ("getRAT" in psmo) return { getRATResult: rulesOf(euicc) };
	if ("configureImmediateEnable" in psmo) {
		configureImmediateEnable(psmo.configureImmediateEnable, euicc);
		return { configureImmediateEnableResult: ConfigureImmediateEnableResultCode.ok };
	}
	if ("setFallbackAttribute" in psmo) {
		return { setFallbackAttributeResult: setFallback(psmo.setFallbackAttribute.iccid, euicc) };
	}
	if ("unsetFallbackAttribute" in psmo) return { unsetFallbackAttributeResult: unsetFallback(euicc) };
	euicc.settings.set("defaultSmdpAddress", psmo.setDefaultDpAddress.defaultDpAddress);
	return { setDefaultDpAddressResult: { setDefaultDpAddressResult: 0 } };
}

/** Stores or, without the flag, takes away what ImmediateEnable needs. */
export function configureImmediateEnable(
	{
		immediateEnableFlag,
		defaultSmdpOid,
		defaultSmdpAddress,
	}: Extract<Psmo, { configureImmediateEnable: unknown }>["configureImmediateEnable"],
	{ settings }: Euicc,
): void {
	if (immediateEnableFlag === undefined) {
		settings.clear("immediateEnable");
		return;
	}
	settings.set("immediateEnable", {
		...(defaultSmdpOid === undefined ? {} : { defaultSmdpOid }),
		...(defaultSmdpAddress === undefined ? {} : { defaultSmdpAddress }),
	});
}

function enable(
	{ iccid, rollbackFlag }: Extract<Psmo, { enable: unknown }>["enable"],
	euicc: Euicc,
	progress: PackageProgress,
): EuiccResultData {
	if (progress.hasEnabled) return { processingTerminated: ProcessingTerminatedCode.unknownOrDamagedCommand };
	const code = EnableProfileResultCode;
	const target = euicc.profiles.find({ iccid });
	if (target === undefined) return { enableResult: code.iccidOrAidNotFound };
	const refusal = refusalToEnable(euicc, target);
	if (refusal === "wrongState") return { enableResult: code.profileNotInDisabledState };
	if (refusal === "policy") return { enableResult: code.disallowedByPolicy };
	if (refusal === "busy") return { enableResult: code.catBusy };
	const { profileBefore } = progress;
	if (rollbackFlag !== undefined && !canReturnTo(profileBefore, target, euicc)) {
		return { enableResult: code.rollbackNotAvailable };
	}
	switchTo(euicc, target);
	euicc.settings.clear("profileBeforeFallback");
	progress.hasEnabled = true;
	progress.isRollbackGranted = rollbackFlag !== undefined;
	return { enableResult: code.ok };
}

/** A rollback needs another profile that was enabled before and is still there. */
function canReturnTo(before: Profile | undefined, target: Profile, { profiles }: Euicc): boolean {
	return before !== undefined && !equalBytes(before.isdpAid, target.isdpAid) && profiles.find(before) !== undefined;
}

function disable(
	{ iccid }: Extract<Psmo, { disable: unknown }>["disable"],
	euicc: Euicc,
	progress: PackageProgress,
): EuiccResultData {
	if (progress.hasDisabled) return { processingTerminated: ProcessingTerminatedCode.unknownOrDamagedCommand };
	const code = DisableProfileResultCode;
	const target = euicc.profiles.find({ iccid });
	if (target === undefined) return { disableResult: code.iccidOrAidNotFound };
	const refusal = refusalToDisable(euicc, target);
	if (refusal === "wrongState") return { disableResult: code.profileNotInEnabledState };
	if (refusal === "policy") return { disableResult: code.disallowedByPolicy };
	if (refusal === "busy") return { disableResult: code.catBusy };
	switchTo(euicc, undefined);
	progress.hasDisabled = true;
	progress.isRollbackGranted = false;
	return { disableResult: code.ok };
}

function remove(iccid: Uint8Array, euicc: Euicc, progress: PackageProgress): number {
	const code = DeleteProfileResultCode;
	const target = euicc.profiles.find({ iccid });
	if (target === undefined) return code.iccidOrAidNotFound;
	const returnsTo = euicc.settings.get("profileBeforeFallback");
	if (returnsTo !== undefined && equalBytes(returnsTo, target.isdpAid)) return code.returnFallbackProfile;
	const isRollbackTarget = progress.profileBefore && equalBytes(progress.profileBefore.isdpAid, target.isdpAid);
	if (progress.isRollbackGranted && isRollbackTarget) return code.rollbackNotAvailable;
	const refusal = refusalToDelete(target);
	if (refusal === "wrongState") return code.profileNotInDisabledState;
	if (refusal !== undefined) return code.disallowedByPolicy;
	deleteProfile(euicc, target);
	progress.hasDeleted = true;
	return code.ok;
}

/** Exactly one profile has the attribute; setting it takes it from the one that had it. */
function setFallback(iccid: Uint8Array, euicc: Euicc): number {
	const code = SetFallbackAttributeResultCode;
	const { profiles, settings } = euicc;
	const target = profiles.find({ iccid });
	if (target === undefined) return code.iccidOrAidNotFound;
	if (target.description.fallbackAllowed !== true) return code.fallbackNotAllowed;
	if (settings.get("profileBeforeFallback") !== undefined) return code.fallbackProfileEnabled;
	for (const profile of profiles.list()) {
		const hasFallbackAttribute = equalBytes(profile.isdpAid, target.isdpAid);
		if (profile.hasFallbackAttribute !== hasFallbackAttribute) profiles.save({ ...profile, hasFallbackAttribute });
	}
	return code.ok;
}

function unsetFallback({ profiles, settings }: Euicc): number {
	const code = UnsetFallbackAttributeResultCode;
	const holder = profiles.list().find((profile) => profile.hasFallbackAttribute);
	if (holder === undefined) return code.noFallbackAttribute;
	if (settings.get("profileBeforeFallback") !== undefined) return code.fallbackProfileEnabled;
	profiles.save({ ...holder, hasFallbackAttribute: false });
	return code.ok;
}
