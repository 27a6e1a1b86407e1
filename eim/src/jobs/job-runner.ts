import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger, LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { type Duration, Hours, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { NewEvent } from "../domain/event.ts";
import type { Job, JobKind } from "../domain/job.ts";
import type { JobStore } from "../storage/store.ts";

/**
 * Does the work of one kind of job, and may name an event that tells of it, or when it is done again. What it throws puts
 * the job off, or, as a GiveUp, ends it.
 */
export type JobWork = (job: Job) => Promise<NewEvent | DoneAgain | undefined>;

/** A job that is done again and again: its row stays open. */
export interface DoneAgain {
	readonly runAgainAt: number;
	/** Kept in the row: what the last time came to. */
	readonly error?: string;
}

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

const SHORTEST_WAIT = Milliseconds(20);

/** Put off by 5 s, 10 s, 20 s ... up to 6 hours. */
export function backoff(attempts: number): Duration {
	return Milliseconds(Math.min(Seconds(5) * 2 ** Math.min(attempts - 1, 20), Hours(6)));
}

/** Works off job rows: whatever was under way when a process died is due again when its lease ends. */
export class JobRunner {
	readonly #options: JobRunnerOptions;
	readonly #log: Logger;
	readonly #interval: Duration;
	#running: Promise<number> | undefined;
	#cancelTimer: (() => void) | undefined;
	#isStopped = true;
	#isWoken = false;

	constructor(options: JobRunnerOptions) {
		this.#options = options;
		this.#log = options.logger("eim.jobs");
		this.#interval = options.interval ?? Seconds(5);
	}

	start(): void {
		if (!this.#isStopped) return;
		this.#isStopped = false;
		this.#tick();
	}

	/** Looks for due rows now. */
	wake(): void {
		if (this.#isStopped) return;
		this.#isWoken = true;
		if (this.#running !== undefined || this.#cancelTimer === undefined) return;
		this.#cancelTimer();
		this.#tick();
	}

	/** Does all that is due, once; resolves with how many jobs that were. */
	runDue(): Promise<number> {
		this.#running ??= this.#runDue().finally(() => {
			this.#running = undefined;
		});
		return this.#running;
	}

	/** Resolves when nothing is under way any more. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		this.#cancelTimer?.();
		await this.#running?.catch(() => undefined);
	}

	async #runDue(): Promise<number> {
		const { store, clock, parallel = 8, lease = Minutes(2) } = this.#options;
		let done = 0;
		for (;;) {
			const now = clock.now();
			const jobs = await store.claimDueJobs(parallel, now, now + lease);
			await Promise.all(jobs.map((job) => this.#runOne(job)));
			done += jobs.length;
			if (jobs.length === 0) return done;
		}
	}

	async #runOne(job: Job): Promise<void> {
		const { store, clock, work, attempts = 100 } = this.#options;
		const lease = job.leasedUntil;
		try {
			const done = await work[job.kind](job);
			if (done !== undefined && "runAgainAt" in done) await store.repeatJob(job.id, done.runAgainAt, done.error, lease);
			else await store.completeJob(job.id, clock.now(), done, lease);
		} catch (error) {
			const now = clock.now();
			const why = error instanceof EsimError ? `${error.code}: ${error.message}` : String(error);
			const isOver = error instanceof GiveUp || job.attempts >= attempts;
			const runAfter = isOver ? undefined : now + backoff(job.attempts);
			await store.postponeJob(job.id, why.slice(0, 1000), now, runAfter, lease);
			this.#log.warn(isOver ? "job given up" : "job put off", { kind: job.kind, attempts: job.attempts, error });
		}
	}

	#tick(): void {
		this.#cancelTimer = undefined;
		this.runDue()
			.catch((error) => this.#log.error("jobs cannot be read", { error }))
			.then(() => this.#schedule())
			.catch((error) => this.#log.error("job runner cannot go on", { error }));
	}

	async #schedule(): Promise<void> {
		const { store, clock } = this.#options;
		const next = await store.nextJobAt().catch(() => undefined);
		if (this.#isStopped) return;
		const due = next === undefined ? this.#interval : Math.max(next - clock.now(), SHORTEST_WAIT);
		const wait = this.#isWoken ? SHORTEST_WAIT : Milliseconds(Math.min(this.#interval, due));
		this.#isWoken = false;
		this.#cancelTimer?.();
		this.#cancelTimer = clock.schedule(wait, () => this.#tick());
	}
}
