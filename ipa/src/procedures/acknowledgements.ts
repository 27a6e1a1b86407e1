import type { ProcedureContext } from "./procedure-context.ts";
import { sightOfNotification, sightOfResult } from "./result-facts.ts";

/**
 * The numbers of an acknowledgement (BF53) that this eIM may have removed from the card: those of results and
 * notifications that it was given, now or in an earlier message that it did not acknowledge. The numbers are the
 * card's, and the same card may hold those of other eIMs.
 * @param handed the numbers in the message that this is the answer to
 */
export async function acceptedNumbers(
	context: ProcedureContext,
	eimId: string,
	handed: readonly number[],
	acknowledged: readonly number[],
): Promise<readonly number[]> {
	const { handedOver } = context.journal.state;
	const mayBeAcknowledged = new Set([...(handedOver[eimId] ?? []), ...handed]);
	const accepted = acknowledged.filter((seqNumber) => mayBeAcknowledged.has(seqNumber));
	const foreign = acknowledged.filter((seqNumber) => !mayBeAcknowledged.has(seqNumber));
	if (foreign.length > 0) context.log.warn("acknowledged without having been given", { eimId, seqNumbers: foreign });
	const pending = [...mayBeAcknowledged].filter((seqNumber) => !accepted.includes(seqNumber));
	await context.journal.note({ type: "handed-over", eimId, pending });
	return accepted;
}

/** ES10b.RemoveNotificationFromList for each number; "nothing to delete" is what a repetition gets. */
export async function removeFromCard(context: ProcedureContext, seqNumbers: readonly number[]): Promise<void> {
	for (const seqNumber of seqNumbers) {
		const status = await context.es10.removeNotification(seqNumber);
		context.log.info("step 6: ES10b.RemoveNotificationFromList", { seqNumber, status });
	}
}

/** Numbers of results that name this eIM; another's results are none of its business. */
export function numbersOfResults(results: readonly Uint8Array[], eimId: string): number[] {
	const sights = results.map(sightOfResult).filter((sight) => sight.eimId === eimId);
	return sights.flatMap(({ seqNumber }) => (seqNumber === undefined ? [] : [seqNumber]));
}

export function numbersOfNotifications(notifications: readonly Uint8Array[]): number[] {
	return notifications.flatMap((one) => sightOfNotification(one).seqNumber ?? []);
}
