import type { AuditEntry } from "../../domain/audit-entry.ts";
import type { Event, NewEvent } from "../../domain/event.ts";
import type { EventFilter, EventStore, PageRequest } from "../store.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { all, appendEvents, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { toEvent } from "./rows.ts";

const REMOVED_AT_ONCE = 5000;

export class SqlEventStore implements EventStore {
	readonly #engine: SqlEngine;
	readonly #signal: EventSignal;

	constructor(engine: SqlEngine, signal: EventSignal) {
		this.#engine = engine;
		this.#signal = signal;
	}

	appendEvents(events: readonly NewEvent[]): Promise<void> {
		return this.#signal.write(() => appendEvents(events));
	}

	listEvents({ after, limit, eid, types }: EventFilter): Promise<readonly Event[]> {
		let query = this.#engine.sql.selectFrom("events").selectAll().where("id", ">", after);
		if (eid !== undefined) query = query.where("eid", "=", eid);
		if (types?.length) query = query.where("type", "in", types);
		const inOrder = query.orderBy("id").limit(limit).compile();
		return this.#engine.read(function* () {
			return (yield* all(inOrder)).map(toEvent);
		});
	}

	async lastEventId(): Promise<number> {
		const query = this.#engine.sql.selectFrom("events").select("id").orderBy("id", "desc").limit(1).compile();
		return (await this.#engine.read(() => first(query)))?.id ?? 0;
	}

	onEvents(listener: () => void): () => void {
		return this.#signal.onEvents(listener);
	}

	async listAudit({ limit, cursor, subject }: PageRequest & { subject?: string | undefined }) {
		let query = this.#engine.sql.selectFrom("audit").selectAll();
		if (cursor !== undefined) query = query.where("id", "<", decodeCursor(cursor, "number"));
		if (subject !== undefined) query = query.where("subject", "=", subject);
		const page = query
			.orderBy("id", "desc")
			.limit(limit + 1)
			.compile();
		return this.#engine.read(function* () {
			const toEntry = (row: { facts: string } & Omit<AuditEntry, "facts">): AuditEntry => ({
				...row,
				facts: JSON.parse(row.facts) as AuditEntry["facts"],
			});
			return pageOf(yield* all(page), limit, toEntry, (row) => row.id);
		});
	}

	async removeEvents(before: number): Promise<void> {
		while (await this.#engine.write(() => this.#removeSome(before)));
	}

	/** From the first on, some at a time: looking for old ones all over the table would take ever longer. */
	*#removeSome(before: number): Step<boolean> {
		const { sql } = this.#engine;
		const oldest = yield* first(sql.selectFrom("events").select(["id", "at"]).orderBy("id").limit(1).compile());
		if (!oldest || oldest.at >= before) return false;
		const some = sql.deleteFrom("events").where("id", "<", oldest.id + REMOVED_AT_ONCE);
		yield* run(some.where("at", "<", before).compile());
		return true;
	}
}
