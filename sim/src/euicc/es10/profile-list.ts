import { decode, encode } from "@iot-esim/shared/asn1/schema";
import {
	DpProprietaryData,
	ProfileInfoListRequest,
	ProfileStateCode,
} from "@iot-esim/shared/messages/sgp22/profile-info";
import { readLaterFields, withLaterFields } from "@iot-esim/shared/messages/sgp32/dialect/later-fields";
import {
	ProfileInfo,
	ProfileInfoListErrorCode,
	ProfileInfoListResponse,
} from "@iot-esim/shared/messages/sgp32/profile-info";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import type { Es10Function, Euicc } from "../euicc.ts";
import type { Profile } from "../state/profiles.ts";

/** Fields of ProfileInfo by the tag that a tag list names them with. */
const FIELD_BY_TAG: ReadonlyMap<number, keyof ProfileInfo> = new Map([
	[0x5a, "iccid"],
	[0x4f, "isdpAid"],
	[0x9f70, "profileState"],
	[0x90, "profileNickname"],
	[0x91, "serviceProviderName"],
	[0x92, "profileName"],
	[0x93, "iconType"],
	[0x94, "icon"],
	[0x95, "profileClass"],
	[0xb6, "notificationConfigurationInfo"],
	[0xb7, "profileOwner"],
	[0xb8, "dpProprietaryData"],
	[0x99, "profilePolicyRules"],
	[0xbf22, "serviceSpecificDataStoredInEuicc"],
	[0x9f7b, "ecallIndication"],
	[0x9f26, "fallbackAttribute"],
	[0x9f67, "fallbackAllowed"],
]);

/** What is given without a tag list (SGP.22 section 5.7.15). */
const DEFAULT_TAGS = [0x5a, 0x4f, 0x9f70, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95];
/** SGP.32 cards add what an eIM needs to choose profiles. */
const DEFAULT_IOT_TAGS = [...DEFAULT_TAGS, 0x99, 0x9f7b, 0x9f26, 0x9f67];

/** ES10b.GetProfilesInfo of SGP.32, ES10c.GetProfilesInfo of SGP.22 (BF2D). */
export const getProfilesInfo: Es10Function = (request, euicc) =>
	encode(ProfileInfoListResponse, listProfiles(decode(ProfileInfoListRequest, request), euicc));

/** The list that a request asks for; also the command listProfileInfo of a package. */
export function listProfiles(
	{ searchCriteria, tagList }: ProfileInfoListRequest,
	euicc: Euicc,
): ProfileInfoListResponse {
	const defaults = euicc.card.mode === "iot" ? DEFAULT_IOT_TAGS : DEFAULT_TAGS;
	const tags = tagList === undefined || tagList.length === 0 ? defaults : readTagList(tagList);
	if (tags === undefined) return { profileInfoListError: ProfileInfoListErrorCode.incorrectInputValues };
	const found = euicc.profiles.list().filter((profile) => isWanted(profile, searchCriteria));
	return { profileInfoListOk: found.map((profile) => withIotObject(pick(describe(profile), tags), profile, tags)) };
}

/** The IoT object of the metadata, when it is asked for; left out again in the forms of a version before 1.3. */
function withIotObject(info: ProfileInfo, { metadata }: Profile, tags: readonly number[]): ProfileInfo {
	if (!tags.includes(IOT_OBJECT)) return info;
	const { iotSpecificMetadata } = readLaterFields("StoreMetadataRequest", metadata);
	if (iotSpecificMetadata === undefined) return info;
	const whole = withLaterFields("ProfileInfo", encode(ProfileInfo, info), {
		iotSpecificProfileInfo: iotSpecificMetadata,
	});
	return decode(ProfileInfo, whole);
}

const IOT_OBJECT = 0xbf64;

function isWanted(profile: Profile, criteria: ProfileInfoListRequest["searchCriteria"]): boolean {
	if (criteria === undefined) return true;
	if ("iccid" in criteria) return equalBytes(profile.iccid, criteria.iccid);
	if ("isdpAid" in criteria) return equalBytes(profile.isdpAid, criteria.isdpAid);
	return profile.description.profileClass === criteria.profileClass;
}

function describe(profile: Profile): ProfileInfo {
	const { serviceSpecificDataNotStoredInEuicc: _left, ...stored } = profile.description;
	return {
		...stored,
		isdpAid: profile.isdpAid,
		profileState: profile.isEnabled ? ProfileStateCode.enabled : ProfileStateCode.disabled,
		...(profile.nickname === undefined ? {} : { profileNickname: profile.nickname }),
		...(profile.dpProprietaryData === undefined
			? {}
			: { dpProprietaryData: decode(DpProprietaryData, profile.dpProprietaryData) }),
		fallbackAttribute: profile.hasFallbackAttribute,
	};
}

/** Only the fields that were asked for; a tag that the card does not know is passed over. */
function pick(info: ProfileInfo, tags: readonly number[]): ProfileInfo {
	const wanted = new Set(tags.map((tag) => FIELD_BY_TAG.get(tag)));
	return Object.fromEntries(Object.entries(info).filter(([name]) => wanted.has(name as keyof ProfileInfo)));
}

/** Tags one after another; undefined when the last one is cut off. */
function readTagList(list: Uint8Array): number[] | undefined {
	const tags: number[] = [];
	for (let at = 0; at < list.length; ) {
		let tag = list[at++] as number;
		if ((tag & 0x1f) === 0x1f) {
			let octet: number | undefined;
			do {
				octet = list[at++];
				if (octet === undefined) return undefined;
				tag = tag * 256 + octet;
			} while (octet & 0x80);
		}
		tags.push(tag);
	}
	return tags;
}
