import { decode } from "@iot-esim/shared/asn1/schema";
import { PprIds } from "@iot-esim/shared/messages/sgp22/profile-info";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { equalBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { readRecord, writeRecord } from "../nvm/json.ts";
import type { Nvm } from "../nvm/nvm.ts";

/** What the card knows of an installed profile besides its files. */
export interface ProfileRecord {
	readonly isdpAid: Uint8Array;
	readonly isEnabled: boolean;
	/** The whole BF25 as the SM-DP+ sent it, or with what UpdateMetadata changed. */
	readonly metadata: Uint8Array;
	readonly nickname?: string;
	/** DpProprietaryData of ConfigureISDP, under its own tag 30. */
	readonly dpProprietaryData?: Uint8Array;
	/** OID and address of the SM-DP+ it was loaded from; absent when it came with the card. */
	readonly smdpOid?: string;
	readonly smdpAddress?: string;
	/** CI under which its notifications are signed. */
	readonly ciPkId: Uint8Array;
	readonly hasFallbackAttribute: boolean;
	/** As the header of its profile package has them. */
	readonly connectivityParameters?: Uint8Array;
	/** Octets of card memory that it takes. */
	readonly size: number;
}

/** A profile and its decoded metadata. */
export interface Profile extends ProfileRecord {
	readonly iccid: Uint8Array;
	readonly description: StoreMetadataRequest;
}

/** How a request names a profile. */
export type ProfileIdentifier = { readonly isdpAid: Uint8Array } | { readonly iccid: Uint8Array };

/** First AID of an ISD-P; the TAR in octets 13 to 15 (from 1) counts them, the last octet is reserved. */
const FIRST_ISDP_AID = hex`A0000005591010FFFFFFFF8900001000`;
const TAR_LAST = 13;
/** Key of what is known of a profile, behind its prefix; everything else there belongs to its files. */
const RECORD = "record";

/** The profiles of the card, one issuer security domain each. */
export class ProfileRegistry {
	readonly #nvm: Nvm;
	/** The list as it was at a revision of the memory: it is asked for with every APDU and seldom changes. */
	#known: { readonly revision: number; readonly profiles: readonly Profile[] } | undefined;

	constructor(nvm: Nvm) {
		this.#nvm = nvm;
	}

	/** In the order of their AIDs. */
	list(): readonly Profile[] {
		const { revision } = this.#nvm;
		if (this.#known?.revision === revision) return this.#known.profiles;
		const profiles = this.#nvm
			.keys("profile/")
			.filter((key) => key.endsWith(`/${RECORD}`))
			.map((key) => open(readRecord<ProfileRecord>(this.#nvm, key) as ProfileRecord));
		this.#known = { revision, profiles };
		return profiles;
	}

	find(identifier: ProfileIdentifier): Profile | undefined {
		return this.list().find((profile) =>
			"iccid" in identifier
				? equalBytes(profile.iccid, identifier.iccid)
				: equalBytes(profile.isdpAid, identifier.isdpAid),
		);
	}

	get enabled(): Profile | undefined {
		return this.list().find((profile) => profile.isEnabled);
	}

	/** Octets that all profiles take. */
	get usedMemory(): number {
		return this.list().reduce((sum, profile) => sum + profile.size, 0);
	}

	/** The AID for the next profile: the lowest one that is free. */
	nextAid(): Uint8Array {
		const taken = new Set(this.list().map((profile) => toHex(profile.isdpAid)));
		const aid = FIRST_ISDP_AID.slice();
		const view = new DataView(aid.buffer);
		while (taken.has(toHex(aid))) view.setUint16(TAR_LAST, view.getUint16(TAR_LAST) + 1);
		return aid;
	}

	/** Adds a profile or exchanges what is known of one. */
	save({ isdpAid, isEnabled, metadata, nickname, ...rest }: ProfileRecord): void {
		const { dpProprietaryData, smdpOid, smdpAddress, ciPkId, hasFallbackAttribute, connectivityParameters, size } =
			rest;
		writeRecord(this.#nvm, recordKey(isdpAid), {
			isdpAid,
			isEnabled,
			metadata,
			nickname,
			dpProprietaryData,
			smdpOid,
			smdpAddress,
			ciPkId,
			hasFallbackAttribute,
			connectivityParameters,
			size,
		});
	}

	/** True while the profile of this ISD-P is on the card. */
	has(isdpAid: Uint8Array): boolean {
		return this.#nvm.get(recordKey(isdpAid)) !== undefined;
	}

	/** Removes a profile with all its files. */
	remove(profile: ProfileRecord): void {
		for (const key of this.#nvm.keys(profilePrefix(profile.isdpAid))) this.#nvm.delete(key);
	}
}

/** All keys of a profile begin with this. */
export function profilePrefix(isdpAid: Uint8Array): string {
	return `profile/${toHex(isdpAid)}/`;
}

/** True when the profile may not be disabled (PPR1). */
export function forbidsDisabling(profile: Profile): boolean {
	return PprIds.has(profile.description.profilePolicyRules ?? "", "ppr1");
}

/** True when the profile may not be deleted (PPR2). */
export function forbidsDeletion(profile: Profile): boolean {
	return PprIds.has(profile.description.profilePolicyRules ?? "", "ppr2");
}

function recordKey(isdpAid: Uint8Array): string {
	return profilePrefix(isdpAid) + RECORD;
}

function open(record: ProfileRecord): Profile {
	const description = decode(StoreMetadataRequest, record.metadata);
	return { ...record, description, iccid: description.iccid };
}
