import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { EuiccResultData, RollbackProfileResultCode } from "@iot-esim/shared/messages/sgp32/command-results";
import {
	CmdResultCode,
	DisableEmergencyProfileRequest,
	DisableEmergencyProfileResponse,
	DisableEmergencyProfileResultCode,
	EnableEmergencyProfileRequest,
	EnableEmergencyProfileResponse,
	EnableEmergencyProfileResultCode,
	ExecuteFallbackMechanismRequest,
	ExecuteFallbackMechanismResponse,
	ExecuteFallbackMechanismResultCode,
	ImmediateEnableRequest,
	ImmediateEnableResponse,
	ImmediateEnableResultCode,
	ProfileRollbackRequest,
	ProfileRollbackResponse,
	ReturnFromFallbackRequest,
	ReturnFromFallbackResponse,
	ReturnFromFallbackResultCode,
} from "@iot-esim/shared/messages/sgp32/es10b-switch";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import type { Es10Function, Euicc } from "../euicc.ts";
import { refreshTerminal, refusalToEnable, switchTo } from "../state/profile-switch.ts";
import type { Profile } from "../state/profiles.ts";
import { signPackageResult } from "./load-euicc-package.ts";

const NONE = new Uint8Array(0);

/**
 * ES10b.ProfileRollback (BF58): back to the profile before the last package, when its eIM allowed that. The result of
 * the package is signed anew with the rollback behind its other results, and takes the place of the first.
 */
export const profileRollback: Es10Function = (request, euicc) => {
	const { refreshFlag } = decode(ProfileRollbackRequest, request);
	const { notifications, profiles, settings, proactive } = euicc;
	const granted = settings.get("rollback");
	const target = granted && profiles.find({ isdpAid: granted.profileBefore });
	if (granted === undefined || target === undefined) {
		return encode(ProfileRollbackResponse, { cmdResult: CmdResultCode.rollbackNotAllowed });
	}
	if (proactive.isBusy) return encode(ProfileRollbackResponse, { cmdResult: CmdResultCode.catBusy });
	switchTo(euicc, target);
	notifications.remove(granted.seqNumber);
	const { profileBefore: _before, ...answered } = granted;
	const rollback = encode(EuiccResultData, { rollbackResult: RollbackProfileResultCode.ok });
	const der = signPackageResult(euicc, {
		...answered,
		seqNumber: notifications.takeSequenceNumber(),
		results: [...granted.results, rollback],
	});
	refreshTerminal(euicc, refreshFlag);
	return encode(ProfileRollbackResponse, {
		cmdResult: CmdResultCode.ok,
		eUICCPackageResult: { value: decode(EuiccPackageResult, der), der },
	});
};

/** ES10b.ImmediateEnable (BF5A): enables the profile that this session has just loaded, when the card is set to. */
export const immediateEnable: Es10Function = (request, euicc) => {
	const { refreshFlag } = decode(ImmediateEnableRequest, request);
	const immediateEnableResult = enableInstalled(euicc);
	if (immediateEnableResult === ImmediateEnableResultCode.ok) refreshTerminal(euicc, refreshFlag);
	return encode(ImmediateEnableResponse, { immediateEnableResult });
};

function enableInstalled(euicc: Euicc): number {
	const code = ImmediateEnableResultCode;
	const { session, settings, profiles } = euicc;
	const { installed } = session;
	const target = installed && profiles.find(installed);
	if (installed === undefined || target === undefined) return code.noSessionContext;
	const allowed = settings.get("immediateEnable");
	if (allowed === undefined) return code.immediateEnableNotAvailable;
	const { defaultSmdpOid, defaultSmdpAddress } = allowed;
	const isOfServer =
		(defaultSmdpOid === undefined || defaultSmdpOid === installed.smdpOid) &&
		(defaultSmdpAddress === undefined || defaultSmdpAddress === installed.smdpAddress);
	if (!isOfServer) return code.immediateEnableNotAvailable;
	const refusal = refusalToEnable(euicc, target);
	if (refusal !== undefined) return refusal === "busy" ? code.catBusy : code.immediateEnableNotAvailable;
	switchTo(euicc, target);
	session.installed = undefined;
	return code.ok;
}

/** ES10b.ExecuteFallbackMechanism (BF5D): to the profile with the fallback attribute, remembering the way back. */
export const executeFallback: Es10Function = (request, euicc) => {
	const { refreshFlag } = decode(ExecuteFallbackMechanismRequest, request);
	const executeFallbackMechanismResult = fallBack(euicc);
	if (executeFallbackMechanismResult === ExecuteFallbackMechanismResultCode.ok) refreshTerminal(euicc, refreshFlag);
	return encode(ExecuteFallbackMechanismResponse, { executeFallbackMechanismResult });
};

function fallBack(euicc: Euicc): number {
	const code = ExecuteFallbackMechanismResultCode;
	const { profiles, settings } = euicc;
	if (settings.get("profileBeforeEmergency") !== undefined) return code.ecallActive;
	const target = profiles.list().find((profile) => profile.hasFallbackAttribute);
	if (target === undefined) return code.fallbackNotAvailable;
	const refusal = refusalToEnable(euicc, target);
	if (refusal === "wrongState") return code.profileNotInDisabledState;
	if (refusal !== undefined) return refusal === "busy" ? code.catBusy : code.commandError;
	settings.set("profileBeforeFallback", profiles.enabled?.isdpAid ?? NONE);
	switchTo(euicc, target);
	return code.ok;
}

/** ES10b.ReturnFromFallback (BF5E). */
export const returnFromFallback: Es10Function = (request, euicc) => {
	const { refreshFlag } = decode(ReturnFromFallbackRequest, request);
	const returnFromFallbackResult = comeBack(euicc);
	if (returnFromFallbackResult === ReturnFromFallbackResultCode.ok) refreshTerminal(euicc, refreshFlag);
	return encode(ReturnFromFallbackResponse, { returnFromFallbackResult });
};

function comeBack(euicc: Euicc): number {
	const code = ReturnFromFallbackResultCode;
	const { profiles, settings, proactive } = euicc;
	if (!profiles.list().some((profile) => profile.hasFallbackAttribute)) return code.fallbackNotAvailable;
	const before = settings.get("profileBeforeFallback");
	if (before === undefined) return code.commandError;
	if (proactive.isBusy) return code.catBusy;
	switchTo(euicc, profiles.find({ isdpAid: before }));
	settings.clear("profileBeforeFallback");
	return code.ok;
}

/** ES10b.EnableEmergencyProfile (BF5B): to the profile marked for eCall, whatever policy says. */
export const enableEmergencyProfile: Es10Function = (request, euicc) => {
	const { refreshFlag } = decode(EnableEmergencyProfileRequest, request);
	const enableEmergencyProfileResult = startEmergency(euicc);
	if (enableEmergencyProfileResult === EnableEmergencyProfileResultCode.ok) refreshTerminal(euicc, refreshFlag);
	return encode(EnableEmergencyProfileResponse, { enableEmergencyProfileResult });
};

function startEmergency(euicc: Euicc): number {
	const code = EnableEmergencyProfileResultCode;
	const { profiles, settings, proactive, card } = euicc;
	const target = profiles.list().find(isForEcall);
	if (target === undefined || !card.supportsEmergencyProfile) return code.ecallNotAvailable;
	if (target.isEnabled) return code.profileNotInDisabledState;
	if (proactive.isBusy) return code.catBusy;
	settings.set("profileBeforeEmergency", profiles.enabled?.isdpAid ?? NONE);
	switchTo(euicc, target);
	return code.ok;
}

/** ES10b.DisableEmergencyProfile (BF5C): back to the profile before the emergency. */
export const disableEmergencyProfile: Es10Function = (request, euicc) => {
	const { refreshFlag } = decode(DisableEmergencyProfileRequest, request);
	const disableEmergencyProfileResult = endEmergency(euicc);
	if (disableEmergencyProfileResult === DisableEmergencyProfileResultCode.ok) refreshTerminal(euicc, refreshFlag);
	return encode(DisableEmergencyProfileResponse, { disableEmergencyProfileResult });
};

function endEmergency(euicc: Euicc): number {
	const code = DisableEmergencyProfileResultCode;
	const { profiles, settings, proactive, card } = euicc;
	const before = settings.get("profileBeforeEmergency");
	if (before === undefined) {
		const isThere = card.supportsEmergencyProfile && profiles.list().some(isForEcall);
		return isThere ? code.profileNotInEnabledState : EnableEmergencyProfileResultCode.ecallNotAvailable;
	}
	if (proactive.isBusy) return code.catBusy;
	switchTo(euicc, profiles.find({ isdpAid: before }));
	settings.clear("profileBeforeEmergency");
	return code.ok;
}

function isForEcall(profile: Profile): boolean {
	return profile.description.ecallIndication === true;
}
