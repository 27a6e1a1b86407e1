import type { NewEvent } from "../../domain/event.ts";
import type { NotificationWithDelivery } from "../../domain/notification.ts";
import type { JobStore } from "../store.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { all, first, run, type SqlEngine } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { closeJob, insertNotifications } from "./notification-steps.ts";
import { toJob, toNotification } from "./rows.ts";
import type { Steps } from "./steps.ts";

export function jobStore(engine: SqlEngine, steps: Steps, signal: EventSignal): JobStore {
	const { sql } = engine;
	return {
		saveNotifications: (notifications) =>
			signal.write(function* () {
				const events: NewEvent[] = [];
				const fresh = yield* insertNotifications(engine, steps, notifications, events);
				yield* steps.appendEvents(events);
				return fresh;
			}),

		loadNotification: (id) =>
			engine.read(function* () {
				const row = yield* first(sql.selectFrom("notifications").selectAll().where("id", "=", id).compile());
				return row && toNotification(row);
			}),

		listNotifications: (eid, { limit, cursor }) => {
			let query = sql
				.selectFrom("notifications")
				.innerJoin("jobs", (join) =>
					join.onRef("jobs.reference", "=", "notifications.id").on("jobs.kind", "=", "notificationDelivery"),
				)
				.selectAll("notifications")
				.select(["jobs.attempts", "jobs.run_after", "jobs.completed_at", "jobs.last_error"])
				.where("notifications.eid", "=", eid);
			if (cursor !== undefined) query = query.where("notifications.seq", "<", decodeCursor(cursor, "number"));
			const compiled = query
				.orderBy("notifications.seq", "desc")
				.limit(limit + 1)
				.compile();
			return engine.read(function* () {
				return pageOf(
					yield* all(compiled),
					limit,
					(row): NotificationWithDelivery => ({
						...toNotification(row),
						attempts: row.attempts,
						runAfter: row.run_after,
						...(row.completed_at === null ? {} : { completedAt: row.completed_at }),
						...(row.last_error === null ? {} : { lastError: row.last_error }),
					}),
					(row) => row.seq,
				);
			});
		},

		saveJobs: (jobs, at) => signal.write(() => steps.insertJobs(jobs, at)),

		onJobs: (listener) => signal.onJobs(listener),

		claimDueJobs: (limit, now, leasedUntil, kinds) =>
			engine.write(function* () {
				const due = sql
					.selectFrom("jobs")
					.select("seq")
					.where("completed_at", "is", null)
					.where("run_after", "<=", now)
					.where((eb) => eb.or([eb("leased_until", "is", null), eb("leased_until", "<=", now)]))
					.$if(kinds !== undefined, (query) => query.where("kind", "in", kinds ?? []))
					.orderBy("run_after")
					.limit(limit)
					.$if(engine.dialect === "postgres", (query) => query.forUpdate().skipLocked());
				const claim = sql
					.updateTable("jobs")
					.set((eb) => ({ leased_until: leasedUntil, attempts: eb("attempts", "+", 1) }))
					.where("seq", "in", due)
					.returningAll();
				const rows = yield* all(claim.compile());
				return rows.map(toJob).sort((a, b) => a.runAfter - b.runAfter || Number(a.id) - Number(b.id));
			}),

		completeJob: (id, at, event) =>
			signal.write(function* () {
				yield* closeJob(engine, id, at, null);
				if (event) yield* steps.appendEvents([event]);
			}),

		postponeJob: (id, error, at, runAfter) =>
			engine.write(function* () {
				if (runAfter === undefined) return yield* closeJob(engine, id, at, error);
				const change = { run_after: runAfter, leased_until: null, last_error: error };
				yield* run(sql.updateTable("jobs").set(change).where("seq", "=", Number(id)).compile());
			}),

		nextJobAt: () =>
			engine.read(function* () {
				const open = sql.selectFrom("jobs").select(["run_after", "leased_until"]).where("completed_at", "is", null);
				const row = yield* first(open.orderBy("run_after").limit(1).compile());
				return row && Math.max(row.run_after, row.leased_until ?? 0);
			}),
	};
}
