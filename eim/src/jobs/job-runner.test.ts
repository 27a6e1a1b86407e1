import type { Clock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { describe, expect, it } from "vitest";
import type { Job } from "../domain/job.ts";
import type { JobStore } from "../storage/store.ts";
import { backoff, GiveUp, JobRunner, type JobWork } from "./job-runner.ts";

type Row = { -readonly [K in keyof Job]: Job[K] };

/** The part of the store that the runner uses, over rows in an array, with the same rules. */
function bench(work: JobWork, rows: Partial<Row>[] = [{}]) {
	const state = { now: 1_000, timers: [] as { due: number; task: () => void }[], completed: [] as string[] };
	const tried: string[] = [];
	const jobs: Row[] = rows.map((row, i) => ({
		id: `${i}`,
		kind: "notificationDelivery",
		reference: `n${i}`,
		attempts: 0,
		runAfter: 0,
		createdAt: 0,
		...row,
	}));
	const clock: Clock = {
		now: () => state.now,
		schedule: (delay, task) => {
			const timer = { due: state.now + delay, task };
			state.timers.push(timer);
			return () => {
				state.timers = state.timers.filter((other) => other !== timer);
			};
		},
	};
	const row = (id: string) => jobs.find((job) => job.id === id) as Row;
	const store = {
		async claimDueJobs(limit: number, now: number, leasedUntil: number, kinds: readonly string[]) {
			const due = jobs
				.filter(({ kind }) => kinds.includes(kind))
				.filter((job) => job.completedAt === undefined && job.runAfter <= now && (job.leasedUntil ?? 0) <= now)
				.slice(0, limit);
			for (const job of due) Object.assign(job, { leasedUntil, attempts: job.attempts + 1 });
			return due.map((job) => ({ ...job }));
		},
		async completeJob(id: string, at: number, _event: unknown, lease: number) {
			if (row(id).leasedUntil !== lease) return;
			row(id).completedAt = at;
			state.completed.push(id);
		},
		async postponeJob(id: string, error: string, at: number, runAfter?: number) {
			Object.assign(
				row(id),
				{ lastError: error, leasedUntil: 0 },
				runAfter === undefined ? { completedAt: at } : { runAfter },
			);
		},
		async nextJobAt(kinds: readonly string[] | undefined) {
			const open = jobs.filter((job) => job.completedAt === undefined && (kinds?.includes(job.kind) ?? true));
			return open.length === 0 ? undefined : Math.min(...open.map((job) => job.runAfter));
		},
	} as unknown as JobStore;
	const all = {
		notificationDelivery: work,
		keptResultVerification: work,
		sessionCancellation: work,
		stateRefresh: work,
		packageInjection: work,
		smdsPolling: work,
		deviceWakeUp: work,
	};
	const onTried = (kind: string, outcome: string) => void tried.push(`${kind} ${outcome}`);
	const { logger } = memoryLogger();
	const runner = new JobRunner({ store, clock, logger, work: all, parallel: 2, attempts: 3, onTried });
	return { state, jobs, runner, tried };
}

const settle = async () => {
	for (let i = 0; i < 60; i++) await Promise.resolve();
};

describe("the job runner", () => {
	it("does all that is due, each job once", async () => {
		const done: string[] = [];
		const { runner, state } = bench(
			async (job) => void done.push(job.reference) as undefined,
			[{}, {}, {}, { runAfter: 9_999 }],
		);
		expect(await runner.runDue()).toBe(3);
		expect(done.sort()).toEqual(["n0", "n1", "n2"]);
		expect(state.completed).toHaveLength(3);
		expect(await runner.runDue()).toBe(0);
	});

	it("puts a failed job off, longer each time, and gives it up at last with its error kept", async () => {
		const { runner, state, jobs } = bench(() => Promise.reject(new EsimError("ES9PLUS_UNREACHABLE", "no line")));
		await runner.runDue();
		expect(jobs[0]).toMatchObject({
			attempts: 1,
			runAfter: 1_000 + Seconds(5),
			lastError: "ES9PLUS_UNREACHABLE: no line",
		});
		expect(await runner.runDue()).toBe(0);
		state.now += Seconds(5);
		await runner.runDue();
		expect(jobs[0]?.runAfter).toBe(state.now + Seconds(10));
		state.now += Seconds(10);
		await runner.runDue();
		expect(jobs[0]).toMatchObject({ attempts: 3, completedAt: state.now });
	});

	it("gives up at once what can never be done", async () => {
		const { runner, jobs } = bench(() => Promise.reject(new GiveUp("gone")));
		await runner.runDue();
		expect(jobs[0]).toMatchObject({ attempts: 1, completedAt: 1_000, lastError: "Error: gone" });
	});

	it("leaves a job whose worker died to the next one when the lease ends", async () => {
		const done: string[] = [];
		const { runner, state } = bench(
			async (job) => void done.push(job.id) as undefined,
			[{ leasedUntil: 1_000 + Minutes(2) }],
		);
		expect(await runner.runDue()).toBe(0);
		state.now += Minutes(2);
		expect(await runner.runDue()).toBe(1);
	});

	it("holds up nothing but its own kind when a job hangs, and puts that off before its lease ends", async () => {
		const hanging: (() => void)[] = [];
		const done: string[] = [];
		const { runner, state, jobs, tried } = bench(
			async (job) => {
				if (job.kind === "packageInjection") await new Promise<void>((resolve) => hanging.push(resolve));
				done.push(job.reference);
				return undefined;
			},
			[...Array.from({ length: 3 }, () => ({ kind: "packageInjection" }) as const), {}, {}, {}],
		);
		let begun: number | undefined;
		runner.runDue().then((count) => {
			begun = count;
		});
		await settle();
		expect([hanging.length, done, begun]).toEqual([2, ["n3", "n4", "n5"], undefined]);
		hanging[0]?.();
		await settle();
		expect([hanging.length, done.at(-1)]).toEqual([3, "n0"]);
		const expire = () => {
			const [next] = state.timers.splice(0, 1);
			state.now = next?.due ?? 0;
			next?.task();
		};
		expect(state.timers.map(({ due }) => due)).toEqual(Array(2).fill(1_000 + Minutes(2) - Seconds(2)));
		expire();
		expire();
		await settle();
		expect(begun).toBe(6);
		const late = { lastError: "Error: not done within 118 s", attempts: 1, runAfter: state.now + Seconds(5) };
		expect(jobs.slice(1, 3)).toMatchObject([late, late]);
		hanging[1]?.();
		await settle();
		expect(state.completed).toEqual(["3", "4", "5", "0"]);
		const injections = tried.filter((what) => what.startsWith("packageInjection"));
		expect(injections).toEqual(["done", "failed", "failed"].map((outcome) => `packageInjection ${outcome}`));
	});

	it("begins what becomes due while other jobs are under way", async () => {
		const done: string[] = [];
		const { runner, state, jobs } = bench(
			async (job) => {
				if (job.kind === "packageInjection") await new Promise(() => undefined);
				done.push(job.reference);
				return undefined;
			},
			[{ kind: "packageInjection" }, { runAfter: 9_000 }, { runAfter: 99_000 }],
		);
		runner.start();
		await settle();
		(jobs[1] as Row).runAfter = 0;
		runner.wake();
		await settle();
		expect(done).toEqual(["n1"]);
		state.now = 99_000;
		for (const { due, task } of state.timers.splice(0)) if (due < 100_000) task();
		await settle();
		expect(done).toEqual(["n1", "n2"]);
	});

	it("runs by itself on the clock, at once when woken, and not after it was stopped", async () => {
		const done: string[] = [];
		const { runner, state, jobs } = bench(async (job) => void done.push(job.id) as undefined, [{ runAfter: 3_000 }]);
		runner.start();
		await settle();
		expect(done).toEqual([]);
		expect(state.timers.map((timer) => timer.due)).toEqual([3_000]);
		(jobs[0] as Row).runAfter = 0;
		runner.wake();
		await settle();
		expect(done).toEqual(["0"]);
		await runner.stop();
		expect(state.timers).toEqual([]);
		(jobs[0] as Row).completedAt = undefined as never;
		runner.wake();
		await settle();
		expect(done).toEqual(["0"]);
	});

	it("does not look again and again for what only a newer version of the eIM can do", async () => {
		const { runner, state } = bench(async () => undefined, [{ kind: "ofNextYear" as never }]);
		runner.start();
		await settle();
		expect(state.timers.map((timer) => timer.due)).toEqual([1_000 + Seconds(5)]);
		await runner.stop();
	});

	it("waits at most six hours between two tries", () => {
		expect(backoff(1)).toBe(Seconds(5));
		expect(backoff(4)).toBe(Seconds(40));
		expect(backoff(99)).toBe(6 * 3_600_000);
	});
});
