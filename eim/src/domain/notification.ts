import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Iccid } from "@iot-esim/shared/ids/iccid";
/** A notification of an eUICC that the eIM forwards to the address inside it. */
export interface Notification {
	readonly id: string;
	readonly eid: Eid;
	/** The whole PendingNotification TLV as received; this is what is forwarded. */
	readonly bytes: Uint8Array;
	/** FQDN of the recipient, from NotificationMetadata.notificationAddress. */
	readonly address: string;
	readonly seqNumber: number;
	readonly event: NotificationEvent;
	readonly iccid?: Iccid;
	readonly receivedAt: number;
}

export type NotificationEvent = "install" | "enable" | "disable" | "delete";

/** A notification with the row that delivers it. */
export interface NotificationWithDelivery extends Notification {
	readonly attempts: number;
	readonly runAfter: number;
	readonly completedAt?: number;
	readonly lastError?: string;
}
