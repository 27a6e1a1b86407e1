/** A version of SGP.32 on the wire. */
export type Sgp32Version = "1.0" | "1.1" | "1.2" | "1.3";

/** Where a version was learnt: set by hand, or told by a message or by EUICCInfo2. */
export type DialectOrigin = "operator" | "GetEimPackage" | "ProvideEimPackageResult" | "EUICCInfo2" | "euiccSignEPR";

/**
 * How this device's IPA and eUICC speak: the versions of SGP.32 on the wire, and whether certificates and keys inside
 * CHOICE arms are nested (a full SEQUENCE below the arm) instead of the strict form, in which the arm replaces the tag.
 */
export interface Dialect {
	/** What the IPA speaks on ESipa. */
	readonly version: Sgp32Version;
	/** What the eUICC implements, in which its packages are built; that of the IPA as long as it is not known. */
	readonly euiccVersion?: Sgp32Version;
	readonly nestedCertificateArms: boolean;
	/** How `version` came to be known; absent while it is only assumed. */
	readonly versionFrom?: DialectOrigin;
	/** How `euiccVersion` came to be known. */
	readonly euiccVersionFrom?: DialectOrigin;
}

export const STRICT_DIALECT: Dialect = { version: "1.2", nestedCertificateArms: false };

/** The version that packages for the eUICC are built in. */
export function versionOfCard({ version, euiccVersion }: Dialect): Sgp32Version {
	return euiccVersion ?? version;
}

/**
 * The version that answers go out in. No poll tells version 1.3 from 1.2, so that an IPA that is not of version 1.0 is
 * taken for one of 1.3 when its eUICC is: that has other error numbers and no other forms.
 */
export function versionOfIpa({
	version,
	versionFrom,
	euiccVersion,
}: Pick<Dialect, "version" | "versionFrom" | "euiccVersion">): Sgp32Version {
	return version === "1.2" && versionFrom !== "operator" && euiccVersion === "1.3" ? "1.3" : version;
}

/** What a message showed of an IPA or its eUICC. */
export interface SeenVersion {
	readonly of: "version" | "euiccVersion";
	readonly version: Sgp32Version;
	readonly from: DialectOrigin;
}

/** The dialect after something was seen; undefined when that changes nothing. What an operator set stays. */
export function learnVersion(
	dialect: Dialect,
	of: "version" | "euiccVersion",
	seen: Sgp32Version,
	from: DialectOrigin,
): Dialect | undefined {
	const source = of === "version" ? "versionFrom" : "euiccVersionFrom";
	if (dialect[source] === "operator" || (dialect[of] === seen && dialect[source] !== undefined)) return undefined;
	return { ...dialect, [of]: seen, [source]: from };
}

/** The dialect as an operator wants it: what is named is fixed, what is not is learnt again. */
export function setDialect(given: {
	readonly version?: Sgp32Version | undefined;
	readonly euiccVersion?: Sgp32Version | undefined;
	readonly nestedCertificateArms?: boolean | undefined;
}): Dialect {
	const { version, euiccVersion, nestedCertificateArms = false } = given;
	return {
		...STRICT_DIALECT,
		nestedCertificateArms,
		...(version === undefined ? {} : { version, versionFrom: "operator" as const }),
		...(euiccVersion === undefined ? {} : { euiccVersion, euiccVersionFrom: "operator" as const }),
	};
}
