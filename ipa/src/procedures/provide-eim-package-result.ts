import { sleep } from "@iot-esim/shared/runtime/clock";
import { fromHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds } from "@iot-esim/shared/util/duration";
import type { ResultAnswer } from "../esipa/esipa-client.ts";
import type { Work } from "../state/device-state.ts";
import { acceptedNumbers, numbersOfNotifications, numbersOfResults, removeFromCard } from "./acknowledgements.ts";
import { eimErrorText } from "./eim-error.ts";
import { ProcedureError } from "./errors.ts";
import { isLinkFailure } from "./failure-kind.ts";
import { afterFailedDelivery } from "./policy/rollback-policy.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { rollBack } from "./rollback.ts";

type ExecutedWork = Extract<Work, { phase: "package-executed" }>;

/**
 * Delivers the result in the journal to its eIM and removes from the card what the eIM acknowledges. While a rollback
 * is possible it keeps trying until the time is up and then rolls back; otherwise a failure is the caller's to repeat.
 * @throws EsipaLinkError when the eIM cannot be reached, ProcedureError IPA_RESULT_REFUSED
 */
export async function provideEimPackageResult(context: ProcedureContext, eim: AssociatedEim): Promise<void> {
	for (let attempts = 1; ; attempts++) {
		await rearmAfterClockJump(context);
		const work = context.journal.state.work;
		if (work.phase !== "package-executed") return;
		const answer = await deliverOnce(context, eim, work, attempts);
		if (answer === undefined) continue;
		if (answer.type === "refused") return refuse(context, eim, answer.code);
		const acknowledged = await acceptedNumbers(context, eim.eimId, answer.handed, answer.seqNumbers);
		await context.journal.note({ type: "result-acknowledged", acknowledged });
		await acknowledge(context, eim);
		return;
	}
}

/**
 * A device without a battery-backed clock may wake up in the past, and any clock may be set back while it waits: the
 * time until rollback would never end.
 */
async function rearmAfterClockJump(context: ProcedureContext): Promise<void> {
	const { work } = context.journal.state;
	if (work.phase !== "package-executed" || work.rollback.state !== "armed") return;
	const latest = context.clock.now() + context.settings.rollbackAfter;
	if (work.rollback.deliverBefore > latest) {
		await context.journal.note({ type: "rollback-rearmed", deliverBefore: latest });
	}
}

/** One attempt; undefined when it failed and another is due, with a rollback in between when its time has come. */
async function deliverOnce(
	context: ProcedureContext,
	eim: AssociatedEim,
	work: ExecutedWork,
	attempts: number,
): Promise<(ResultAnswer & { readonly handed: readonly number[] }) | undefined> {
	const notifications = await pendingNotifications(context);
	context.log.info("step 5: ESipa.ProvideEimPackageResult", { eimId: eim.eimId, notifications: notifications.length });
	const deliverBefore = work.rollback.state === "armed" ? work.rollback.deliverBefore : undefined;
	try {
		const euiccPackageResult = fromHex(work.resultHex);
		const part = { euiccPackageResult, notifications };
		const handed = [...numbersOfResults([euiccPackageResult], eim.eimId), ...numbersOfNotifications(notifications)];
		const limited = limitedSignal(context, deliverBefore);
		try {
			const answer = await eim.esipa.provideEimPackageResult(part, limited.signal);
			return { ...answer, handed };
		} finally {
			limited.release();
		}
	} catch (error) {
		if (context.signal.aborted || !isLinkFailure(error)) throw error;
		context.emit({
			type: "result-waiting",
			eimId: eim.eimId,
			reason: error.message,
			...(deliverBefore === undefined ? {} : { deliverBefore }),
		});
		if (deliverBefore === undefined) throw error;
		const { deliveryRetry, rollbackAttempts = 1 } = context.settings;
		const situation = { now: context.clock.now(), deliverBefore, attempts };
		const step = afterFailedDelivery(situation, { deliveryRetry, attempts: rollbackAttempts });
		if (step.type === "wait") await sleep(context.clock, step.pause, context.signal);
		else await rollBack(context);
		return undefined;
	}
}

/** Notifications travel with the result; that they cannot be read is no reason to keep the result back. */
async function pendingNotifications(context: ProcedureContext): Promise<Uint8Array[]> {
	try {
		return await context.es10.retrieveNotifications();
	} catch (error) {
		context.log.warn("step 4: notifications not read", { error });
		return [];
	}
}

/** A result that hangs in the air must not outlast the time until rollback. */
function limitedSignal(context: ProcedureContext, deliverBefore: number | undefined) {
	if (deliverBefore === undefined) return { signal: context.signal, release: () => undefined };
	const limit = new AbortController();
	const left = Math.max(0, deliverBefore - context.clock.now());
	// An attempt that begins late still gets the time of one pause.
	const wait = Milliseconds(Math.max(left, context.settings.deliveryRetry));
	const release = context.clock.schedule(wait, () => limit.abort(new Error("the time until rollback is over")));
	return { signal: AbortSignal.any([context.signal, limit.signal]), release };
}

/**
 * The eIM was reached, so this is no reason for a rollback; but it did not take the result. The card keeps it, the
 * journal is free for what comes next, and the result is offered again from the card's list.
 */
async function refuse(context: ProcedureContext, eim: AssociatedEim, code: number): Promise<never> {
	await context.journal.note({ type: "result-left-on-card" });
	context.emit({ type: "result-refused", eimId: eim.eimId, code });
	const message = `eIM ${eim.eimId} refused the result with ${eimErrorText(code)}`;
	throw new ProcedureError("IPA_RESULT_REFUSED", message, { gsmaCode: code });
}

/** Steps 15 to 17: exactly the numbers that the eIM lists are removed from the card. */
export async function acknowledge(context: ProcedureContext, eim: Pick<AssociatedEim, "eimId">): Promise<void> {
	const work = context.journal.state.work;
	if (work.phase !== "result-acknowledged") return;
	await removeFromCard(context, work.acknowledged);
	await context.journal.note({ type: "result-settled" });
	context.emit({ type: "result-delivered", eimId: eim.eimId, acknowledged: work.acknowledged });
}
