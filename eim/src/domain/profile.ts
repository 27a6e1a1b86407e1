import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Iccid } from "@iot-esim/shared/ids/iccid";
import type { ProfileSearch } from "./euicc-command.ts";

/** A profile on an eUICC, as the eUICC itself last reported it under its signature. */
export interface Profile {
	readonly eid: Eid;
	/** Decimal digits, without the padding of the wire. */
	readonly iccid: Iccid;
	readonly state: ProfileState;
	readonly profileClass: ProfileClass;
	/** Hex of the ISD-P AID. */
	readonly isdpAid?: string;
	readonly nickname?: string;
	readonly serviceProviderName?: string;
	readonly profileName?: string;
	/** This profile *is* the fallback profile (SGP.32 fallbackAttribute). */
	readonly isFallback?: boolean;
	/** This profile *may become* the fallback profile (SGP.32 fallbackAllowed). */
	readonly mayBecomeFallback?: boolean;
	readonly updatedAt: number;
}

export type ProfileState = "enabled" | "disabled";
export type ProfileClass = "operational" | "test" | "provisioning";

/** A fact about the profiles of one eUICC, taken from a verified result. */
export type ProfileChange =
	/** The complete list of what the search finds: such profiles that are not named are no longer there. */
	| { readonly kind: "listed"; readonly profiles: readonly ListedProfile[]; readonly search?: ProfileSearch }
	| { readonly kind: "installed"; readonly profile: Profile }
	/** Also disables whichever profile was enabled before: an eUICC with one port enables one. */
	| { readonly kind: "enabled"; readonly iccid: Iccid }
	| { readonly kind: "disabled"; readonly iccid: Iccid }
	| { readonly kind: "deleted"; readonly iccid: Iccid }
	/** At most one profile is the fallback profile. */
	| { readonly kind: "fallbackSet"; readonly iccid: Iccid }
	| { readonly kind: "fallbackUnset" };

/** A profile as a list names it: members that were not asked for stay as they were known. */
export type ListedProfile = Pick<Profile, "eid" | "iccid" | "updatedAt"> & Partial<Profile>;

/** The profiles of one eUICC after a change. An unknown ICCID is no error: the next list tells the rest. */
export function applyProfileChange(
	profiles: readonly Profile[],
	change: ProfileChange,
	eid: Eid,
	at: number,
): readonly Profile[] {
	switch (change.kind) {
		case "listed":
			return afterList(profiles, change);
		case "installed":
			return [...profiles.filter((profile) => profile.iccid !== change.profile.iccid), change.profile];
		case "deleted":
			return profiles.filter((profile) => profile.iccid !== change.iccid);
		case "enabled":
			return withKnown(profiles, change.iccid, eid, at).map((profile) =>
				withState(profile, profile.iccid === change.iccid ? "enabled" : "disabled", at),
			);
		case "disabled":
			return withKnown(profiles, change.iccid, eid, at).map((profile) =>
				profile.iccid === change.iccid ? withState(profile, "disabled", at) : profile,
			);
		case "fallbackSet":
			// Of a profile that is not known yet nothing is said of its state: the list tells of both.
			return profiles.map((profile) => withFallback(profile, profile.iccid === change.iccid, at));
		case "fallbackUnset":
			return profiles.map((profile) => withFallback(profile, false, at));
	}
}

function afterList(
	before: readonly Profile[],
	{ profiles, search }: Extract<ProfileChange, { kind: "listed" }>,
): readonly Profile[] {
	const isLeft = ({ iccid }: Profile) => !profiles.some((one) => one.iccid === iccid);
	const left = search === undefined ? [] : before.filter((one) => isLeft(one) && !isFoundBy(one, search));
	const listed = profiles.map((profile): Profile => {
		const known = before.find(({ iccid }) => iccid === profile.iccid);
		return { state: "disabled", profileClass: "operational", ...known, ...profile };
	});
	return [...left, ...listed];
}

function isFoundBy(profile: Profile, search: ProfileSearch): boolean {
	if ("iccid" in search) return profile.iccid === search.iccid;
	if ("isdpAid" in search) return profile.isdpAid === search.isdpAid.toUpperCase();
	return profile.profileClass === search.profileClass;
}

function withFallback(profile: Profile, isFallback: boolean, at: number): Profile {
	return (profile.isFallback ?? false) === isFallback ? profile : { ...profile, isFallback, updatedAt: at };
}

function withState(profile: Profile, state: ProfileState, at: number): Profile {
	return profile.state === state ? profile : { ...profile, state, updatedAt: at };
}

function withKnown(profiles: readonly Profile[], iccid: Iccid, eid: Eid, at: number): readonly Profile[] {
	if (profiles.some((profile) => profile.iccid === iccid)) return profiles;
	return [...profiles, { eid, iccid, state: "disabled", profileClass: "operational", updatedAt: at }];
}
