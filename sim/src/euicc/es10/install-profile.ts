import { decode } from "@iot-esim/shared/asn1/schema";
import { readTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { ProfileElement } from "@iot-esim/shared/messages/pe/profile-element";
import type { ProfileHeader } from "@iot-esim/shared/messages/pe/profile-header";
import { ErrorReasonCode } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import type { Euicc } from "../euicc.ts";
import type { ProfileStorage } from "../profile-files.ts";
import { type Profile, profilePrefix } from "../state/profiles.ts";
import { LoadFailure } from "./load-failure.ts";

/** A profile ready to be installed. */
export interface ProfileToInstall {
	readonly unprotectedProfilePackage: Uint8Array;
	/** The whole BF25. */
	readonly metadata: Uint8Array;
	readonly iccid: Uint8Array;
	readonly dpProprietaryData?: Uint8Array;
	readonly smdpOid?: string;
	readonly smdpAddress?: string;
	readonly ciPkId: Uint8Array;
}

/**
 * Creates an ISD-P with the files of a profile, in the state disabled. Nothing reaches the memory unless all of it does.
 * @throws LoadFailure when the profile elements fail, or are of another profile than the metadata
 */
export function installProfile(euicc: Euicc, profile: ProfileToInstall): Profile {
	const { nvm, profiles, fileSystems, card } = euicc;
	const { unprotectedProfilePackage: elements, iccid, ...record } = profile;
	const size = elements.length + profile.metadata.length;
	if (profiles.usedMemory + size > card.profileMemory) {
		throw new LoadFailure(ErrorReasonCode.installFailedDueToInsufficientMemoryForProfile);
	}
	const staged = new Map<string, Uint8Array>();
	const storage: ProfileStorage = {
		get: (key) => staged.get(key),
		put: (key, value) => {
			staged.set(key, value.slice());
		},
	};
	const failure = fileSystems.install(elements, storage);
	if (failure !== undefined) {
		throw new LoadFailure(ErrorReasonCode.installFailedDueToPEProcessingError, failure);
	}
	const header = headerOf(elements);
	if (!isOfProfile(header, iccid)) throw new LoadFailure(ErrorReasonCode.installFailedDueToDataMismatch);
	const { connectivityParameters } = header ?? {};
	const isdpAid = profiles.nextAid();
	for (const [key, value] of staged) nvm.put(profilePrefix(isdpAid) + key, value);
	const { metadata, ...rest } = record;
	profiles.save({
		...rest,
		...(connectivityParameters === undefined ? {} : { connectivityParameters }),
		metadata,
		isdpAid,
		isEnabled: false,
		hasFallbackAttribute: false,
		size,
	});
	return profiles.find({ isdpAid }) as Profile;
}

function headerOf(elements: Uint8Array): ProfileHeader | undefined {
	const first = decode(ProfileElement, tlvBytes(elements, readTlv(elements, 0)));
	return "header" in first ? first.header : undefined;
}

/**
 * True when the header of the profile elements names the ICCID of the metadata. The header has its digits in order,
 * the metadata as EF.ICCID does, two by two exchanged; a package with both alike is accepted too.
 */
function isOfProfile(header: ProfileHeader | undefined, iccid: Uint8Array): boolean {
	if (header === undefined) return false;
	const exchanged = header.iccid.map((octet) => ((octet & 0xf) << 4) | (octet >> 4));
	return equalBytes(exchanged, iccid) || equalBytes(header.iccid, iccid);
}
