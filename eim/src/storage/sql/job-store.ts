import type { Eid } from "@iot-esim/shared/ids/eid";
import type { ExpressionBuilder } from "kysely";
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
import type { Tables } from "./tables.ts";

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
			.set((eb) => ({
				leased_until: leasedUntil,
				attempts: eb("attempts", "+", 1),
				renewed_for: eb.case().when("renewed_for", ">", now).then(eb.ref("renewed_for")).else(null).end(),
			}))
			.where("seq", "in", due)
			.returningAll()
			.compile();
		return this.#engine.write(function* (): Step<readonly Job[]> {
			const jobs = (yield* all(claim)).map(toJob);
			return jobs.sort((a, b) => a.runAfter - b.runAfter || Number(a.id) - Number(b.id));
		});
	}

	completeJob(id: string, at: number, event?: NewEvent, lease?: number): Promise<void> {
		const close = this.#close(id, at, null, lease);
		return this.#signal.write(function* () {
			const closed = yield* first(close);
			if (closed && event) yield* appendEvents([event]);
		});
	}

	postponeJob(id: string, error: string, at: number, runAfter?: number, lease?: number): Promise<void> {
		const postpone =
			runAfter === undefined
				? this.#close(id, at, error, lease)
				: this.#leased(id, lease)
						.set((eb) => ({ run_after: sooner(eb, runAfter), leased_until: sooner(eb, at), last_error: error }))
						.compile();
		return this.#engine.write(() => run(postpone));
	}

	repeatJob(id: string, runAfter: number, error?: string, lease?: number): Promise<void> {
		const again = this.#leased(id, lease)
			.set((eb) => ({
				run_after: sooner(eb, runAfter),
				attempts: 0,
				leased_until: null,
				last_error: error ?? null,
			}))
			.compile();
		return this.#engine.write(() => run(again));
	}

	findJob(kind: JobKind, reference: string): Promise<Job | undefined> {
		const open = this.#engine.sql.selectFrom("jobs").selectAll().where("completed_at", "is", null);
		const query = open.where("kind", "=", kind).where("reference", "=", reference).compile();
		return this.#engine.read(function* () {
			const row = yield* first(query);
			return row && toJob(row);
		});
	}

	/** Done or given up; a job that was renewed since it was leased stays open for that. */
	#close(id: string, at: number, error: string | null, lease: number | undefined) {
		return this.#leased(id, lease)
			.set((eb) => ({
				completed_at: eb.case().when("renewed_for", "is", null).then(at).else(eb.ref("completed_at")).end(),
				run_after: eb.fn.coalesce("renewed_for", "run_after"),
				attempts: eb.case().when("renewed_for", "is", null).then(eb.ref("attempts")).else(0).end(),
				renewed_for: null,
				leased_until: null,
				last_error: error,
			}))
			.returning("seq")
			.compile();
	}

	/** The job, while this is its lease: whoever lost it has no say in it. */
	#leased(id: string, lease: number | undefined) {
		const update = this.#engine.sql.updateTable("jobs").where("seq", "=", Number(id)).where("completed_at", "is", null);
		return lease === undefined ? update : update.where("leased_until", "=", lease);
	}

	removeJobs(before: number, after: number | undefined): Promise<number | undefined> {
		return this.#engine.write(() => removeJobs(this.#engine, before, after));
	}

	async nextJobAt(kinds?: readonly JobKind[]): Promise<number | undefined> {
		const { sql } = this.#engine;
		const open = sql.selectFrom("jobs").select(["run_after", "leased_until"]).where("completed_at", "is", null);
		const query = open
			.$if(kinds !== undefined, (jobs) => jobs.where("kind", "in", kinds ?? []))
			.orderBy("run_after")
			.limit(LEASED_AT_ONCE)
			.compile();
		const next = await this.#engine.read(() => all(query));
		if (next.length === 0) return undefined;
		return Math.min(...next.map(({ run_after, leased_until }) => Math.max(run_after, leased_until ?? 0)));
	}
}

/** More jobs than are under way at a time: those stand before the one that is due next. */
const LEASED_AT_ONCE = 100;

/** At this moment, or at the one for which the job was renewed, should that be sooner. */
function sooner(eb: ExpressionBuilder<Tables, "jobs">, runAfter: number) {
	return eb.case().when("renewed_for", "<", runAfter).then(eb.ref("renewed_for").$notNull()).else(runAfter).end();
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
