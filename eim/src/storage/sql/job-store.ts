import type { Eid } from "@iot-esim/shared/ids/eid";
import type { NewEvent } from "../../domain/event.ts";
import type { Job, JobKind } from "../../domain/job.ts";
import type { Notification, NotificationWithDelivery } from "../../domain/notification.ts";
import type { JobStore, NewJob, PageRequest } from "../store.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { all, appendEvents, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { insertNotifications } from "./notification-steps.ts";
import { removeJobs } from "./removed-rows.ts";
import { toJob, toNotification } from "./rows.ts";
import type { Steps } from "./steps.ts";

export class SqlJobStore implements JobStore {
	readonly #engine: SqlEngine;
	readonly #steps: Steps;
	readonly #signal: EventSignal;

	constructor(engine: SqlEngine, steps: Steps, signal: EventSignal) {
		this.#engine = engine;
		this.#steps = steps;
		this.#signal = signal;
	}

	saveNotifications(notifications: readonly Notification[]): Promise<number> {
		return this.#signal.write(() => this.#saveNotifications(notifications));
	}

	*#saveNotifications(notifications: readonly Notification[]): Step<number> {
		const events: NewEvent[] = [];
		const fresh = yield* insertNotifications(this.#engine, this.#steps, notifications, events);
		yield* appendEvents(events);
		return fresh;
	}

	loadNotification(id: string): Promise<Notification | undefined> {
		const query = this.#engine.sql.selectFrom("notifications").selectAll().where("id", "=", id).compile();
		return this.#engine.read(function* () {
			const row = yield* first(query);
			return row && toNotification(row);
		});
	}

	async listNotifications(eid: Eid, { limit, cursor }: PageRequest) {
		let query = this.#engine.sql
			.selectFrom("notifications")
			.innerJoin("jobs", (join) =>
				join.onRef("jobs.reference", "=", "notifications.id").on("jobs.kind", "=", "notificationDelivery"),
			)
			.selectAll("notifications")
			.select(["jobs.attempts", "jobs.run_after", "jobs.completed_at", "jobs.last_error"])
			.where("notifications.eid", "=", eid);
		if (cursor !== undefined) query = query.where("notifications.seq", "<", decodeCursor(cursor, "number"));
		const page = query
			.orderBy("notifications.seq", "desc")
			.limit(limit + 1)
			.compile();
		return this.#engine.read(function* () {
			return pageOf(yield* all(page), limit, withDelivery, (row) => row.seq);
		});
	}

	saveJobs(jobs: readonly NewJob[], at: number): Promise<void> {
		return this.#signal.write(() => this.#steps.insertJobs(jobs, at));
	}

	onJobs(listener: () => void): () => void {
		return this.#signal.onJobs(listener);
	}

	claimDueJobs(limit: number, now: number, leasedUntil: number, kinds?: readonly JobKind[]) {
		const { sql, dialect } = this.#engine;
		const due = sql
			.selectFrom("jobs")
			.select("seq")
			.where("completed_at", "is", null)
			.where("run_after", "<=", now)
			.where((eb) => eb.or([eb("leased_until", "is", null), eb("leased_until", "<=", now)]))
			.$if(kinds !== undefined, (query) => query.where("kind", "in", kinds ?? []))
			.orderBy("run_after")
			.limit(limit)
			.$if(dialect === "postgres", (query) => query.forUpdate().skipLocked());
		const claim = sql
			.updateTable("jobs")
			.set((eb) => ({ leased_until: leasedUntil, attempts: eb("attempts", "+", 1) }))
			.where("seq", "in", due)
			.returningAll()
			.compile();
		return this.#engine.write(function* (): Step<readonly Job[]> {
			const jobs = (yield* all(claim)).map(toJob);
			return jobs.sort((a, b) => a.runAfter - b.runAfter || Number(a.id) - Number(b.id));
		});
	}

	completeJob(id: string, at: number, event?: NewEvent, lease?: number): Promise<void> {
		const close = this.#update(id, { completed_at: at, leased_until: null, last_error: null }, lease);
		return this.#signal.write(function* () {
			yield* run(close);
			if (event) yield* appendEvents([event]);
		});
	}

	postponeJob(id: string, error: string, at: number, runAfter?: number, lease?: number): Promise<void> {
		const until = runAfter === undefined ? { completed_at: at } : { run_after: runAfter };
		const postpone = this.#update(id, { ...until, leased_until: null, last_error: error }, lease);
		return this.#engine.write(() => run(postpone));
	}

	repeatJob(id: string, runAfter: number, error?: string, lease?: number): Promise<void> {
		const again = { run_after: runAfter, attempts: 0, leased_until: null, last_error: error ?? null };
		return this.#engine.write(() => run(this.#update(id, again, lease)));
	}

	findJob(kind: JobKind, reference: string): Promise<Job | undefined> {
		const open = this.#engine.sql.selectFrom("jobs").selectAll().where("completed_at", "is", null);
		const query = open.where("kind", "=", kind).where("reference", "=", reference).compile();
		return this.#engine.read(function* () {
			const row = yield* first(query);
			return row && toJob(row);
		});
	}

	#update(
		id: string,
		change: {
			completed_at?: number;
			run_after?: number;
			attempts?: number;
			leased_until: null;
			last_error: string | null;
		},
		lease: number | undefined,
	) {
		const update = this.#engine.sql.updateTable("jobs").set(change).where("seq", "=", Number(id));
		return (lease === undefined ? update : update.where("leased_until", "=", lease)).compile();
	}

	removeJobs(before: number, after: number | undefined): Promise<number | undefined> {
		return this.#engine.write(() => removeJobs(this.#engine, before, after));
	}

	async nextJobAt(): Promise<number | undefined> {
		const { sql } = this.#engine;
		const open = sql.selectFrom("jobs").select(["run_after", "leased_until"]).where("completed_at", "is", null);
		const query = open.orderBy("run_after").limit(1).compile();
		const next = await this.#engine.read(() => first(query));
		return next && Math.max(next.run_after, next.leased_until ?? 0);
	}
}

type DeliveryRow = Parameters<typeof toNotification>[0] &
	Pick<Parameters<typeof toJob>[0], "attempts" | "run_after" | "completed_at" | "last_error">;

function withDelivery(row: DeliveryRow): NotificationWithDelivery {
	return {
		...toNotification(row),
		attempts: row.attempts,
		runAfter: row.run_after,
		...(row.completed_at === null ? {} : { completedAt: row.completed_at }),
		...(row.last_error === null ? {} : { lastError: row.last_error }),
	};
}
