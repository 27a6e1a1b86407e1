/** Work that must survive a restart is a row: claimed, tried, put off, completed. */
export interface Job {
	readonly id: string;
	readonly kind: JobKind;
	/** The id of what the job is about, by kind: notification id, EID, transaction id. */
	readonly reference: string;
	readonly attempts: number;
	readonly runAfter: number;
	/** While this lies ahead, another worker holds the job. Behind: when its last try failed. */
	readonly leasedUntil?: number;
	readonly lastError?: string;
	readonly completedAt?: number;
	readonly createdAt: number;
}

/**
 * Kinds of which a second job is no second one but renews the open one: it is due when the second would be, and has its
 * tries anew. When it is under way it is done again afterwards, since it may have looked before what the second is about
 * was there.
 */
export const RENEWED_JOBS: readonly JobKind[] = ["deviceWakeUp", "packageInjection", "keptResultVerification"];

export type JobKind =
	/** Forward a notification to its address; reference is the notification's id. */
	| "notificationDelivery"
	/** Verify the kept results of a device whose certificates have arrived; reference is the EID. */
	| "keptResultVerification"
	/** Tell the SM-DP+ that a session is over; reference is the SM-DP+'s transaction id. */
	| "sessionCancellation"
	/** Ask a device what is on it, after a state change that was reported too soon after another; reference is the EID. */
	| "stateRefresh"
	/** Bring a device with an inject address what waits for it; reference is the EID. */
	| "packageInjection"
	/** Ask the SM-DS of a device, again and again; reference is the EID. */
	| "smdsPolling"
	/** Wake a device for which something waits, or wait with it; reference is the EID. */
	| "deviceWakeUp";
