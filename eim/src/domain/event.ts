import type { Eid } from "@iot-esim/shared/ids/eid";
/** Something that happened, in the past tense, as the event stream tells it. Ids grow in the order of commits. */
export interface Event {
	readonly id: number;
	readonly at: number;
	readonly type: EventType;
	readonly eid?: Eid;
	readonly operationId?: string;
	/** Small facts, never secrets and never whole messages. */
	readonly facts: Readonly<Record<string, string | number | boolean>>;
}

export type NewEvent = Omit<Event, "id">;

export type EventType =
	| "deviceRegistered"
	| "deviceChanged"
	| "deviceRemoved"
	| "deviceSeenFirst"
	| "unknownDeviceSeen"
	| "stateChangeReported"
	| "operationQueued"
	| "operationSent"
	| "operationAwaitingVerification"
	| "operationSucceeded"
	| "operationFailed"
	| "operationRolledBack"
	| "operationExpired"
	| "operationCancelled"
	| "profilesChanged"
	| "resultRejected"
	| "notificationReceived"
	| "notificationDelivered"
	| "sessionChanged"
	| "wakeUpSent"
	| "wakeUpFailed"
	/** The way to the device says what became of it. */
	| "wakeUpReported";
