import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";

/** When a switch is undone whose result cannot be delivered. */
export interface RollbackPolicy {
	/** Pause between attempts to deliver. */
	readonly deliveryRetry: Duration;
	/** Attempts that have to fail, whatever the time. */
	readonly attempts: number;
}

export type DeliveryStep = { readonly type: "roll-back" } | { readonly type: "wait"; readonly pause: Duration };

/**
 * What follows a failed attempt while a rollback is possible: another one after a pause, or the rollback when the time
 * is up and enough attempts were made.
 */
export function afterFailedDelivery(
	situation: { readonly now: number; readonly deliverBefore: number; readonly attempts: number },
	policy: RollbackPolicy,
): DeliveryStep {
	const left = situation.deliverBefore - situation.now;
	if (left <= 0 && situation.attempts >= policy.attempts) return { type: "roll-back" };
	const pause = left > 0 && left < policy.deliveryRetry ? Milliseconds(left) : policy.deliveryRetry;
	return { type: "wait", pause };
}
