/** SGP.22 v2.5, module RSPDefinitions: what a device says of itself. */

import { bitString, define, type Infer, integer, optional, sequence } from "../../asn1/schema.ts";
import { Octet4, Octet8, VersionType } from "./basic-types.ts";

export const CatSupportedClasses = define("CatSupportedClasses", bitString());
export type CatSupportedClasses = Infer<typeof CatSupportedClasses>;

export const EuiccFormFactorType = define("EuiccFormFactorType", integer());
export type EuiccFormFactorType = Infer<typeof EuiccFormFactorType>;

export const DeviceAdditionalFeatureSupport = define(
	"DeviceAdditionalFeatureSupport",
	sequence({
		naiSupport: optional(VersionType),
	}),
);
export type DeviceAdditionalFeatureSupport = Infer<typeof DeviceAdditionalFeatureSupport>;

export const DeviceCapabilities = define(
	"DeviceCapabilities",
	sequence({
		gsmSupportedRelease: optional(VersionType),
		utranSupportedRelease: optional(VersionType),
		cdma2000onexSupportedRelease: optional(VersionType),
		cdma2000hrpdSupportedRelease: optional(VersionType),
		cdma2000ehrpdSupportedRelease: optional(VersionType),
		eutranEpcSupportedRelease: optional(VersionType),
		contactlessSupportedRelease: optional(VersionType),
		rspCrlSupportedVersion: optional(VersionType),
		nrEpcSupportedRelease: optional(VersionType),
		nr5gcSupportedRelease: optional(VersionType),
		eutran5gcSupportedRelease: optional(VersionType),
		lpaSvn: optional(VersionType),
		catSupportedClasses: optional(CatSupportedClasses),
		euiccFormFactorType: optional(EuiccFormFactorType),
		deviceAdditionalFeatureSupport: optional(DeviceAdditionalFeatureSupport),
	}),
);
export type DeviceCapabilities = Infer<typeof DeviceCapabilities>;

/** `tac` is mandatory, also for a module without an IMEI. */
export const DeviceInfo = define(
	"DeviceInfo",
	sequence({
		tac: Octet4,
		deviceCapabilities: DeviceCapabilities,
		imei: optional(Octet8),
	}),
);
export type DeviceInfo = Infer<typeof DeviceInfo>;
