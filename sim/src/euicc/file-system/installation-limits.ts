import type { ServicesList } from "@iot-esim/shared/messages/pe/profile-header";

/** What the card can take; PE-ProfileHeader is held against it. */
export interface InstallationLimits {
	/** Octets for file contents. */
	readonly memory: number;
	readonly services: ReadonlySet<keyof ServicesList>;
	/** Versions of the profile package format, by their major number. */
	readonly majorVersions: readonly number[];
}

/** A card with files, all three authentication algorithms and no applets. */
export const DEFAULT_LIMITS: InstallationLimits = {
	memory: 512 * 1024,
	majorVersions: [2, 3],
	services: new Set([
		"usim",
		"isim",
		"csim",
		"milenage",
		"tuak128",
		"tuak256",
		"usim-test-algorithm",
		"multiple-usim",
		"multiple-isim",
		"ber-tlv",
		"dfLink",
		"get-identity",
		"profile-a-x25519",
		"profile-b-p256",
	]),
};
