import { NotificationEvent } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import type { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp22/profile-metadata";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import type {
	NotificationAddress,
	PolicyRuleName,
	ProfileClassName,
} from "@iot-esim/shared/profile/builder/profile-description";
import { packageMetadata, profileMetadata } from "@iot-esim/shared/profile/builder/profile-metadata";
import { headerOf, parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { parse as parseYaml } from "yaml";
import { SmdpError } from "../errors.ts";
import type { NewProfile } from "./inventory.ts";

/** What stands beside a package of others, in `<FILE>.yaml`; each entry may be absent. */
export interface Sidecar {
	readonly serviceProvider?: string;
	readonly profileName?: string;
	readonly profileClass?: ProfileClassName;
	readonly profileType?: string;
	readonly mncLength?: 2 | 3;
	readonly policyRules?: readonly PolicyRuleName[];
	readonly notifications?: readonly NotificationAddress[];
}

const SIDECAR_KEYS = [
	"serviceProvider",
	"profileName",
	"profileClass",
	"profileType",
	"mncLength",
	"policyRules",
	"notifications",
];

/**
 * A profile from a file: a UPP in DER with an optional sidecar, or the description (YAML) from which one is built.
 * Where no notification address is given, this SM-DP+ wants to know of every change.
 * @throws ProfileError, SmdpError SMDP_OPTION for a sidecar with unknown entries
 */
export function profileFromFile(input: {
	/** Decides by its ending: .yaml and .yml are descriptions. */
	readonly fileName: string;
	readonly contents: Uint8Array;
	readonly sidecar?: string;
	readonly smdpAddress: string;
	/** Overrides what file and sidecar say. */
	readonly profileType?: string;
}): NewProfile {
	const { contents, smdpAddress } = input;
	if (/\.ya?ml$/i.test(input.fileName)) {
		const description = new TextDecoder().decode(contents);
		const metadata = withNotifications(profileMetadata(description), smdpAddress);
		const profileType = input.profileType ?? metadata.profileName;
		return { package: buildProfilePackage(description), metadata, profileType };
	}
	const sidecar = input.sidecar === undefined ? {} : readSidecar(input.sidecar);
	const profile = parseProfilePackage(contents);
	const named = headerOf(profile)?.profileType ?? "profile";
	const metadata = packageMetadata(profile, {
		serviceProviderName: sidecar.serviceProvider ?? named.slice(0, 32),
		profileName: sidecar.profileName ?? named.slice(0, 64),
		profileClass: sidecar.profileClass ?? "operational",
		...(sidecar.mncLength === undefined ? {} : { mncLength: sidecar.mncLength }),
		policyRules: sidecar.policyRules ?? [],
		notifications: sidecar.notifications ?? [],
	});
	const profileType = input.profileType ?? sidecar.profileType ?? named;
	return { package: contents, metadata: withNotifications(metadata, smdpAddress), profileType };
}

function readSidecar(text: string): Sidecar {
	const value: unknown = parseYaml(text);
	if (typeof value !== "object" || value === null) {
		throw new SmdpError("SMDP_OPTION", "the sidecar of a profile is no YAML mapping");
	}
	const unknown = Object.keys(value).find((key) => !SIDECAR_KEYS.includes(key));
	if (unknown !== undefined) {
		throw new SmdpError("SMDP_OPTION", `the sidecar has "${unknown}"; allowed are ${SIDECAR_KEYS.join(", ")}`);
	}
	return value as Sidecar;
}

/** One entry for each event: a card may keep only one bit an entry. */
function withNotifications(metadata: StoreMetadataRequest, notificationAddress: string): StoreMetadataRequest {
	if (metadata.notificationConfigurationInfo !== undefined) return metadata;
	const events = ["notificationInstall", "notificationEnable", "notificationDisable", "notificationDelete"] as const;
	const notificationConfigurationInfo = events.map((event) => ({
		profileManagementOperation: NotificationEvent.of(event),
		notificationAddress,
	}));
	return { ...metadata, notificationConfigurationInfo };
}
