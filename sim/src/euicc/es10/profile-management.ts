import { decode, encode } from "@iot-esim/shared/asn1/schema";
import {
	DeleteProfileRequest,
	DeleteProfileResponse,
	DeleteResultCode,
	DisableProfileRequest,
	DisableProfileResponse,
	DisableResultCode,
	EnableProfileRequest,
	EnableProfileResponse,
	EnableResultCode,
	SetNicknameRequest,
	SetNicknameResponse,
	SetNicknameResultCode,
} from "@iot-esim/shared/messages/sgp22/profile-management";
import { type Es10Function, type Euicc, isUnderEim } from "../euicc.ts";
import {
	deleteProfile,
	refreshTerminal,
	refusalToDelete,
	refusalToDisable,
	refusalToEnable,
	switchTo,
} from "../state/profile-switch.ts";

/** ES10c.EnableProfile (BF31). Under an eIM only its packages switch profiles. */
export const enableProfileLocally: Es10Function = (request, euicc) => {
	const enableResult = enable(decode(EnableProfileRequest, request), euicc);
	return encode(EnableProfileResponse, { enableResult });
};

function enable({ profileIdentifier, refreshFlag }: EnableProfileRequest, euicc: Euicc): number {
	const target = euicc.profiles.find(profileIdentifier);
	if (target === undefined) return EnableResultCode.iccidOrAidNotFound;
	if (isUnderEim(euicc)) return EnableResultCode.disallowedByPolicy;
	switch (refusalToEnable(euicc, target)) {
		case "wrongState":
			return EnableResultCode.profileNotInDisabledState;
		case "policy":
			return EnableResultCode.disallowedByPolicy;
		case "busy":
			return EnableResultCode.catBusy;
		default:
	}
	switchTo(euicc, target);
	refreshTerminal(euicc, refreshFlag);
	return EnableResultCode.ok;
}

/** ES10c.DisableProfile (BF32). */
export const disableProfileLocally: Es10Function = (request, euicc) => {
	const disableResult = disable(decode(DisableProfileRequest, request), euicc);
	return encode(DisableProfileResponse, { disableResult });
};

function disable({ profileIdentifier, refreshFlag }: DisableProfileRequest, euicc: Euicc): number {
	const target = euicc.profiles.find(profileIdentifier);
	if (target === undefined) return DisableResultCode.iccidOrAidNotFound;
	if (isUnderEim(euicc)) return DisableResultCode.disallowedByPolicy;
	switch (refusalToDisable(euicc, target)) {
		case "wrongState":
			return DisableResultCode.profileNotInEnabledState;
		case "policy":
			return DisableResultCode.disallowedByPolicy;
		case "busy":
			return DisableResultCode.catBusy;
		default:
	}
	switchTo(euicc, undefined);
	refreshTerminal(euicc, refreshFlag);
	return DisableResultCode.ok;
}

/** ES10c.DeleteProfile (BF33). */
export const deleteProfileLocally: Es10Function = (request, euicc) => {
	const target = euicc.profiles.find(decode(DeleteProfileRequest, request));
	if (target === undefined) return deleted(DeleteResultCode.iccidOrAidNotFound);
	if (isUnderEim(euicc)) return deleted(DeleteResultCode.disallowedByPolicy);
	const refusal = refusalToDelete(target);
	if (refusal === "wrongState") return deleted(DeleteResultCode.profileNotInDisabledState);
	if (refusal !== undefined) return deleted(DeleteResultCode.disallowedByPolicy);
	deleteProfile(euicc, target);
	return deleted(DeleteResultCode.ok);
};

function deleted(deleteResult: number): Uint8Array {
	return encode(DeleteProfileResponse, { deleteResult });
}

/** ES10c.SetNickname (BF29); an empty one takes the nickname away. */
export const setNickname: Es10Function = (request, { profiles }) => {
	const { iccid, profileNickname } = decode(SetNicknameRequest, request);
	const target = profiles.find({ iccid });
	if (target === undefined) {
		return encode(SetNicknameResponse, { setNicknameResult: SetNicknameResultCode.iccidNotFound });
	}
	const { nickname: _before, ...record } = target;
	profiles.save(profileNickname === "" ? record : { ...record, nickname: profileNickname });
	return encode(SetNicknameResponse, { setNicknameResult: SetNicknameResultCode.ok });
};
