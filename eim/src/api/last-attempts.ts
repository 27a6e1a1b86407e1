/** What the eIM itself last tried for an operation that is not over: to bring it to the device, or to wake the device. */

import type { Eid } from "@iot-esim/shared/ids/eid";
import { waitingText } from "../domain/awake.ts";
import type { Device } from "../domain/device.ts";
import { linkOf } from "../domain/device-link.ts";
import type { Job } from "../domain/job.ts";
import type { Operation } from "../domain/operation.ts";
import type { WakeUp } from "../domain/wake-up.ts";
import type { ApiDeps } from "./api-deps.ts";

/** Times are milliseconds since 1970. */
export interface LastAttempt {
	readonly what: "inject" | "wakeUp";
	/** The link of the inject address, or the way of the wake-up. */
	readonly via: string;
	/** `brought`: the device has taken the package, and owes its result. The others are those of a wake-up. */
	readonly state: "failed" | "brought" | WakeUp["state"];
	/** When it began or failed; absent while the next one is under way. */
	readonly at?: number;
	/** Why it failed, or what is waited for. */
	readonly detail?: string;
	/** Tries since something was last ordered, with this one. */
	readonly attempts?: number;
	readonly nextAt?: number;
}

export type ExplainedOperation = Operation & { readonly lastAttempts?: readonly LastAttempt[] };

type Deps = Pick<ApiDeps, "store" | "clock">;

/** What all operations of a device have in common. */
interface Situation {
	readonly sleep: string | undefined;
	readonly attempts: readonly LastAttempt[];
}

/** The operations, those that wait for their device with what is known of why: it sleeps, or cannot be reached. */
export async function explainOperations(deps: Deps, operations: readonly Operation[]): Promise<ExplainedOperation[]> {
	const eids = [...new Set(operations.filter(isWaiting).map(({ eid }) => eid))];
	const situations = new Map(await Promise.all(eids.map(async (eid) => [eid, await situationOf(deps, eid)] as const)));
	return operations.map((operation) => {
		const situation = isWaiting(operation) ? situations.get(operation.eid) : undefined;
		return situation === undefined ? operation : explained(operation, situation);
	});
}

function isWaiting({ state }: Operation): boolean {
	return state === "queued" || state === "sent";
}

async function situationOf({ store, clock }: Deps, eid: Eid): Promise<Situation | undefined> {
	const device = await store.loadDevice(eid);
	if (device === undefined) return undefined;
	const now = clock.now();
	const [bringing, waking] = await Promise.all([
		device.inject === undefined ? undefined : injection(store, device, device.inject, now),
		lastWakeUp(store, device, now),
	]);
	return {
		sleep: waitingText(device, now),
		attempts: [bringing, waking].filter((attempt) => attempt !== undefined),
	};
}

/** Set apart from other errors: the device was reached. */
const BROUGHT = /^ESIPA_INJECTION_OPEN: /;

async function injection(
	store: Deps["store"],
	{ eid }: Device,
	inject: NonNullable<Device["inject"]>,
	now: number,
): Promise<LastAttempt | undefined> {
	const job = await store.findJob("packageInjection", eid);
	if (job?.leasedUntil === undefined) return undefined;
	const isUnderWay = job.leasedUntil > now;
	const attempts = isUnderWay ? job.attempts - 1 : job.attempts;
	const via = linkOf(inject);
	// What a first try finds in the row is no failure of its own.
	if (isUnderWay && attempts === 0) return { what: "inject", via, state: "sending" };
	if (job.lastError === undefined) return undefined;
	return {
		what: "inject",
		via,
		state: BROUGHT.test(job.lastError) ? "brought" : "failed",
		detail: job.lastError.replace(BROUGHT, ""),
		...(attempts > 0 ? { attempts } : {}),
		...(isUnderWay ? {} : { at: job.leasedUntil, ...nextOf(job, now) }),
	};
}

async function lastWakeUp(store: Deps["store"], { eid }: Device, now: number): Promise<LastAttempt | undefined> {
	const [last] = (await store.listWakeUps(eid, { limit: 1 })).items;
	if (last === undefined) return undefined;
	const { via, state, createdAt, error } = last;
	const isOver = state === "failed" || state === "undelivered";
	const job = isOver ? await store.findJob("deviceWakeUp", eid) : undefined;
	return {
		what: "wakeUp",
		via,
		state,
		at: createdAt,
		...(error === undefined ? {} : { detail: error }),
		...(job === undefined ? {} : nextOf(job, now)),
	};
}

function nextOf({ runAfter }: Job, now: number): { readonly nextAt: number } {
	return { nextAt: Math.max(runAfter, now) };
}

function explained(operation: Operation, { sleep, attempts }: Situation): ExplainedOperation {
	const own = attempts.filter(({ at }) => at === undefined || at >= operation.createdAt);
	const waits = operation.state === "queued" ? sleep : undefined;
	const because = operation.reason?.text ?? waits;
	if (own.length === 0) return because === undefined ? operation : withReason(operation, because);
	const first = because ?? (operation.state === "queued" ? "waiting for device" : "waiting for the result");
	return { ...withReason(operation, [first, ...own.map(attemptText)].join("; ")), lastAttempts: own };
}

function withReason(operation: Operation, text: string): Operation {
	return { ...operation, reason: { ...operation.reason, text } };
}

/** An attempt in words. */
export function attemptText({ what, via, state, at, detail, attempts = 0, nextAt }: LastAttempt): string {
	const when = at === undefined ? ", tried again now," : ` at ${time(at)}`;
	const why = detail === undefined ? "" : `: ${detail}`;
	const next = nextAt === undefined ? "" : `; next try at ${time(nextAt)}`;
	const tries = attempts > 1 ? ` (${attempts} tries)` : "";
	if (state === "failed") {
		return `${what === "inject" ? "bringing it over" : "waking by"} ${via}${when} failed${tries}${why}${next}`;
	}
	if (what === "inject" && state === "sending") return `it is being brought over ${via} now`;
	if (what === "inject") return `brought over ${via}${when}${tries}${why}${next}`;
	return `woken by ${via}${when} (${state}${why})${next}`;
}

const time = (at: number) => new Date(at).toISOString();
