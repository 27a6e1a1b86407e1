import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import {
	DeleteNotificationStatusCode,
	ListNotificationRequest,
	ListNotificationResponse,
	NotificationSentRequest,
	NotificationSentResponse,
} from "@iot-esim/shared/messages/sgp22/notifications";
import { RetrieveNotificationsListRequest } from "@iot-esim/shared/messages/sgp32/notifications";
import type { Es10Function } from "../euicc.ts";
import { metadataOf, type Pending } from "../state/notifications.ts";

/** ES10b.ListNotification (BF28): what is pending, without signatures. */
export const listNotification: Es10Function = (request, { notifications }) => {
	const { profileManagementOperation: wanted } = decode(ListNotificationRequest, request);
	const notificationMetadataList = notifications
		.notifications()
		.map(({ der }) => metadataOf(der))
		.filter((metadata) => wanted === undefined || hasCommonBit(metadata.profileManagementOperation, wanted));
	return encode(ListNotificationResponse, { notificationMetadataList });
};

/**
 * ES10b.RetrieveNotificationsList (BF2B): signed notifications, or the results of packages when those are asked for.
 * What was signed is given as it was stored. A number names a notification or, failing that, a package result.
 */
export const retrieveNotificationsList: Es10Function = (request, { notifications, card }) => {
	const { searchCriteria } = decode(RetrieveNotificationsListRequest, request);
	if (searchCriteria === undefined) return list(0xa0, notifications.notifications());
	if ("euiccPackageResults" in searchCriteria) return list(0xa2, notifications.packageResults());
	if ("seqNumber" in searchCriteria) {
		const isNumber = ({ seqNumber }: Pending) => seqNumber === searchCriteria.seqNumber;
		const results = notifications.packageResults().filter(isNumber);
		if (card.mode === "iot" && results.length > 0) return list(0xa2, results);
		return list(0xa0, notifications.notifications().filter(isNumber));
	}
	const { profileManagementOperation: wanted } = searchCriteria;
	const isWanted = ({ der }: Pending) => hasCommonBit(metadataOf(der).profileManagementOperation, wanted);
	return list(0xa0, notifications.notifications().filter(isWanted));
};

/**
 * ES10b.RemoveNotificationFromList (BF30), also for package results. A result that is gone has reached its eIM: the
 * profile it enabled works, so a rollback granted with it is over.
 */
export const removeNotification: Es10Function = (request, { notifications, settings }) => {
	const { seqNumber } = decode(NotificationSentRequest, request);
	const isRemoved = notifications.remove(seqNumber);
	if (isRemoved && settings.get("rollback")?.seqNumber === seqNumber) settings.clear("rollback");
	const { ok, nothingToDelete } = DeleteNotificationStatusCode;
	return encode(NotificationSentResponse, { deleteNotificationStatus: isRemoved ? ok : nothingToDelete });
};

function list(arm: number, pending: readonly Pending[]): Uint8Array {
	return tlv(0xbf2b, tlv(arm, ...pending.map(({ der }) => der)));
}

function hasCommonBit(event: string, wanted: string): boolean {
	return [...event].some((bit, i) => bit === "1" && wanted[i] === "1");
}
