import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Iccid } from "@iot-esim/shared/ids/iccid";
import { ProfileClassCode, ProfileStateCode } from "@iot-esim/shared/messages/sgp22/profile-info";
import type { ProfileInfo } from "@iot-esim/shared/messages/sgp32/profile-info";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { ListedProfile, ProfileClass } from "../domain/profile.ts";
import { iccidOf } from "./notifications.ts";

/**
 * Profiles of a list with the members that it has; one without a readable ICCID cannot be named and is left out.
 * @param isFallbackAsked the list was to tell which profile is the fallback profile; otherwise silence says nothing
 */
export function listedProfiles(
	eid: Eid,
	list: readonly ProfileInfo[],
	at: number,
	isFallbackAsked: boolean,
): ListedProfile[] {
	return list.flatMap((info) => {
		const iccid = info.iccid && iccidOf(info.iccid);
		return iccid === undefined ? [] : [listedProfile(eid, iccid, info, at, isFallbackAsked)];
	});
}

function listedProfile(
	eid: Eid,
	iccid: Iccid,
	info: ProfileInfo,
	updatedAt: number,
	isFallbackAsked: boolean,
): ListedProfile {
	const { profileState, profileClass, isdpAid, profileNickname, serviceProviderName, profileName } = info;
	return {
		eid,
		iccid,
		...(profileState === undefined
			? {}
			: { state: profileState === ProfileStateCode.enabled ? "enabled" : "disabled" }),
		...(profileClass === undefined ? {} : { profileClass: classOf(profileClass) }),
		...(isdpAid === undefined ? {} : { isdpAid: toHex(isdpAid) }),
		...(profileNickname === undefined ? {} : { nickname: profileNickname }),
		...(serviceProviderName === undefined ? {} : { serviceProviderName }),
		...(profileName === undefined ? {} : { profileName }),
		...(isFallbackAsked ? { isFallback: info.fallbackAttribute ?? false } : {}),
		...(info.fallbackAllowed === undefined ? {} : { mayBecomeFallback: info.fallbackAllowed }),
		updatedAt,
	};
}

export function classOf(code: number | undefined): ProfileClass {
	if (code === ProfileClassCode.test) return "test";
	return code === ProfileClassCode.provisioning ? "provisioning" : "operational";
}
