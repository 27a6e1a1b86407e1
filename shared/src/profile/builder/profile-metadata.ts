import { Iccid } from "../../ids/iccid.ts";
import { NotificationEvent } from "../../messages/sgp22/notification-metadata.ts";
import { PprIds, ProfileClassCode } from "../../messages/sgp22/profile-info.ts";
import type { StoreMetadataRequest } from "../../messages/sgp22/profile-metadata.ts";
import type { ProfilePackage } from "../profile-package.ts";
import { subscriberOf } from "../subscriber.ts";
import { plmnOctets } from "./file-contents.ts";
import {
	type NotificationAddress,
	type NotificationEventName,
	type PolicyRuleName,
	type ProfileClassName,
	type ProfileDescription,
	readProfileDescription,
} from "./profile-description.ts";

/** Metadata for ES8+.StoreMetadata of a described profile. */
export function profileMetadata(source: unknown): StoreMetadataRequest {
	const description = readProfileDescription(source);
	const { iccid, imsi, mncLength, gid1, gid2 } = description;
	return metadata({
		...description,
		iccid,
		plmn: imsi.slice(0, 3 + mncLength),
		...(gid1 && { gid1 }),
		...(gid2 && { gid2 }),
	});
}

/** What a package of others does not say of itself. */
export interface PackageMetadata {
	readonly serviceProviderName: string;
	readonly profileName: string;
	readonly profileClass: ProfileClassName;
	/** Digits of the MNC inside the IMSI; 2 when absent. */
	readonly mncLength?: 2 | 3;
	readonly policyRules?: readonly PolicyRuleName[];
	readonly notifications?: readonly NotificationAddress[];
}

/**
 * Metadata for a package that was not built here; ICCID and owner are read from it.
 * @throws ProfileError PROFILE_SUBSCRIBER_MISSING
 */
export function packageMetadata(profile: ProfilePackage, known: PackageMetadata): StoreMetadataRequest {
	const { iccid, imsi } = subscriberOf(profile);
	const plmn = imsi.slice(0, 3 + (known.mncLength ?? 2));
	return metadata({ policyRules: [], notifications: [], ...known, iccid, plmn });
}

type MetadataSource = Pick<
	ProfileDescription,
	"iccid" | "serviceProviderName" | "profileName" | "profileClass" | "policyRules" | "notifications" | "gid1" | "gid2"
> & { readonly plmn: string };

function metadata(source: MetadataSource): StoreMetadataRequest {
	const { gid1, gid2, policyRules, notifications } = source;
	return {
		iccid: Iccid.toBytes(source.iccid),
		serviceProviderName: source.serviceProviderName,
		profileName: source.profileName,
		profileClass: ProfileClassCode[source.profileClass],
		...(notifications.length > 0 && { notificationConfigurationInfo: notifications.map(notificationConfiguration) }),
		profileOwner: { mccMnc: plmnOctets(source.plmn), ...(gid1 && { gid1 }), ...(gid2 && { gid2 }) },
		...(policyRules.length > 0 && { profilePolicyRules: PprIds.of(...policyRules) }),
	};
}

const EVENTS = {
	install: "notificationInstall",
	enable: "notificationEnable",
	disable: "notificationDisable",
	delete: "notificationDelete",
} as const satisfies Record<NotificationEventName, string>;

function notificationConfiguration({ address, events }: NotificationAddress) {
	const names = events.map((event) => EVENTS[event]);
	return { profileManagementOperation: NotificationEvent.of(...names), notificationAddress: address };
}
