/** SGP.32 v1.2, module SGP32Definitions: data of eUICC and IPA for the eIM. */

import {
	application,
	at,
	bitString,
	choice,
	context,
	define,
	type Infer,
	integer,
	kept,
	octetString,
	optional,
	sequence,
	utf8String,
} from "../../asn1/schema.ts";
import { Certificate } from "../pkix.ts";
import { TransactionId } from "../sgp22/basic-types.ts";
import { DeviceInfo } from "../sgp22/device-info.ts";
import { EUICCInfo1 } from "../sgp22/euicc-info.ts";
import { NotificationEvent } from "../sgp22/notification-metadata.ts";
import { EUICCInfo2 } from "./euicc-info.ts";
import { EuiccPackageResultList } from "./euicc-package-result.ts";
import { PendingNotificationList } from "./notifications.ts";

/** tagList names members of IpaEuiccData. Tag BF52. */
export const IpaEuiccDataRequest = define(
	"IpaEuiccDataRequest",
	context(82),
	sequence({
		tagList: at(application(28), octetString()),
		euiccCiPKIdentifierToBeUsed: optional(octetString()),
		searchCriteriaNotification: optional(
			at(
				context(1),
				choice({
					seqNumber: at(context(0), integer()),
					profileManagementOperation: at(context(1), NotificationEvent),
				}),
			),
		),
		searchCriteriaEuiccPackageResult: optional(
			at(
				context(2),
				choice({
					seqNumber: at(context(0), integer()),
				}),
			),
		),
		eimTransactionId: optional(at(context(3), TransactionId)),
	}),
);
export type IpaEuiccDataRequest = Infer<typeof IpaEuiccDataRequest>;

/** What the IPA can do and which bindings of ESipa it speaks. */
export const IpaCapabilities = define(
	"IpaCapabilities",
	sequence({
		ipaFeatures: at(
			context(0),
			bitString({
				directRspServerCommunication: 0,
				indirectRspServerCommunication: 1,
				eimDownloadDataHandling: 2,
				eimCtxParams1Generation: 3,
				eimProfileMetadataVerification: 4,
				minimizeEsipaBytes: 5,
			}),
		),
		ipaSupportedProtocols: optional(
			at(
				context(1),
				bitString({
					ipaRetrieveHttps: 0,
					ipaRetrieveCoaps: 1,
					ipaInjectHttps: 2,
					ipaInjectCoaps: 3,
					ipaProprietary: 4,
				}),
			),
		),
	}),
);
export type IpaCapabilities = Infer<typeof IpaCapabilities>;

/** All members are optional; an IPA may send more or fewer than asked. */
export const IpaEuiccData = define(
	"IpaEuiccData",
	sequence({
		notificationsList: optional(at(context(0), PendingNotificationList)),
		defaultSmdpAddress: optional(at(context(1), utf8String())),
		euiccPackageResultList: optional(at(context(2), EuiccPackageResultList)),
		euiccInfo1: optional(at(context(32), kept(EUICCInfo1))),
		euiccInfo2: optional(at(context(34), kept(EUICCInfo2))),
		rootSmdsAddress: optional(at(context(3), utf8String())),
		associationToken: optional(at(context(4), integer())),
		eumCertificate: optional(at(context(5), Certificate)),
		euiccCertificate: optional(at(context(6), Certificate)),
		eimTransactionId: optional(at(context(7), TransactionId)),
		ipaCapabilities: optional(at(context(8), IpaCapabilities)),
		deviceInfo: optional(at(context(9), DeviceInfo)),
	}),
);
export type IpaEuiccData = Infer<typeof IpaEuiccData>;

export const IpaEuiccDataErrorCodes = {
	incorrectTagList: 1,
	euiccCiPKIdNotFound: 5,
	ecallActive: 104,
	undefinedError: 127,
} as const;
export const IpaEuiccDataErrorCode = define("IpaEuiccDataErrorCode", integer({ named: IpaEuiccDataErrorCodes }));
export type IpaEuiccDataErrorCode = Infer<typeof IpaEuiccDataErrorCode>;

export const IpaEuiccDataResponseError = define(
	"IpaEuiccDataResponseError",
	sequence({
		eimTransactionId: optional(at(context(0), TransactionId)),
		ipaEuiccDataErrorCode: IpaEuiccDataErrorCode,
	}),
);
export type IpaEuiccDataResponseError = Infer<typeof IpaEuiccDataResponseError>;

/** The data asked for, or an error. Tag BF52. */
export const IpaEuiccDataResponse = define(
	"IpaEuiccDataResponse",
	context(82),
	choice({
		ipaEuiccData: IpaEuiccData,
		ipaEuiccDataResponseError: IpaEuiccDataResponseError,
	}),
);
export type IpaEuiccDataResponse = Infer<typeof IpaEuiccDataResponse>;
