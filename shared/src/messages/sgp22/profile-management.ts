/** SGP.22 v2.5, module RSPDefinitions: enable, disable, delete and name profiles, reset, rules (ES10b, ES10c). */

import {
	application,
	at,
	bitString,
	boolean,
	choice,
	context,
	define,
	type Infer,
	integer,
	sequence,
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { Iccid, OctetTo16 } from "./basic-types.ts";
import { OperatorId, PprIds } from "./profile-info.ts";

/** Tag BF29. */
export const SetNicknameRequest = define(
	"SetNicknameRequest",
	context(41),
	sequence({
		iccid: Iccid,
		profileNickname: at(context(16), utf8String({ size: [0, 64] })),
	}),
);
export type SetNicknameRequest = Infer<typeof SetNicknameRequest>;

export const SetNicknameResultCode = { ok: 0, iccidNotFound: 1, undefinedError: 127 } as const;
/** Tag BF29. */
export const SetNicknameResponse = define(
	"SetNicknameResponse",
	context(41),
	sequence({
		setNicknameResult: integer({ named: SetNicknameResultCode }),
	}),
);
export type SetNicknameResponse = Infer<typeof SetNicknameResponse>;

/** Tag BF31. */
export const EnableProfileRequest = define(
	"EnableProfileRequest",
	context(49),
	sequence({
		profileIdentifier: choice({
			isdpAid: at(application(15), OctetTo16),
			iccid: Iccid,
		}),
		refreshFlag: boolean(),
	}),
);
export type EnableProfileRequest = Infer<typeof EnableProfileRequest>;

export const EnableResultCode = {
	ok: 0,
	iccidOrAidNotFound: 1,
	profileNotInDisabledState: 2,
	disallowedByPolicy: 3,
	wrongProfileReenabling: 4,
	catBusy: 5,
	undefinedError: 127,
} as const;
/** Tag BF31. */
export const EnableProfileResponse = define(
	"EnableProfileResponse",
	context(49),
	sequence({
		enableResult: integer({ named: EnableResultCode }),
	}),
);
export type EnableProfileResponse = Infer<typeof EnableProfileResponse>;

/** Tag BF32. */
export const DisableProfileRequest = define(
	"DisableProfileRequest",
	context(50),
	sequence({
		profileIdentifier: choice({
			isdpAid: at(application(15), OctetTo16),
			iccid: Iccid,
		}),
		refreshFlag: boolean(),
	}),
);
export type DisableProfileRequest = Infer<typeof DisableProfileRequest>;

export const DisableResultCode = {
	ok: 0,
	iccidOrAidNotFound: 1,
	profileNotInEnabledState: 2,
	disallowedByPolicy: 3,
	catBusy: 5,
	undefinedError: 127,
} as const;
/** Tag BF32. */
export const DisableProfileResponse = define(
	"DisableProfileResponse",
	context(50),
	sequence({
		disableResult: integer({ named: DisableResultCode }),
	}),
);
export type DisableProfileResponse = Infer<typeof DisableProfileResponse>;

/** Tag BF33. */
export const DeleteProfileRequest = define(
	"DeleteProfileRequest",
	context(51),
	choice({
		isdpAid: at(application(15), OctetTo16),
		iccid: Iccid,
	}),
);
export type DeleteProfileRequest = Infer<typeof DeleteProfileRequest>;

export const DeleteResultCode = {
	ok: 0,
	iccidOrAidNotFound: 1,
	profileNotInDisabledState: 2,
	disallowedByPolicy: 3,
	undefinedError: 127,
} as const;
/** Tag BF33. */
export const DeleteProfileResponse = define(
	"DeleteProfileResponse",
	context(51),
	sequence({
		deleteResult: integer({ named: DeleteResultCode }),
	}),
);
export type DeleteProfileResponse = Infer<typeof DeleteProfileResponse>;

/** The bits differ from those of SGP.32. Tag BF34. */
export const EuiccMemoryResetRequest = define(
	"EuiccMemoryResetRequest",
	context(52),
	sequence({
		resetOptions: at(
			context(2),
			bitString({ deleteOperationalProfiles: 0, deleteFieldLoadedTestProfiles: 1, resetDefaultSmdpAddress: 2 }),
		),
	}),
);
export type EuiccMemoryResetRequest = Infer<typeof EuiccMemoryResetRequest>;

export const ResetResultCode = { ok: 0, nothingToDelete: 1, catBusy: 5, undefinedError: 127 } as const;
/** Tag BF34. */
export const EuiccMemoryResetResponse = define(
	"EuiccMemoryResetResponse",
	context(52),
	sequence({
		resetResult: integer({ named: ResetResultCode }),
	}),
);
export type EuiccMemoryResetResponse = Infer<typeof EuiccMemoryResetResponse>;

/** Tag BF43. */
export const GetRatRequest = define("GetRatRequest", context(67), sequence({}));
export type GetRatRequest = Infer<typeof GetRatRequest>;

export const ProfilePolicyAuthorisationRule = define(
	"ProfilePolicyAuthorisationRule",
	sequence({
		pprIds: PprIds,
		allowedOperators: sequenceOf(OperatorId),
		pprFlags: bitString({ consentRequired: 0 }),
	}),
);
export type ProfilePolicyAuthorisationRule = Infer<typeof ProfilePolicyAuthorisationRule>;

export const RulesAuthorisationTable = define("RulesAuthorisationTable", sequenceOf(ProfilePolicyAuthorisationRule));
export type RulesAuthorisationTable = Infer<typeof RulesAuthorisationTable>;

/** Tag BF43. */
export const GetRatResponse = define(
	"GetRatResponse",
	context(67),
	sequence({
		rat: RulesAuthorisationTable,
	}),
);
export type GetRatResponse = Infer<typeof GetRatResponse>;
