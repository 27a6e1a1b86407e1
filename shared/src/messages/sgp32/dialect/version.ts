/** Versions of SGP.32 that differ on the wire. */

import { decode } from "../../../asn1/schema.ts";
import { EUICCInfo2 } from "../euicc-info.ts";

/** Oldest first; a third figure never changed a message. */
export const SGP32_VERSIONS = ["1.0", "1.1", "1.2", "1.3"] as const;
export type Sgp32Version = (typeof SGP32_VERSIONS)[number];

/** The version that every message of this folder is written in when nothing else is said. */
export const BASE_VERSION: Sgp32Version = "1.2";

export function isAtLeast(version: Sgp32Version, least: Sgp32Version): boolean {
	return SGP32_VERSIONS.indexOf(version) >= SGP32_VERSIONS.indexOf(least);
}

/** The version that a VersionType (three octets: major, minor, revision) stands for; a later one is spoken to as 1.3. */
export function versionOfOctets([major = 0, minor = 0]: Uint8Array): Sgp32Version | undefined {
	if (major < 1) return undefined;
	if (major > 1) return SGP32_VERSIONS.at(-1);
	return SGP32_VERSIONS[Math.min(minor, SGP32_VERSIONS.length - 1)];
}

/** VersionType of iotVersion: the last revision of a version that was published. */
export function octetsOfVersion(version: Sgp32Version): Uint8Array {
	return Uint8Array.of(1, SGP32_VERSIONS.indexOf(version), version === "1.0" ? 1 : 0);
}

/**
 * The highest version in iotVersion of EUICCInfo2 (section 5.9.2); undefined when it names none.
 * @param euiccInfo2 BF22, whole
 * @throws Asn1Error
 */
export function versionOfEuicc(euiccInfo2: Uint8Array): Sgp32Version | undefined {
	const { iotSpecificInfo } = decode(EUICCInfo2, euiccInfo2);
	const versions = iotSpecificInfo?.iotVersion.flatMap((octets) => versionOfOctets(octets) ?? []) ?? [];
	return versions.reduce<Sgp32Version | undefined>(
		(highest, version) => (highest !== undefined && isAtLeast(highest, version) ? highest : version),
		undefined,
	);
}
