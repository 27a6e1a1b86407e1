/** SGP.22 v2.5, module RSPDefinitions: metadata that the SM-DP+ writes (ES8+.StoreMetadata, ES6.UpdateMetadata). */

import {
	at,
	context,
	define,
	type Infer,
	octetString,
	optional,
	sequence,
	sequenceOf,
	utf8String,
	withDefault,
} from "../../asn1/schema.ts";
import { Iccid } from "./basic-types.ts";
import {
	IconType,
	NotificationConfigurationInformation,
	OperatorId,
	PprIds,
	ProfileClass,
	ProfileClassCode,
	VendorSpecificExtension,
} from "./profile-info.ts";

/** Metadata of a profile, sent in clear inside the Bound Profile Package. Tag BF25. */
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
	}),
);
export type StoreMetadataRequest = Infer<typeof StoreMetadataRequest>;

/** Tag BF2A. */
export const UpdateMetadataRequest = define(
	"UpdateMetadataRequest",
	context(42),
	sequence({
		serviceProviderName: optional(at(context(17), utf8String({ size: [0, 32] }))),
		profileName: optional(at(context(18), utf8String({ size: [0, 64] }))),
		iconType: optional(at(context(19), IconType)),
		icon: optional(at(context(20), octetString({ size: [0, 1024] }))),
		profilePolicyRules: optional(at(context(25), PprIds)),
		serviceSpecificDataStoredInEuicc: optional(at(context(34), VendorSpecificExtension)),
	}),
);
export type UpdateMetadataRequest = Infer<typeof UpdateMetadataRequest>;
