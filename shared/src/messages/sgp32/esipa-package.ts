/** SGP.32 v1.2, module SGP32Definitions: ESipa functions that carry packages, results and notifications. */

import {
	application,
	at,
	choice,
	context,
	define,
	type Infer,
	integer,
	kept,
	nullValue,
	octetString,
	optional,
	sequence,
	sequenceOf,
} from "../../asn1/schema.ts";
import { Octet16, TransactionId } from "../sgp22/basic-types.ts";
import { EuiccPackageRequest } from "./euicc-package.ts";
import { EuiccPackageResult } from "./euicc-package-result.ts";
import { IpaEuiccDataRequest, IpaEuiccDataResponse } from "./ipa-euicc-data.ts";
import { PendingNotification, PendingNotificationList } from "./notifications.ts";
import { ProfileDownloadTriggerRequest, ProfileDownloadTriggerResult } from "./profile-download-trigger.ts";

/** Tag 80. */
export const SequenceNumber = define("SequenceNumber", context(0), integer());
export type SequenceNumber = Infer<typeof SequenceNumber>;

/** Sequence numbers that the IPA may remove from the eUICC. Tag BF53. */
export const EimAcknowledgements = define("EimAcknowledgements", context(83), sequenceOf(SequenceNumber));
export type EimAcknowledgements = Infer<typeof EimAcknowledgements>;

export const StateChangeCauseCode = {
	otherEim: 0,
	fallback: 1,
	emergencyProfile: 2,
	local: 3,
	reset: 4,
	immediateEnableProfile: 5,
	deviceChange: 6,
	undefined: 127,
} as const;
/** Why profiles changed without this eIM. */
export const StateChangeCause = define("StateChangeCause", integer({ named: StateChangeCauseCode }));
export type StateChangeCause = Infer<typeof StateChangeCause>;

/** The poll of an IPA. Tag BF4F. */
export const GetEimPackageRequest = define(
	"GetEimPackageRequest",
	context(79),
	sequence({
		eidValue: at(application(26), Octet16),
		notifyStateChange: optional(at(context(0), nullValue())),
		stateChangeCause: optional(at(context(1), StateChangeCause)),
		rPLMN: optional(at(context(2), octetString({ size: 3 }))),
	}),
);
export type GetEimPackageRequest = Infer<typeof GetEimPackageRequest>;

export const GetEimPackageErrorCode = {
	noEimPackageAvailable: 1,
	eidNotFound: 2,
	invalidEid: 3,
	missingEid: 4,
	undefinedError: 127,
} as const;
/** One package, or why there is none. Tag BF4F. */
export const GetEimPackageResponse = define(
	"GetEimPackageResponse",
	context(79),
	choice({
		euiccPackageRequest: at(context(81), kept(EuiccPackageRequest)),
		ipaEuiccDataRequest: at(context(82), IpaEuiccDataRequest),
		profileDownloadTriggerRequest: at(context(84), ProfileDownloadTriggerRequest),
		eimPackageError: integer({ named: GetEimPackageErrorCode }),
	}),
);
export type GetEimPackageResponse = Infer<typeof GetEimPackageResponse>;

export const EimPackageResultErrorCodes = { invalidPackageFormat: 1, unknownPackage: 2, undefinedError: 127 } as const;
export const EimPackageResultErrorCode = define(
	"EimPackageResultErrorCode",
	integer({ named: EimPackageResultErrorCodes }),
);
export type EimPackageResultErrorCode = Infer<typeof EimPackageResultErrorCode>;

export const EimPackageResultResponseError = define(
	"EimPackageResultResponseError",
	sequence({
		eimTransactionId: optional(at(context(0), TransactionId)),
		eimPackageResultErrorCode: EimPackageResultErrorCode,
	}),
);
export type EimPackageResultResponseError = Infer<typeof EimPackageResultResponseError>;

export const EimPackageResult = define(
	"EimPackageResult",
	choice({
		euiccPackageResult: at(context(81), kept(EuiccPackageResult)),
		ePRAndNotifications: sequence({
			euiccPackageResult: at(context(81), kept(EuiccPackageResult)),
			notificationList: at(context(0), PendingNotificationList),
		}),
		ipaEuiccDataResponse: at(context(82), IpaEuiccDataResponse),
		profileDownloadTriggerResult: at(context(84), ProfileDownloadTriggerResult),
		eimPackageResultResponseError: at(context(0), EimPackageResultResponseError),
	}),
);
export type EimPackageResult = Infer<typeof EimPackageResult>;

/** The outcome of a package. Tag BF50. */
export const ProvideEimPackageResult = define(
	"ProvideEimPackageResult",
	context(80),
	sequence({
		eidValue: optional(at(application(26), Octet16)),
		eimPackageResult: EimPackageResult,
	}),
);
export type ProvideEimPackageResult = Infer<typeof ProvideEimPackageResult>;

export const ProvideEimPackageResultErrorCode = {
	eidNotFound: 2,
	invalidEid: 3,
	missingEid: 4,
	undefinedError: 127,
} as const;
/** What the IPA may remove from the eUICC. Tag BF50. */
export const ProvideEimPackageResultResponse = define(
	"ProvideEimPackageResultResponse",
	context(80),
	choice({
		eimAcknowledgements: at(context(83), EimAcknowledgements),
		emptyResponse: sequence({}),
		provideEimPackageResultError: integer({ named: ProvideEimPackageResultErrorCode }),
	}),
);
export type ProvideEimPackageResultResponse = Infer<typeof ProvideEimPackageResultResponse>;

/** A package brought to the IPA by the eIM. Tag BF4E. */
export const TransferEimPackageRequest = define(
	"TransferEimPackageRequest",
	context(78),
	choice({
		euiccPackageRequest: at(context(81), kept(EuiccPackageRequest)),
		ipaEuiccDataRequest: at(context(82), IpaEuiccDataRequest),
		eimAcknowledgements: at(context(83), EimAcknowledgements),
		profileDownloadTriggerRequest: at(context(84), ProfileDownloadTriggerRequest),
	}),
);
export type TransferEimPackageRequest = Infer<typeof TransferEimPackageRequest>;

export const TransferEimPackageErrorCode = { invalidPackageFormat: 1, unknownPackage: 2, undefinedError: 127 } as const;
/** Tag BF4E. */
export const TransferEimPackageResponse = define(
	"TransferEimPackageResponse",
	context(78),
	choice({
		euiccPackageResult: at(context(81), kept(EuiccPackageResult)),
		ePRAndNotifications: sequence({
			euiccPackageResult: at(context(81), kept(EuiccPackageResult)),
			notificationList: at(context(0), PendingNotificationList),
		}),
		ipaEuiccDataResponse: at(context(82), IpaEuiccDataResponse),
		eimPackageReceived: nullValue(),
		eimPackageError: integer({ named: TransferEimPackageErrorCode }),
	}),
);
export type TransferEimPackageResponse = Infer<typeof TransferEimPackageResponse>;

/** A notification, or a result in its place. Tag BF3D. */
export const HandleNotificationEsipa = define(
	"HandleNotificationEsipa",
	context(61),
	choice({
		pendingNotification: at(context(0), kept(PendingNotification)),
		provideEimPackageResult: at(context(80), ProvideEimPackageResult),
	}),
);
export type HandleNotificationEsipa = Infer<typeof HandleNotificationEsipa>;
