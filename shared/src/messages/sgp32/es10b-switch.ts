/** SGP.32 v1.2, module SGP32Definitions: ES10b: the IPA switches profiles by itself (immediate enable, rollback, fallback, emergency). */

import {
	at,
	boolean,
	context,
	define,
	type Infer,
	integer,
	kept,
	nullValue,
	objectIdentifier,
	optional,
	sequence,
	utf8String,
} from "../../asn1/schema.ts";
import { EuiccPackageResult } from "./euicc-package-result.ts";

/** Tag BF5A. */
export const ImmediateEnableRequest = define(
	"ImmediateEnableRequest",
	context(90),
	sequence({
		refreshFlag: boolean(),
	}),
);
export type ImmediateEnableRequest = Infer<typeof ImmediateEnableRequest>;

export const ImmediateEnableResultCode = {
	ok: 0,
	immediateEnableNotAvailable: 1,
	noSessionContext: 4,
	catBusy: 5,
	undefinedError: 127,
} as const;
/** Tag BF5A. */
export const ImmediateEnableResponse = define(
	"ImmediateEnableResponse",
	context(90),
	sequence({
		immediateEnableResult: at(context(0), integer({ named: ImmediateEnableResultCode })),
	}),
);
export type ImmediateEnableResponse = Infer<typeof ImmediateEnableResponse>;

/** Tag BF58. */
export const ProfileRollbackRequest = define(
	"ProfileRollbackRequest",
	context(88),
	sequence({
		refreshFlag: boolean(),
	}),
);
export type ProfileRollbackRequest = Infer<typeof ProfileRollbackRequest>;

export const CmdResultCode = {
	ok: 0,
	rollbackNotAllowed: 1,
	catBusy: 5,
	commandError: 7,
	undefinedError: 127,
} as const;
/** Its EuiccPackageResult replaces the one of the package that enabled the profile. Tag BF58. */
export const ProfileRollbackResponse = define(
	"ProfileRollbackResponse",
	context(88),
	sequence({
		cmdResult: integer({ named: CmdResultCode }),
		eUICCPackageResult: optional(at(context(81), kept(EuiccPackageResult))),
	}),
);
export type ProfileRollbackResponse = Infer<typeof ProfileRollbackResponse>;

/** Tag BF59. */
export const ConfigureImmediateProfileEnablingRequest = define(
	"ConfigureImmediateProfileEnablingRequest",
	context(89),
	sequence({
		immediateEnableFlag: optional(at(context(0), nullValue())),
		defaultSmdpOid: optional(at(context(1), objectIdentifier())),
		defaultSmdpAddress: optional(at(context(2), utf8String())),
	}),
);
export type ConfigureImmediateProfileEnablingRequest = Infer<typeof ConfigureImmediateProfileEnablingRequest>;

export const ConfigImmediateEnableResultCode = {
	ok: 0,
	insufficientMemory: 1,
	associatedEimAlreadyExists: 2,
	undefinedError: 127,
} as const;
/** Tag BF59. */
export const ConfigureImmediateProfileEnablingResponse = define(
	"ConfigureImmediateProfileEnablingResponse",
	context(89),
	sequence({
		configImmediateEnableResult: at(context(0), integer({ named: ConfigImmediateEnableResultCode })),
	}),
);
export type ConfigureImmediateProfileEnablingResponse = Infer<typeof ConfigureImmediateProfileEnablingResponse>;

/** Tag BF5D. */
export const ExecuteFallbackMechanismRequest = define(
	"ExecuteFallbackMechanismRequest",
	context(93),
	sequence({
		refreshFlag: boolean(),
	}),
);
export type ExecuteFallbackMechanismRequest = Infer<typeof ExecuteFallbackMechanismRequest>;

export const ExecuteFallbackMechanismResultCode = {
	ok: 0,
	profileNotInDisabledState: 2,
	catBusy: 5,
	fallbackNotAvailable: 6,
	commandError: 7,
	ecallActive: 104,
	undefinedError: 127,
} as const;
/** Tag BF5D. */
export const ExecuteFallbackMechanismResponse = define(
	"ExecuteFallbackMechanismResponse",
	context(93),
	sequence({
		executeFallbackMechanismResult: at(context(0), integer({ named: ExecuteFallbackMechanismResultCode })),
	}),
);
export type ExecuteFallbackMechanismResponse = Infer<typeof ExecuteFallbackMechanismResponse>;

/** Tag BF5E. */
export const ReturnFromFallbackRequest = define(
	"ReturnFromFallbackRequest",
	context(94),
	sequence({
		refreshFlag: boolean(),
	}),
);
export type ReturnFromFallbackRequest = Infer<typeof ReturnFromFallbackRequest>;

export const ReturnFromFallbackResultCode = {
	ok: 0,
	catBusy: 5,
	fallbackNotAvailable: 6,
	commandError: 7,
	undefinedError: 127,
} as const;
/** Tag BF5E. */
export const ReturnFromFallbackResponse = define(
	"ReturnFromFallbackResponse",
	context(94),
	sequence({
		returnFromFallbackResult: at(context(0), integer({ named: ReturnFromFallbackResultCode })),
	}),
);
export type ReturnFromFallbackResponse = Infer<typeof ReturnFromFallbackResponse>;

/** Tag BF5B. */
export const EnableEmergencyProfileRequest = define(
	"EnableEmergencyProfileRequest",
	context(91),
	sequence({
		refreshFlag: boolean(),
	}),
);
export type EnableEmergencyProfileRequest = Infer<typeof EnableEmergencyProfileRequest>;

export const EnableEmergencyProfileResultCode = {
	ok: 0,
	profileNotInDisabledState: 2,
	catBusy: 5,
	ecallNotAvailable: 8,
	undefinedError: 127,
} as const;
/** Tag BF5B. */
export const EnableEmergencyProfileResponse = define(
	"EnableEmergencyProfileResponse",
	context(91),
	sequence({
		enableEmergencyProfileResult: at(context(0), integer({ named: EnableEmergencyProfileResultCode })),
	}),
);
export type EnableEmergencyProfileResponse = Infer<typeof EnableEmergencyProfileResponse>;

/** Tag BF5C. */
export const DisableEmergencyProfileRequest = define(
	"DisableEmergencyProfileRequest",
	context(92),
	sequence({
		refreshFlag: boolean(),
	}),
);
export type DisableEmergencyProfileRequest = Infer<typeof DisableEmergencyProfileRequest>;

export const DisableEmergencyProfileResultCode = {
	ok: 0,
	profileNotInEnabledState: 2,
	catBusy: 5,
	undefinedError: 127,
} as const;
/** Tag BF5C. */
export const DisableEmergencyProfileResponse = define(
	"DisableEmergencyProfileResponse",
	context(92),
	sequence({
		disableEmergencyProfileResult: at(context(0), integer({ named: DisableEmergencyProfileResultCode })),
	}),
);
export type DisableEmergencyProfileResponse = Infer<typeof DisableEmergencyProfileResponse>;
