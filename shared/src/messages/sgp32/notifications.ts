/** SGP.32 v1.2, module SGP32Definitions: notifications, whole and compact. */

import {
	application,
	at,
	boolean,
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
	withDefault,
} from "../../asn1/schema.ts";
import { Octet16, TransactionId } from "../sgp22/basic-types.ts";
import { NotificationEvent, NotificationMetadata } from "../sgp22/notification-metadata.ts";
import { OtherSignedNotification } from "../sgp22/notifications.ts";
import { ErrorResult, EuiccSignPIR, ProfileInstallationResultData } from "../sgp22/profile-installation-result.ts";
import { EuiccPackageResultList } from "./euicc-package-result.ts";

/** Tag BF37. */
export const ProfileInstallationResult = define(
	"ProfileInstallationResult",
	context(55),
	sequence({
		profileInstallationResultData: at(context(39), kept(ProfileInstallationResultData)),
		euiccSignPIR: EuiccSignPIR,
	}),
);
export type ProfileInstallationResult = Infer<typeof ProfileInstallationResult>;

/** simaResponse is absent when it is the nine octets of success. */
export const CompactSuccessResult = define(
	"CompactSuccessResult",
	sequence({
		compactAid: at(application(15), octetString({ size: 2 })),
		simaResponse: optional(octetString()),
	}),
);
export type CompactSuccessResult = Infer<typeof CompactSuccessResult>;

export const CompactProfileInstallationResultData = define(
	"CompactProfileInstallationResultData",
	sequence({
		transactionId: at(context(0), TransactionId),
		seqNumber: integer(),
		iccidPresent: withDefault(boolean(), true),
		compactFinalResult: at(
			context(2),
			choice({
				compactSuccessResult: CompactSuccessResult,
				errorResult: ErrorResult,
			}),
		),
	}),
);
export type CompactProfileInstallationResultData = Infer<typeof CompactProfileInstallationResultData>;

/** The signature runs over the full profileInstallationResultData, which the eIM rebuilds. */
export const CompactProfileInstallationResult = define(
	"CompactProfileInstallationResult",
	sequence({
		compactProfileInstallationResultData: at(context(0), CompactProfileInstallationResultData),
		euiccSignPIR: EuiccSignPIR,
	}),
);
export type CompactProfileInstallationResult = Infer<typeof CompactProfileInstallationResult>;

export const CompactOtherSignedNotification = define(
	"CompactOtherSignedNotification",
	sequence({
		eidValue: optional(at(application(26), Octet16)),
		tbsOtherNotification: kept(NotificationMetadata),
		euiccNotificationSignature: at(application(55), octetString()),
	}),
);
export type CompactOtherSignedNotification = Infer<typeof CompactOtherSignedNotification>;

/** A signed fact for the notification receiver; relayed as it is. */
export const PendingNotification = define(
	"PendingNotification",
	choice({
		profileInstallationResult: at(context(55), ProfileInstallationResult),
		otherSignedNotification: OtherSignedNotification,
		compactProfileInstallationResult: at(context(0), CompactProfileInstallationResult),
		compactOtherSignedNotification: at(context(1), CompactOtherSignedNotification),
	}),
);
export type PendingNotification = Infer<typeof PendingNotification>;

export const PendingNotificationList = define("PendingNotificationList", sequenceOf(kept(PendingNotification)));
export type PendingNotificationList = Infer<typeof PendingNotificationList>;

/** Tag BF2B. */
export const RetrieveNotificationsListRequest = define(
	"RetrieveNotificationsListRequest",
	context(43),
	sequence({
		searchCriteria: optional(
			choice({
				seqNumber: at(context(0), integer()),
				profileManagementOperation: at(context(1), NotificationEvent),
				euiccPackageResults: at(context(2), nullValue()),
			}),
		),
	}),
);
export type RetrieveNotificationsListRequest = Infer<typeof RetrieveNotificationsListRequest>;

export const NotificationsListResultErrorCode = { undefinedError: 127 } as const;
/** Tag BF2B. */
export const RetrieveNotificationsListResponse = define(
	"RetrieveNotificationsListResponse",
	context(43),
	choice({
		notificationList: PendingNotificationList,
		notificationsListResultError: integer({ named: NotificationsListResultErrorCode }),
		euiccPackageResultList: EuiccPackageResultList,
	}),
);
export type RetrieveNotificationsListResponse = Infer<typeof RetrieveNotificationsListResponse>;
