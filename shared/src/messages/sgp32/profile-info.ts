/** SGP.32 v1.2, module SGP32Definitions: what is known of a profile. */

import {
	application,
	at,
	boolean,
	choice,
	context,
	define,
	type Infer,
	integer,
	octetString,
	optional,
	privateTag,
	sequence,
	sequenceOf,
	utf8String,
	withDefault,
} from "../../asn1/schema.ts";
import { Iccid, OctetTo16 } from "../sgp22/basic-types.ts";
import {
	DpProprietaryData,
	IconType,
	NotificationConfigurationInformation,
	OperatorId,
	PprIds,
	ProfileClass,
	ProfileClassCode,
	ProfileState,
	VendorSpecificExtension,
} from "../sgp22/profile-info.ts";

/** Tag E3. */
export const ProfileInfo = define(
	"ProfileInfo",
	privateTag(3),
	sequence({
		iccid: optional(Iccid),
		isdpAid: optional(at(application(15), OctetTo16)),
		profileState: optional(at(context(112), ProfileState)),
		profileNickname: optional(at(context(16), utf8String({ size: [0, 64] }))),
		serviceProviderName: optional(at(context(17), utf8String({ size: [0, 32] }))),
		profileName: optional(at(context(18), utf8String({ size: [0, 64] }))),
		iconType: optional(at(context(19), IconType)),
		icon: optional(at(context(20), octetString({ size: [0, 1024] }))),
		profileClass: optional(at(context(21), ProfileClass)),
		notificationConfigurationInfo: optional(at(context(22), sequenceOf(NotificationConfigurationInformation))),
		profileOwner: optional(at(context(23), OperatorId)),
		dpProprietaryData: optional(at(context(24), DpProprietaryData)),
		profilePolicyRules: optional(at(context(25), PprIds)),
		serviceSpecificDataStoredInEuicc: optional(at(context(34), VendorSpecificExtension)),
		ecallIndication: optional(at(context(123), boolean())),
		fallbackAttribute: withDefault(at(context(38), boolean()), false),
		fallbackAllowed: optional(at(context(103), boolean())),
	}),
);
export type ProfileInfo = Infer<typeof ProfileInfo>;

export const ProfileInfoListErrorCode = {
	incorrectInputValues: 1,
	profileChangeOngoing: 11,
	undefinedError: 127,
} as const;
export const ProfileInfoListError = define("ProfileInfoListError", integer({ named: ProfileInfoListErrorCode }));
export type ProfileInfoListError = Infer<typeof ProfileInfoListError>;

/** Tag BF2D. */
export const ProfileInfoListResponse = define(
	"ProfileInfoListResponse",
	context(45),
	choice({
		profileInfoListOk: sequenceOf(ProfileInfo),
		profileInfoListError: ProfileInfoListError,
	}),
);
export type ProfileInfoListResponse = Infer<typeof ProfileInfoListResponse>;

/** Metadata of a profile for an IoT eUICC. Tag BF25. */
export const StoreMetadataRequest = define(
	"StoreMetadataRequest",
	context(37),
	sequence({
		iccid: Iccid,
		serviceProviderName: at(context(17), utf8String({ size: [0, 32] })),
		profileName: at(context(18), utf8String({ size: [0, 64] })),
		iconType: optional(at(context(19), IconType)),
		icon: optional(at(context(20), octetString({ size: [0, 1024] }))),
		profileClass: withDefault(at(context(21), ProfileClass), ProfileClassCode.operational),
		notificationConfigurationInfo: optional(at(context(22), sequenceOf(NotificationConfigurationInformation))),
		profileOwner: optional(at(context(23), OperatorId)),
		profilePolicyRules: optional(at(context(25), PprIds)),
		serviceSpecificDataStoredInEuicc: optional(at(context(34), VendorSpecificExtension)),
		serviceSpecificDataNotStoredInEuicc: optional(at(context(35), VendorSpecificExtension)),
		ecallIndication: optional(at(context(123), boolean())),
		fallbackAllowed: optional(at(context(103), boolean())),
	}),
);
export type StoreMetadataRequest = Infer<typeof StoreMetadataRequest>;
