/** SGP.22 v2.5, module RSPDefinitions: EID, configured addresses, challenge and LPAe of an eUICC (ES10a, ES10b, ES10c). */

import {
	application,
	at,
	bitString,
	context,
	define,
	type Infer,
	integer,
	optional,
	privateTag,
	sequence,
	utf8String,
} from "../../asn1/schema.ts";
import { Octet1, Octet16, VersionType } from "./basic-types.ts";

/** Tag BF3E. */
export const GetEuiccDataRequest = define(
	"GetEuiccDataRequest",
	context(62),
	sequence({
		tagList: at(application(28), Octet1),
	}),
);
export type GetEuiccDataRequest = Infer<typeof GetEuiccDataRequest>;

/** Tag BF3E. */
export const GetEuiccDataResponse = define(
	"GetEuiccDataResponse",
	context(62),
	sequence({
		eidValue: at(application(26), Octet16),
	}),
);
export type GetEuiccDataResponse = Infer<typeof GetEuiccDataResponse>;

/** Tag BF2E. */
export const GetEuiccChallengeRequest = define("GetEuiccChallengeRequest", context(46), sequence({}));
export type GetEuiccChallengeRequest = Infer<typeof GetEuiccChallengeRequest>;

/** Tag BF2E. */
export const GetEuiccChallengeResponse = define(
	"GetEuiccChallengeResponse",
	context(46),
	sequence({
		euiccChallenge: Octet16,
	}),
);
export type GetEuiccChallengeResponse = Infer<typeof GetEuiccChallengeResponse>;

/** Tag BF3C. */
export const EuiccConfiguredAddressesRequest = define("EuiccConfiguredAddressesRequest", context(60), sequence({}));
export type EuiccConfiguredAddressesRequest = Infer<typeof EuiccConfiguredAddressesRequest>;

/** Tag BF3C. */
export const EuiccConfiguredAddressesResponse = define(
	"EuiccConfiguredAddressesResponse",
	context(60),
	sequence({
		defaultDpAddress: optional(utf8String()),
		rootDsAddress: utf8String(),
	}),
);
export type EuiccConfiguredAddressesResponse = Infer<typeof EuiccConfiguredAddressesResponse>;

/** Tag BF3F. */
export const SetDefaultDpAddressRequest = define(
	"SetDefaultDpAddressRequest",
	context(63),
	sequence({
		defaultDpAddress: utf8String(),
	}),
);
export type SetDefaultDpAddressRequest = Infer<typeof SetDefaultDpAddressRequest>;

export const SetDefaultDpAddressResultCode = { ok: 0, undefinedError: 127 } as const;
/** Tag BF3F. */
export const SetDefaultDpAddressResponse = define(
	"SetDefaultDpAddressResponse",
	context(63),
	sequence({
		setDefaultDpAddressResult: integer({ named: SetDefaultDpAddressResultCode }),
	}),
);
export type SetDefaultDpAddressResponse = Infer<typeof SetDefaultDpAddressResponse>;

/** In the answer to SELECT of the ISD-R. Tag E0. */
export const ISDRProprietaryApplicationTemplate = define(
	"ISDRProprietaryApplicationTemplate",
	privateTag(0),
	sequence({
		svn: at(context(2), VersionType),
		lpaeSupport: optional(bitString({ lpaeUsingCat: 0, lpaeUsingScws: 1 })),
	}),
);
export type ISDRProprietaryApplicationTemplate = Infer<typeof ISDRProprietaryApplicationTemplate>;

/** Tag BF42. */
export const LpaeActivationRequest = define(
	"LpaeActivationRequest",
	context(66),
	sequence({
		lpaeOption: bitString({ activateCatBasedLpae: 0, activateScwsBasedLpae: 1 }),
	}),
);
export type LpaeActivationRequest = Infer<typeof LpaeActivationRequest>;

export const LpaeActivationResultCode = { ok: 0, notSupported: 1 } as const;
/** Tag BF42. */
export const LpaeActivationResponse = define(
	"LpaeActivationResponse",
	context(66),
	sequence({
		lpaeActivationResult: integer({ named: LpaeActivationResultCode }),
	}),
);
export type LpaeActivationResponse = Infer<typeof LpaeActivationResponse>;
