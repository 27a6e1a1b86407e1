/** SGP.32 v1.2, module SGP32Definitions: how one command of a package ended. */

import {
	at,
	choice,
	context,
	define,
	type Infer,
	integer,
	optional,
	sequence,
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { RulesAuthorisationTable } from "../sgp22/profile-management.ts";
import { SetDefaultDpAddressResponse } from "./default-dp-address.ts";
import { EimIdType } from "./eim-configuration.ts";
import { ProfileInfoListResponse } from "./profile-info.ts";

export const EnableProfileResultCode = {
	ok: 0,
	iccidOrAidNotFound: 1,
	profileNotInDisabledState: 2,
	disallowedByPolicy: 3,
	catBusy: 5,
	rollbackNotAvailable: 20,
	undefinedError: 127,
} as const;
export const EnableProfileResult = define("EnableProfileResult", integer({ named: EnableProfileResultCode }));
export type EnableProfileResult = Infer<typeof EnableProfileResult>;

export const DisableProfileResultCode = {
	ok: 0,
	iccidOrAidNotFound: 1,
	profileNotInEnabledState: 2,
	disallowedByPolicy: 3,
	catBusy: 5,
	undefinedError: 127,
} as const;
export const DisableProfileResult = define("DisableProfileResult", integer({ named: DisableProfileResultCode }));
export type DisableProfileResult = Infer<typeof DisableProfileResult>;

export const DeleteProfileResultCode = {
	ok: 0,
	iccidOrAidNotFound: 1,
	profileNotInDisabledState: 2,
	disallowedByPolicy: 3,
	rollbackNotAvailable: 20,
	returnFallbackProfile: 21,
	undefinedError: 127,
} as const;
export const DeleteProfileResult = define("DeleteProfileResult", integer({ named: DeleteProfileResultCode }));
export type DeleteProfileResult = Infer<typeof DeleteProfileResult>;

export const ConfigureImmediateEnableResultCode = {
	ok: 0,
	insufficientMemory: 1,
	commandError: 7,
	undefinedError: 127,
} as const;
export const ConfigureImmediateEnableResult = define(
	"ConfigureImmediateEnableResult",
	integer({ named: ConfigureImmediateEnableResultCode }),
);
export type ConfigureImmediateEnableResult = Infer<typeof ConfigureImmediateEnableResult>;

export const AddEimResultCode = {
	ok: 0,
	insufficientMemory: 1,
	associatedEimAlreadyExists: 2,
	ciPKUnknown: 3,
	invalidAssociationToken: 5,
	counterValueOutOfRange: 6,
	commandError: 7,
	undefinedError: 127,
} as const;
export const AddEimResult = define(
	"AddEimResult",
	choice({
		associationToken: at(context(4), integer()),
		addEimResultCode: integer({ named: AddEimResultCode }),
	}),
);
export type AddEimResult = Infer<typeof AddEimResult>;

export const DeleteEimResultCode = {
	ok: 0,
	eimNotFound: 1,
	lastEimDeleted: 2,
	commandError: 7,
	undefinedError: 127,
} as const;
/** lastEimDeleted is a success. */
export const DeleteEimResult = define("DeleteEimResult", integer({ named: DeleteEimResultCode }));
export type DeleteEimResult = Infer<typeof DeleteEimResult>;

export const UpdateEimResultCode = {
	ok: 0,
	eimNotFound: 1,
	ciPKUnknown: 3,
	counterValueOutOfRange: 6,
	commandError: 7,
	undefinedError: 127,
} as const;
export const UpdateEimResult = define("UpdateEimResult", integer({ named: UpdateEimResultCode }));
export type UpdateEimResult = Infer<typeof UpdateEimResult>;

/** An associated eIM; the type is given for OIDs and FQDNs. */
export const EimIdInfo = define(
	"EimIdInfo",
	sequence({
		eimId: at(context(0), utf8String({ size: [1, 128] })),
		eimIdType: optional(at(context(2), EimIdType)),
	}),
);
export type EimIdInfo = Infer<typeof EimIdInfo>;

export const ListEimErrorCode = { undefinedError: 127 } as const;
export const ListEimResult = define(
	"ListEimResult",
	choice({
		eimIdList: sequenceOf(EimIdInfo),
		listEimError: integer({ named: ListEimErrorCode }),
	}),
);
export type ListEimResult = Infer<typeof ListEimResult>;

export const RollbackProfileResultCode = { ok: 0, undefinedError: 127 } as const;
export const RollbackProfileResult = define("RollbackProfileResult", integer({ named: RollbackProfileResultCode }));
export type RollbackProfileResult = Infer<typeof RollbackProfileResult>;

export const SetFallbackAttributeResultCode = {
	ok: 0,
	iccidOrAidNotFound: 1,
	fallbackNotAllowed: 2,
	fallbackProfileEnabled: 3,
	undefinedError: 127,
} as const;
export const SetFallbackAttributeResult = define(
	"SetFallbackAttributeResult",
	integer({ named: SetFallbackAttributeResultCode }),
);
export type SetFallbackAttributeResult = Infer<typeof SetFallbackAttributeResult>;

export const UnsetFallbackAttributeResultCode = {
	ok: 0,
	noFallbackAttribute: 2,
	fallbackProfileEnabled: 3,
	commandError: 7,
	undefinedError: 127,
} as const;
export const UnsetFallbackAttributeResult = define(
	"UnsetFallbackAttributeResult",
	integer({ named: UnsetFallbackAttributeResultCode }),
);
export type UnsetFallbackAttributeResult = Infer<typeof UnsetFallbackAttributeResult>;

export const ProcessingTerminatedCode = {
	resultSizeOverflow: 1,
	unknownOrDamagedCommand: 2,
	interruption: 3,
	undefinedError: 127,
} as const;
/** One element per executed command, in order; processingTerminated can only be the last. */
export const EuiccResultData = define(
	"EuiccResultData",
	choice({
		enableResult: at(context(3), EnableProfileResult),
		disableResult: at(context(4), DisableProfileResult),
		deleteResult: at(context(5), DeleteProfileResult),
		listProfileInfoResult: at(context(45), ProfileInfoListResponse),
		getRATResult: at(context(6), RulesAuthorisationTable),
		configureImmediateEnableResult: at(context(7), ConfigureImmediateEnableResult),
		addEimResult: at(context(8), AddEimResult),
		deleteEimResult: at(context(9), DeleteEimResult),
		updateEimResult: at(context(10), UpdateEimResult),
		listEimResult: at(context(11), ListEimResult),
		rollbackResult: at(context(12), RollbackProfileResult),
		setFallbackAttributeResult: at(context(13), SetFallbackAttributeResult),
		unsetFallbackAttributeResult: at(context(14), UnsetFallbackAttributeResult),
		processingTerminated: integer({ named: ProcessingTerminatedCode }),
		setDefaultDpAddressResult: at(context(101), SetDefaultDpAddressResponse),
	}),
);
export type EuiccResultData = Infer<typeof EuiccResultData>;
