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
	/** Jobs of one kind at once; 8 when absent. What takes long or hangs holds up nothing but its own kind. */
	readonly parallel?: number;
	/** Longest time until due rows are looked for again; 5 s when absent. */
	readonly interval?: Duration;
	/** How long a job may take, 2 min when absent: shortly before, it has failed; afterwards another worker may try it. */
	readonly lease?: Duration;
	/** The same for kinds that take another time. */
	readonly leases?: Readonly<Partial<Record<JobKind, Duration>>>;
	/** Told of each try as its row has it: one that took too long has failed, whatever its work comes to later. */
	readonly onTried?: (kind: JobKind, outcome: "done" | "failed") => void;
	/** After this many tries a job is given up; 100 (several weeks) when absent. */
	readonly attempts?: number;
}

const SHORTEST_WAIT = Milliseconds(20);
/** What is due and finds no room is looked at again after this time, should nothing end before. */
const FULL_WAIT = Seconds(1);
/** A job that has had its time is put off while its row is still its worker's. */
const BEFORE_LEASE_ENDS = Seconds(2);

/** Put off by 5 s, 10 s, 20 s ... up to 6 hours. */
export function backoff(attempts: number): Duration {
	return Milliseconds(Math.min(Seconds(5) * 2 ** Math.min(attempts - 1, 20), Hours(6)));
}

/**
 * Works off job rows: whatever was under way when a process died is due again when its lease ends. As soon as one job ends
 * the next begins; each kind has room of its own.
 */
export class JobRunner {
	readonly #options: JobRunnerOptions;
	readonly #log: Logger;
	readonly #interval: Duration;
	readonly #parallel: number;
	/** Another version of the eIM on the same database may leave jobs of kinds that this one cannot do. */
	readonly #kinds: readonly JobKind[];
	/** Kinds by their lease: one look for each. */
	readonly #kindsByLease = new Map<Duration, JobKind[]>();
	/** Ends of what is under way. */
	readonly #underWay = new Map<Promise<void>, JobKind>();
	#ended = 0;
	#looking: Promise<number> | undefined;
	#cancelTimer: (() => void) | undefined;
	#isStopped = true;
	#isWoken = false;

	constructor(options: JobRunnerOptions) {
		const { interval = Seconds(5), parallel = 8, lease = Minutes(2), leases = {}, work } = options;
		this.#options = options;
		this.#log = options.logger("eim.jobs");
		this.#interval = interval;
		this.#parallel = parallel;
		this.#kinds = Object.keys(work) as JobKind[];
		for (const kind of this.#kinds) {
			const own = leases[kind] ?? lease;
			this.#kindsByLease.set(own, [...(this.#kindsByLease.get(own) ?? []), kind]);
		}
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
		if (this.#looking !== undefined || this.#cancelTimer === undefined) return;
		this.#cancelTimer();
		this.#tick();
	}

	/** Does all that is due; resolves when nothing is under way any more, with how many jobs were begun. */
	async runDue(): Promise<number> {
		let begun = 0;
		await this.#looking?.catch(() => 0);
		for (;;) {
			const ended = this.#ended;
			const found = await this.#look();
			begun += found;
			// What has ended meanwhile has left room, and may have made other jobs due.
			if (ended !== this.#ended) continue;
			if (this.#underWay.size > 0) await Promise.race(this.#underWay.keys());
			else if (found === 0) return begun;
		}
	}

	/** Resolves when nothing is under way any more. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		this.#cancelTimer?.();
		await this.#looking?.catch(() => 0);
		await Promise.all(this.#underWay.keys());
	}

	/** Begins what is due and finds room; one look at a time. */
	#look(): Promise<number> {
		this.#looking ??= this.#beginDue().finally(() => {
			this.#looking = undefined;
		});
		return this.#looking;
	}

	async #beginDue(): Promise<number> {
		const { store, clock } = this.#options;
		let begun = 0;
		for (const [lease, kinds] of this.#kindsByLease) {
			for (;;) {
				const open = kinds.filter((kind) => this.#roomFor(kind) > 0);
				if (open.length === 0) break;
				const limit = Math.min(...open.map((kind) => this.#roomFor(kind)));
				const now = clock.now();
				const jobs = await store.claimDueJobs(limit, now, now + lease, open);
				for (const job of jobs) this.#begin(job, lease);
				begun += jobs.length;
				if (jobs.length < limit) break;
			}
		}
		return begun;
	}

	#roomFor(kind: JobKind): number {
		let room = this.#parallel;
		for (const other of this.#underWay.values()) if (other === kind) room--;
		return room;
	}

	#begin(job: Job, lease: Duration): void {
		const end = this.#runOne(job, lease)
			.catch((error) => this.#log.error("the end of a job cannot be noted", { kind: job.kind, error }))
			.finally(() => {
				this.#underWay.delete(end);
				this.#ended++;
				this.wake();
			});
		this.#underWay.set(end, job.kind);
	}

	async #runOne(job: Job, lease: Duration): Promise<void> {
		const { store, clock, onTried, attempts = 100 } = this.#options;
		const { leasedUntil } = job;
		try {
			const done = await this.#inTime(job, lease);
			if (done !== undefined && "runAgainAt" in done) {
				await store.repeatJob(job.id, done.runAgainAt, done.error, leasedUntil);
			} else await store.completeJob(job.id, clock.now(), done, leasedUntil);
			onTried?.(job.kind, "done");
		} catch (error) {
			onTried?.(job.kind, "failed");
			const now = clock.now();
			const why = error instanceof EsimError ? `${error.code}: ${error.message}` : String(error);
			const isOver = error instanceof GiveUp || job.attempts >= attempts;
			const runAfter = isOver ? undefined : now + backoff(job.attempts);
			await store.postponeJob(job.id, why.slice(0, 1000), now, runAfter, leasedUntil);
			this.#log.warn(isOver ? "job given up" : "job put off", { kind: job.kind, attempts: job.attempts, error });
		}
	}

	/** What the work comes to; a failure when it takes too long, whatever it comes to later. */
	#inTime(job: Job, lease: Duration): ReturnType<JobWork> {
		const { clock, work } = this.#options;
		const deadline = Milliseconds(Math.max(lease - BEFORE_LEASE_ENDS, lease / 2));
		return new Promise((resolve, reject) => {
			const cancel = clock.schedule(deadline, () => reject(new Error(`not done within ${deadline / 1000} s`)));
			work[job.kind](job).then(resolve, reject).finally(cancel);
		});
	}

	#tick(): void {
		this.#cancelTimer = undefined;
		this.#look()
			.catch((error) => this.#log.error("jobs cannot be read", { error }))
			.then(() => this.#schedule())
			.catch((error) => this.#log.error("job runner cannot go on", { error }));
	}

	async #schedule(): Promise<void> {
		const { store, clock } = this.#options;
		const next = await store.nextJobAt(this.#kinds).catch(() => undefined);
		if (this.#isStopped) return;
		const now = clock.now();
		const isFull = this.#kinds.some((kind) => this.#roomFor(kind) === 0);
		const shortest = isFull && next !== undefined && next <= now ? FULL_WAIT : SHORTEST_WAIT;
		const due = next === undefined ? this.#interval : Math.max(next - now, shortest);
		const wait = this.#isWoken ? SHORTEST_WAIT : Milliseconds(Math.min(this.#interval, due));
		this.#isWoken = false;
		this.#cancelTimer?.();
		this.#cancelTimer = clock.schedule(wait, () => this.#tick());
	}
}
