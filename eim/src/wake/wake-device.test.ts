import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { audit, eidOf, listProfiles, registered, signer } from "../../../test/contract/store-samples.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../test/support/seeded-random.ts";
import type { AwakeRule } from "../domain/awake.ts";
import type { WakeUpAddress } from "../domain/wake-up.ts";
import { JobRunner } from "../jobs/job-runner.ts";
import { openStore } from "../storage/open-store.ts";
import type { Store } from "../storage/store.ts";
import { WakeError } from "./errors.ts";
import { wakeDevice } from "./wake-device.ts";
import type { Trigger } from "./waker.ts";

const START = Date.UTC(2026, 0, 1);
const eid = eidOf(1);
const wakeUp: WakeUpAddress = { via: "sms", msisdn: "491701234567" };

let store: Store;
let bench: ReturnType<typeof benchOn>;
beforeEach(async () => {
	store = await openStore({ file: ":memory:" });
	await registered(store);
	await store.changeDevice(eid, { wakeUp });
	bench = benchOn(store);
});
afterEach(async () => {
	await bench.runner.stop();
	await store.close();
});

/** A runner of jobs that wakes devices; each wake-up is noted and taken, unless it is told otherwise. */
function benchOn(on: Store) {
	const clock = new FakeClock(START);
	const { logger } = memoryLogger();
	const sent: Trigger[] = [];
	const state = { failure: undefined as Error | undefined, gate: undefined as Promise<void> | undefined };
	const wake = async (_address: WakeUpAddress, trigger: Trigger) => {
		sent.push(trigger);
		await state.gate;
		if (state.failure) throw state.failure;
		return { reference: `m${sent.length}` };
	};
	const wakers = { sms: { wake, check: () => undefined } };
	const limits = { perHour: 3, repeatAfter: Minutes(10), patience: Minutes(1) };
	const deps = { store: on, clock, random: new SeededRandom(1), logger, wakers, limits };
	const work = async ({ reference }: { readonly reference: string }) => {
		const later = await wakeDevice(deps, reference as typeof eid);
		return later && { runAgainAt: later.until, error: later.reason };
	};
	const runner = new JobRunner({ store: on, clock, logger, work: { deviceWakeUp: work } as never });
	const stop = on.onJobs(() => runner.wake());
	let ordered = 0;
	/** The store takes some turns of its own, for which the clock does not wait. */
	const pass = async (length: number) => {
		const end = clock.now() + length;
		do {
			await clock.advance(Math.min(length > Hours(1) ? Seconds(30) : Seconds(5), end - clock.now()));
			for (let turn = 0; turn < 4; turn++) await clock.advance(0);
		} while (clock.now() < end);
	};
	return {
		pass,
		clock,
		sent,
		state,
		runner,
		stop,
		async order(expiresIn = Hours(24)) {
			const [id, at] = [`op_${++ordered}`, clock.now()];
			const times = { createdAt: at, updatedAt: at, expiresAt: at + expiresIn };
			await on.enqueueOperation({ ...listProfiles(id, eid), ...times }, audit);
			return id;
		},
		/** The device asks until nothing is left, as an IPA does. */
		async poll() {
			for (;;) {
				const taken = await on.takeNextPackage({ eid, at: clock.now() }, signer());
				if (taken.kind !== "package") return;
				const { id } = taken.operation;
				await on.moveOperation(id, { kind: "succeeded", at: clock.now() });
			}
		},
	};
}

/** Wake-ups go out no more until the answer is called. */
function closeGate(state: { gate: Promise<void> | undefined }): () => void {
	let open: () => void = () => undefined;
	state.gate = new Promise((resolve) => {
		open = resolve;
	});
	return () => open();
}

const states = async () => (await store.listWakeUps(eid, { limit: 50 })).items.map(({ state }) => state);

describe("a device that sleeps", () => {
	it("is woken once for many orders, and no more once it has asked for them", async () => {
		const { pass, sent, runner, order, poll } = bench;
		runner.start();
		for (let i = 0; i < 5; i++) await order();
		await pass(Seconds(1));
		expect(sent).toMatchObject([{ eid, at: START, until: START + Hours(24) }]);
		expect(await states()).toEqual(["sent"]);
		await pass(Seconds(20));
		await poll();
		await pass(Hours(2));
		expect(sent).toHaveLength(1);
		expect(await store.findJob("deviceWakeUp", eid)).toBeUndefined();
		const events = await store.listEvents({ after: 0, limit: 100, types: ["wakeUpSent"] });
		expect(events).toMatchObject([{ eid, facts: { via: "sms", state: "sent" } }]);
	});

	it("is woken again while it does not answer, less often each time, until the orders have expired", async () => {
		const { pass, sent, runner, order } = bench;
		runner.start();
		await order(Hours(1));
		await pass(Hours(2));
		const minutes = sent.map(({ at }) => Math.round((at - START) / Minutes(1)));
		expect(minutes).toEqual([0, 10, 30]);
		expect(await store.findJob("deviceWakeUp", eid)).toBeUndefined();
	});

	it("is woken anew for what is ordered after it has asked and fallen asleep, within the bound of an hour", async () => {
		const { pass, sent, runner, order, poll } = bench;
		runner.start();
		for (let i = 0; i < 6; i++) {
			await order();
			await pass(Seconds(5));
			await poll();
			await pass(Minutes(2));
		}
		expect(sent).toHaveLength(3);
		await order();
		await pass(Minutes(50));
		expect(sent).toHaveLength(4);
	});

	it("is left alone while it is awake; a new order does not make the eIM forget what has been asked", async () => {
		const { pass, sent, runner, order, poll } = bench;
		runner.start();
		await poll();
		await order();
		await pass(Seconds(29));
		expect(sent).toEqual([]);
		await pass(Seconds(3));
		expect(sent).toHaveLength(1);
		await order();
		await pass(Minutes(9));
		expect(sent).toHaveLength(1);
	});

	it("is tried again when the way fails, and the reason stays to be read", async () => {
		const { pass, sent, runner, order, state } = bench;
		state.failure = new WakeError("WAKE_SMSC_UNREACHABLE", "connection refused");
		runner.start();
		await order();
		await pass(Seconds(40));
		expect(await states()).toEqual(["failed", "failed"]);
		const [last] = (await store.listWakeUps(eid, { limit: 1 })).items;
		expect(last?.error).toBe("WAKE_SMSC_UNREACHABLE: connection refused");
		state.failure = undefined;
		await pass(Minutes(2));
		expect(sent).toHaveLength(3);
		expect((await states())[0]).toBe("sent");
	});

	it("is not woken twice by an order that comes while the wake-up goes out, nor is that order forgotten", async () => {
		const { pass, sent, runner, order, poll, state } = bench;
		const open = closeGate(state);
		await order();
		const first = runner.runDue();
		await pass(0);
		expect(sent).toHaveLength(1);
		await order();
		open();
		await first;
		await runner.runDue();
		expect(sent).toHaveLength(1);
		await poll();
		await order();
		runner.start();
		await pass(Minutes(1));
		expect(sent).toHaveLength(2);
	});

	it("is not woken twice when the process died while it sent", async () => {
		const { pass, runner, order, state, sent } = bench;
		const open = closeGate(state);
		await order();
		void runner.runDue();
		await pass(0);
		expect(await states()).toEqual(["sending"]);
		const other = benchOn(store);
		other.runner.start();
		await other.pass(Minutes(9));
		expect([sent.length, other.sent.length]).toEqual([1, 0]);
		await other.pass(Minutes(2));
		expect(other.sent).toHaveLength(1);
		await other.runner.stop();
		other.stop();
		open();
	});

	it("is woken again when it has fetched something and is silent ever since", async () => {
		const { pass, clock, sent, runner, order } = bench;
		runner.start();
		await order();
		await pass(Seconds(5));
		await store.takeNextPackage({ eid, at: clock.now() }, signer());
		await pass(Minutes(9));
		expect(sent).toHaveLength(1);
		await pass(Minutes(2));
		expect(sent).toHaveLength(2);
		await bench.poll();
		await pass(Minutes(30));
		expect(sent).toHaveLength(2);
	});

	it("is not woken for what is held, and is when that is over", async () => {
		const { pass, clock, sent, runner, order, poll } = bench;
		runner.start();
		const id = await order();
		await pass(Seconds(5));
		await store.takeNextPackage({ eid, at: clock.now() }, signer());
		const drop = { kind: "packageDropped", at: clock.now(), reason: { text: "later" } } as const;
		await store.moveOperation(id, { ...drop, heldUntil: clock.now() + Minutes(40) });
		await pass(Minutes(39));
		expect(sent).toHaveLength(1);
		expect(await store.findJob("deviceWakeUp", eid)).toMatchObject({ runAfter: drop.at + Minutes(40) });
		await pass(Minutes(2));
		expect(sent).toHaveLength(2);
		expect(sent[1]?.at).toBe(drop.at + Minutes(40));
		await poll();
		await pass(Hours(1));
		expect(sent).toHaveLength(2);
	});

	it("is waited for when it comes by itself soon, as its operator has told", async () => {
		const { pass, sent, runner, order, poll } = bench;
		const awake: AwakeRule = { by: "schedule", every: Hours(6), for: Seconds(30), at: START + Seconds(50) };
		await store.changeDevice(eid, { awake });
		runner.start();
		await order();
		await pass(Seconds(55));
		expect(sent).toEqual([]);
		await poll();
		await pass(Hours(1));
		expect(sent).toEqual([]);
		await order();
		await pass(Seconds(2));
		expect(sent).toHaveLength(1);
	});
});

it("a receipt finds its wake-up, which the event stream tells, and wake-ups are forgotten in time", async () => {
	const { pass, runner, order } = bench;
	runner.start();
	await order();
	await pass(Seconds(1));
	const change = { state: "undelivered", at: START + 5000, error: "EXPIRED" } as const;
	expect(await store.noteWakeUpReceipt("webhook", ["m1"], change)).toBeUndefined();
	expect(await store.noteWakeUpReceipt("sms", ["m2"], change)).toBeUndefined();
	expect(await store.noteWakeUpReceipt("sms", ["m1"], change)).toMatchObject({ state: "undelivered", reference: "m1" });
	await store.noteWakeUpReceipt("sms", ["m1"], change);
	const told = await store.listEvents({ after: 0, limit: 100, types: ["wakeUpReported"] });
	expect(told).toMatchObject([{ facts: { state: "undelivered", error: "EXPIRED" } }]);
	expect(await store.removeWakeUps(START, undefined)).toBeUndefined();
	expect(await states()).toEqual(["undelivered"]);
	await store.removeWakeUps(START + 5000, undefined);
	expect(await states()).toEqual([]);
});
