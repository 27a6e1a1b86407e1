/** SGP.22 v2.5, module RSPDefinitions: what is known of a profile (ES10c.GetProfilesInfo). */

import {
	anyValue,
	application,
	at,
	bitString,
	choice,
	context,
	define,
	type Infer,
	integer,
	objectIdentifier,
	octetString,
	optional,
	privateTag,
	sequence,
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { Iccid, OctetTo16 } from "./basic-types.ts";
import { NotificationEvent } from "./notification-metadata.ts";

export const ProfileClassCode = { test: 0, provisioning: 1, operational: 2 } as const;
export const ProfileClass = define("ProfileClass", integer({ named: ProfileClassCode }));
export type ProfileClass = Infer<typeof ProfileClass>;

/** Without criteria all profiles; `tagList` names the members to be returned. Tag BF2D. */
export const ProfileInfoListRequest = define(
	"ProfileInfoListRequest",
	context(45),
	sequence({
		searchCriteria: optional(
			at(
				context(0),
				choice({
					isdpAid: at(application(15), OctetTo16),
					iccid: Iccid,
					profileClass: at(context(21), ProfileClass),
				}),
			),
		),
		tagList: optional(at(application(28), octetString())),
	}),
);
export type ProfileInfoListRequest = Infer<typeof ProfileInfoListRequest>;

export const ProfileStateCode = { disabled: 0, enabled: 1 } as const;
export const ProfileState = define("ProfileState", integer({ named: ProfileStateCode }));
export type ProfileState = Infer<typeof ProfileState>;

export const IconTypeCode = { jpg: 0, png: 1 } as const;
export const IconType = define("IconType", integer({ named: IconTypeCode }));
export type IconType = Infer<typeof IconType>;

export const NotificationConfigurationInformation = define(
	"NotificationConfigurationInformation",
	sequence({
		profileManagementOperation: NotificationEvent,
		notificationAddress: utf8String(),
	}),
);
export type NotificationConfigurationInformation = Infer<typeof NotificationConfigurationInformation>;

export const OperatorId = define(
	"OperatorId",
	sequence({
		mccMnc: octetString({ size: 3 }),
		gid1: optional(octetString()),
		gid2: optional(octetString()),
	}),
);
export type OperatorId = Infer<typeof OperatorId>;

export const DpProprietaryData = define(
	"DpProprietaryData",
	sequence({
		dpOid: objectIdentifier(),
	}),
);
export type DpProprietaryData = Infer<typeof DpProprietaryData>;

export const PprIds = define("PprIds", bitString({ pprUpdateControl: 0, ppr1: 1, ppr2: 2 }));
export type PprIds = Infer<typeof PprIds>;

/** Each entry is an OID and one value of the vendor, kept as a whole TLV. */
export const VendorSpecificExtension = define(
	"VendorSpecificExtension",
	sequenceOf(
		sequence({
			vendorOid: at(context(0), objectIdentifier()),
			vendorSpecificData: at(context(1), anyValue()),
		}),
	),
);
export type VendorSpecificExtension = Infer<typeof VendorSpecificExtension>;

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
	}),
);
export type ProfileInfo = Infer<typeof ProfileInfo>;

export const ProfileInfoListErrorCode = { incorrectInputValues: 1, undefinedError: 127 } as const;
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
