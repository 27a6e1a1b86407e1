import type { Iccid } from "@iot-esim/shared/ids/iccid";
import type { ProfileClass } from "./profile.ts";

/**
 * Where a profile comes from: an SM-DP+ that is named, the one that the card has as its default, or whichever an SM-DS
 * names (the card's root SM-DS when no address is given).
 */
export type DownloadSource =
	| {
			/** FQDN, with an optional `:port`. */
			readonly smdpAddress: string;
			/** Empty when the SM-DP+ finds the profile by the EID. */
			readonly matchingId: string;
			/** The code as given, when the order was by activation code. */
			readonly activationCode?: string;
	  }
	| { readonly contact: "defaultSmdp" }
	| { readonly contact: "smds"; readonly smdsAddress?: string };

/** Who speaks to the SM-DP+: the device itself, or the eIM in its place. */
export type DownloadMode = "direct" | "indirect";

/** What the profile has to be; the eIM refuses another one before it is loaded. */
export interface ExpectedProfile {
	readonly iccid?: Iccid;
	readonly profileClass?: ProfileClass;
	/** MCC and MNC of the profile's owner, 5 or 6 digits. */
	readonly owner?: string;
}

export type DownloadParameters = DownloadSource & {
	/** Absent: as the IPA does it. */
	readonly mode?: DownloadMode;
	/** Only for an indirect download: a trigger has no place for it. */
	readonly confirmationCode?: string;
	readonly expected?: ExpectedProfile;
};
