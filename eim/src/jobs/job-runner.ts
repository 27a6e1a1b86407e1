import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { type Duration, Hours, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { NewEvent } from "../domain/event.ts";
import type { Job, JobKind } from "../domain/job.ts";
import type { JobStore } from "../storage/store.ts";

/**
 * Does the work of one kind of job, and may name an event that tells of it. What it throws puts the job off, or, as a
 * GiveUp, ends it.
 */
export type JobWork = (job: Job) => Promise<NewEvent | undefined>;

/** A job that can never be done; the row keeps why. */
export class GiveUp extends Error {}

export interface JobRunnerOptions {
	readonly store: JobStore;
	readonly clock: Clock;
	readonly logger: LoggerFactory;
	readonly work: Readonly<Record<JobKind, JobWork>>;
	/** Jobs at once; 8 when absent. */
	readonly parallel?: number;
	/** Longest time until due rows are looked for again; 5 s when absent. */
	readonly interval?: Duration;
	/** How long a job may take before another worker may try it; 2 min when absent. */
	readonly lease?: Duration;
	/** After this many tries a job is given up; 100 (several weeks) when absent. */
	readonly attempts?: number;
}

/** Works off job rows: whatever was under way when a process died is due again when its lease ends. */
export interface JobRunner {
	start(): void;
	/** Looks for due rows now. */
	wake(): void;
	/** Does all that is due, once; for tests and for a program that ends. */
	runDue(): Promise<number>;
	/** Resolves when nothing is under way any more. */
	stop(): Promise<void>;
}

const SHORTEST_WAIT = Milliseconds(20);

/** Put off by 5 s, 10 s, 20 s ... up to 6 hours. */
export function backoff(attempts: number): Duration {
	return Milliseconds(Math.min(Seconds(5) * 2 ** Math.min(attempts - 1, 20), Hours(6)));
}

export function createJobRunner(options: JobRunnerOptions): JobRunner {
	const { store, clock, work } = options;
	const log = options.logger("eim.jobs");
	const parallel = options.parallel ?? 8;
	const interval = options.interval ?? Seconds(5);
	const lease = options.lease ?? Minutes(2);
	const attempts = options.attempts ?? 100;
	let running: Promise<number> | undefined;
	let cancelTimer: (() => void) | undefined;
	let isStopped = true;
	let isWoken = false;

	const runOne = async (job: Job): Promise<void> => {
		try {
			const event = await work[job.kind](job);
			await store.completeJob(job.id, clock.now(), event);
		} catch (error) {
			const now = clock.now();
			const why = error instanceof EsimError ? `${error.code}: ${error.message}` : String(error);
			const isOver = error instanceof GiveUp || job.attempts >= attempts;
			await store.postponeJob(job.id, why.slice(0, 1000), now, isOver ? undefined : now + backoff(job.attempts));
			log.warn(isOver ? "job given up" : "job put off", { kind: job.kind, attempts: job.attempts, error });
		}
	};

	const runDue = async (): Promise<number> => {
		let done = 0;
		for (;;) {
			const now = clock.now();
			const jobs = await store.claimDueJobs(parallel, now, now + lease);
			await Promise.all(jobs.map(runOne));
			done += jobs.length;
			if (jobs.length === 0) return done;
		}
	};

	const once = (): Promise<number> => {
		running ??= runDue().finally(() => {
			running = undefined;
		});
		return running;
	};

	const schedule = async (): Promise<void> => {
		const next = await store.nextJobAt().catch(() => undefined);
		if (isStopped) return;
		const wait = next === undefined ? interval : Math.min(interval, Math.max(next - clock.now(), SHORTEST_WAIT));
		cancelTimer?.();
		cancelTimer = clock.schedule(Milliseconds(isWoken ? SHORTEST_WAIT : wait), tick);
		isWoken = false;
	};

	const tick = (): void => {
		cancelTimer = undefined;
		once()
			.catch((error) => log.error("jobs cannot be read", { error }))
			.then(schedule)
			.catch((error) => log.error("job runner cannot go on", { error }));
	};

	return {
		start() {
			if (!isStopped) return;
			isStopped = false;
			tick();
		},
		wake() {
			if (isStopped) return;
			isWoken = true;
			if (running !== undefined || cancelTimer === undefined) return;
			cancelTimer();
			tick();
		},
		runDue: once,
		async stop() {
			isStopped = true;
			cancelTimer?.();
			await running?.catch(() => undefined);
		},
	};
}
