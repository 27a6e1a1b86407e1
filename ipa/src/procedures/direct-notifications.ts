import { isLinkFailure, isServerFailure } from "./failure-kind.ts";
import { deliverNotification } from "./notifications.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { sightOfNotification } from "./result-facts.ts";

/**
 * Gives a notification to its receiver by ES9+.HandleNotification and removes it from the card. When the receiver
 * cannot be reached, the notification stays on the card and the journal knows that it waits for another attempt.
 */
export async function deliverDirectly(context: ProcedureContext, notification: Uint8Array): Promise<void> {
	const { seqNumber, notificationAddress } = sightOfNotification(notification);
	if (seqNumber === undefined) return;
	const failure = await attempt(context, notification, notificationAddress);
	if (failure === undefined) return settle(context, seqNumber);
	context.log.warn("notification waits for its receiver", { seqNumber, notificationAddress, reason: failure });
	await context.journal.note({ type: "notification-waiting", seqNumber });
}

/**
 * Another attempt for what could not be delivered; when that fails as well, the notification is offered to the eIM, which
 * forwards it with more patience than a device has. What neither takes waits for the next round.
 */
export async function retryWaitingNotifications(context: ProcedureContext, eim: AssociatedEim): Promise<void> {
	for (const seqNumber of context.journal.state.waitingNotifications) {
		const [notification] = await context.es10.retrieveNotifications({ seqNumber });
		if (notification === undefined) {
			await context.journal.note({ type: "notification-settled", seqNumber });
			continue;
		}
		const { notificationAddress } = sightOfNotification(notification);
		const failure = await attempt(context, notification, notificationAddress);
		if (failure === undefined || (await isTakenByEim(context, eim, notification))) await settle(context, seqNumber);
	}
}

/** An eIM that does not take it now, as before it knows the certificates of the eUICC, may take it in a later round. */
async function isTakenByEim(context: ProcedureContext, eim: AssociatedEim, notification: Uint8Array): Promise<boolean> {
	try {
		await deliverNotification(context, eim, notification);
		return true;
	} catch (error) {
		if (context.signal.aborted || !isLinkFailure(error)) throw error;
		context.log.warn("notification still waits", { eimId: eim.eimId, error });
		return false;
	}
}

/** @returns why it failed; undefined when the receiver has it */
async function attempt(
	context: ProcedureContext,
	notification: Uint8Array,
	address: string | undefined,
): Promise<string | undefined> {
	const { rsp } = context;
	if (rsp === undefined) return "this device speaks to no SM-DP+ itself";
	if (address === undefined) return "it names no receiver";
	context.log.info("ES9+.HandleNotification", { address });
	try {
		await rsp.handleNotification(address, notification, context.signal);
		context.emit({
			type: "notification-delivered",
			eimId: address,
			seqNumber: sightOfNotification(notification).seqNumber,
		});
		return undefined;
	} catch (error) {
		if (context.signal.aborted || !isServerFailure(error)) throw error;
		return error.message;
	}
}

async function settle(context: ProcedureContext, seqNumber: number): Promise<void> {
	await context.es10.removeNotification(seqNumber);
	await context.journal.note({ type: "notification-settled", seqNumber });
}

/** What waits on the card, without what is delivered directly at its own pace. */
export async function unattemptedNotifications(context: ProcedureContext): Promise<Uint8Array[]> {
	return withoutNumbers(await context.es10.retrieveNotifications(), context.journal.state.waitingNotifications);
}

export function withoutNumbers(notifications: readonly Uint8Array[], seqNumbers: readonly number[]): Uint8Array[] {
	return notifications.filter((one) => !seqNumbers.includes(sightOfNotification(one).seqNumber ?? -1));
}
