import { isLinkFailure, isUnreachable } from "./failure-kind.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { sightOfNotification } from "./result-facts.ts";

/**
 * Delivers what waits on the card, each notification by ESipa.HandleNotification to the eIM that forwards it. It is
 * removed from the card only after the eIM has taken it.
 * @throws EsipaLinkError when the eIM cannot be reached; what is left stays on the card
 */
export async function deliverNotifications(
	context: ProcedureContext,
	eim: AssociatedEim,
	notifications: readonly Uint8Array[],
): Promise<void> {
	for (const notification of notifications) {
		try {
			await deliverNotification(context, eim, notification);
		} catch (error) {
			// One that the eIM does not take must not keep the device from everything else; it stays on the card.
			if (!isLinkFailure(error) || isUnreachable(error)) throw error;
			context.log.warn("notification not taken by the eIM", { eimId: eim.eimId, error });
		}
	}
}

/** One notification: ESipa.HandleNotification, then ES10b.RemoveNotificationFromList. */
export async function deliverNotification(
	context: ProcedureContext,
	eim: AssociatedEim,
	notification: Uint8Array,
): Promise<void> {
	const { seqNumber } = sightOfNotification(notification);
	context.log.info("ESipa.HandleNotification", { eimId: eim.eimId, seqNumber });
	await eim.esipa.handleNotification(notification, context.signal);
	if (seqNumber !== undefined) await context.es10.removeNotification(seqNumber);
	context.emit({ type: "notification-delivered", eimId: eim.eimId, seqNumber });
}
