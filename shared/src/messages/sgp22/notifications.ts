/** SGP.22 v2.5, module RSPDefinitions: notifications kept by the eUICC (ES10b). */

import {
	application,
	at,
	choice,
	context,
	define,
	type Infer,
	integer,
	kept,
	octetString,
	optional,
	sequence,
	sequenceOf,
} from "../../asn1/schema.ts";
import { Certificate } from "../pkix.ts";
import { NotificationEvent, NotificationMetadata } from "./notification-metadata.ts";
import { ProfileInstallationResult } from "./profile-installation-result.ts";

/** Tag BF28. */
export const ListNotificationRequest = define(
	"ListNotificationRequest",
	context(40),
	sequence({
		profileManagementOperation: optional(at(context(1), NotificationEvent)),
	}),
);
export type ListNotificationRequest = Infer<typeof ListNotificationRequest>;

export const ListNotificationsResultErrorCode = { undefinedError: 127 } as const;
/** Tag BF28. */
export const ListNotificationResponse = define(
	"ListNotificationResponse",
	context(40),
	choice({
		notificationMetadataList: sequenceOf(NotificationMetadata),
		listNotificationsResultError: integer({ named: ListNotificationsResultErrorCode }),
	}),
);
export type ListNotificationResponse = Infer<typeof ListNotificationResponse>;

/** Tag BF2B. */
export const RetrieveNotificationsListRequest = define(
	"RetrieveNotificationsListRequest",
	context(43),
	sequence({
		searchCriteria: optional(
			choice({
				seqNumber: at(context(0), integer()),
				profileManagementOperation: at(context(1), NotificationEvent),
			}),
		),
	}),
);
export type RetrieveNotificationsListRequest = Infer<typeof RetrieveNotificationsListRequest>;

/** The signature runs over the whole of tbsOtherNotification. */
export const OtherSignedNotification = define(
	"OtherSignedNotification",
	sequence({
		tbsOtherNotification: kept(NotificationMetadata),
		euiccNotificationSignature: at(application(55), octetString()),
		euiccCertificate: Certificate,
		eumCertificate: Certificate,
	}),
);
export type OtherSignedNotification = Infer<typeof OtherSignedNotification>;

/** A signed fact for the notification receiver; relayed as it is. */
export const PendingNotification = define(
	"PendingNotification",
	choice({
		profileInstallationResult: at(context(55), ProfileInstallationResult),
		otherSignedNotification: OtherSignedNotification,
	}),
);
export type PendingNotification = Infer<typeof PendingNotification>;

export const NotificationsListResultErrorCode = { undefinedError: 127 } as const;
/** Tag BF2B. */
export const RetrieveNotificationsListResponse = define(
	"RetrieveNotificationsListResponse",
	context(43),
	choice({
		notificationList: sequenceOf(kept(PendingNotification)),
		notificationsListResultError: integer({ named: NotificationsListResultErrorCode }),
	}),
);
export type RetrieveNotificationsListResponse = Infer<typeof RetrieveNotificationsListResponse>;

/** Tag BF30. */
export const NotificationSentRequest = define(
	"NotificationSentRequest",
	context(48),
	sequence({
		seqNumber: at(context(0), integer()),
	}),
);
export type NotificationSentRequest = Infer<typeof NotificationSentRequest>;

export const DeleteNotificationStatusCode = { ok: 0, nothingToDelete: 1, undefinedError: 127 } as const;
/** Tag BF30. */
export const NotificationSentResponse = define(
	"NotificationSentResponse",
	context(48),
	sequence({
		deleteNotificationStatus: integer({ named: DeleteNotificationStatusCode }),
	}),
);
export type NotificationSentResponse = Infer<typeof NotificationSentResponse>;
