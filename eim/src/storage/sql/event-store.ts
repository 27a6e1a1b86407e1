import type { AuditEntry } from "../../domain/audit-entry.ts";
import type { EventStore } from "../store.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { all, first, run, type SqlEngine } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { toEvent } from "./rows.ts";
import type { Steps } from "./steps.ts";

export function eventStore(engine: SqlEngine, steps: Steps, signal: EventSignal): EventStore {
	const { sql } = engine;
	return {
		appendEvents: (events) => signal.write(() => steps.appendEvents(events)),

		listEvents: ({ after, limit, eid, types }) => {
			let query = sql.selectFrom("events").selectAll().where("id", ">", after);
			if (eid !== undefined) query = query.where("eid", "=", eid);
			if (types?.length) query = query.where("type", "in", types);
			const compiled = query.orderBy("id").limit(limit).compile();
			return engine.read(function* () {
				return (yield* all(compiled)).map(toEvent);
			});
		},

		lastEventId: () =>
			engine.read(function* () {
				const row = yield* first(sql.selectFrom("events").select("id").orderBy("id", "desc").limit(1).compile());
				return row?.id ?? 0;
			}),

		onEvents: (listener) => signal.onEvents(listener),

		listAudit: ({ limit, cursor, subject }) => {
			let query = sql.selectFrom("audit").selectAll();
			if (cursor !== undefined) query = query.where("id", "<", decodeCursor(cursor, "number"));
			if (subject !== undefined) query = query.where("subject", "=", subject);
			const compiled = query
				.orderBy("id", "desc")
				.limit(limit + 1)
				.compile();
			return engine.read(function* () {
				return pageOf(
					yield* all(compiled),
					limit,
					(row): AuditEntry => ({ ...row, facts: JSON.parse(row.facts) as AuditEntry["facts"] }),
					(row) => row.id,
				);
			});
		},

		removeEvents: (before) =>
			engine.write(function* () {
				yield* run(sql.deleteFrom("events").where("at", "<", before).compile());
			}),
	};
}
