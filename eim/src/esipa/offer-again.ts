import { type Duration, Milliseconds, Minutes } from "@iot-esim/shared/util/duration";
import type { Operation, OperationEvent, OperationReason } from "../domain/operation.ts";
import type { EsipaContext } from "./esipa-deps.ts";

const OFFERS = 3;
/** A device that fails by itself most likely fails again, and servers count how often an order is tried. */
const OFFERS_AFTER_A_WORD = 2;

/**
 * What a failure means that the eUICC has not signed. Anybody who knows an EID may have made it up, so it does not end the
 * operation: the device is given it once more, or with a pause so often in all as the settings say; only offers that
 * failed count. The reason in the end is the first one; all of them stand in the outcome.
 * @param pause until it is given again, when the device cannot do better at once; doubled with every offer
 */
export async function offeredAgain(
	context: EsipaContext,
	{ id }: Pick<Operation, "id">,
	reason: OperationReason,
	pause?: Duration,
): Promise<Extract<OperationEvent, { kind: "failed" | "packageDropped" }>> {
	const at = context.clock.now();
	const { offers: bound = OFFERS } = context.settings;
	const atMost = pause === undefined ? Math.min(bound, OFFERS_AFTER_A_WORD) : bound;
	const before = failuresOf((await context.store.loadOperation(id))?.outcome);
	// An offer that the device has put off was no attempt.
	const offers = before.length + 1;
	const failures = [...before, { at: new Date(at).toISOString(), ...reason }];
	const outcome = { failures };
	if (offers >= atMost) {
		const first = before[0] ?? reason;
		const { text, code } = first;
		return { kind: "failed", at, reason: { text, ...(code === undefined ? {} : { code }) }, outcome };
	}
	const sentence = /[.!?]$/.test(reason.text) ? reason.text : `${reason.text}.`;
	const text = `${sentence} The device is asked again (${offers + 1} of ${atMost}).`;
	const heldUntil = pause === undefined ? undefined : at + pause * 2 ** (offers - 1);
	return { kind: "packageDropped", at, reason: { ...reason, text }, heldUntil, outcome };
}

type Failure = OperationReason & { readonly [name: string]: string };

function failuresOf(outcome: Operation["outcome"]): readonly Failure[] {
	return Array.isArray(outcome?.failures) ? (outcome.failures as readonly Failure[]) : [];
}

/** The pause after an SM-DP+ that could not be asked. */
export function pauseOf({ settings }: EsipaContext): Duration {
	return settings.offerAgainAfter ?? Minutes(1);
}

/** Until a download that the device itself has put off is given to it again. */
export const POSTPONED_FOR = Milliseconds(15 * 60_000);

/** Whether a word that nobody signed is about the package that is out now: of one before it nothing follows. */
export async function isOfLatest(
	context: EsipaContext,
	found: {
		readonly operation: Pick<Operation, "id" | "state">;
		readonly package: { readonly eimTransactionId: string };
	},
): Promise<boolean> {
	if (found.operation.state !== "sent") return false;
	const latest = (await context.store.listPackages(found.operation.id)).at(-1);
	return latest?.eimTransactionId === found.package.eimTransactionId;
}
