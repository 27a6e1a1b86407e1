import type { NewAuditEntry } from "../../domain/audit-entry.ts";
import type { NewEvent } from "../../domain/event.ts";
import type { Operation, OperationEvent, OperationState } from "../../domain/operation.ts";
import { StoreError } from "../errors.ts";
import type { Enqueued, IdempotencyClaim, OperationFilter, OperationStore } from "../store.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { all, appendEvents, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { removeOperations } from "./removed-rows.ts";
import { toOperation } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Steps } from "./steps.ts";

/** What waits for one device at most: a poll looks at all of it. */
export const QUEUE_BOUND = 100;
/** Room beyond it for what the eIM orders for itself, without which operators' orders may be of no use. */
const OWN_RESERVE = 20;

export class SqlOperationStore implements OperationStore {
	readonly #engine: SqlEngine;
	readonly #steps: Steps;
	readonly #signal: EventSignal;
	readonly #byId;

	constructor(engine: SqlEngine, steps: Steps, signal: EventSignal) {
		this.#engine = engine;
		this.#steps = steps;
		this.#signal = signal;
		this.#byId = statement(engine.sql, (db, p: { id: string }) =>
			db.selectFrom("operations").selectAll().where("id", "=", p.id),
		);
	}

	enqueueOperation(operation: Operation, audit: NewAuditEntry, claim?: IdempotencyClaim): Promise<Enqueued> {
		return this.#signal.write(() => this.#enqueue(operation, audit, claim));
	}

	*#enqueue(operation: Operation, audit: NewAuditEntry, claim: IdempotencyClaim | undefined): Step<Enqueued> {
		if (!(yield* this.#steps.loadDevice(operation.eid))) return { kind: "unknownDevice" };
		const earlier = claim && (yield* this.#claimKey(claim));
		if (earlier) return earlier;
		const bound = operation.origin === "eim" ? QUEUE_BOUND + OWN_RESERVE : QUEUE_BOUND;
		if ((yield* this.#steps.listOpenOperations(operation.eid)).length >= bound) {
			throw new StoreError("STORE_QUEUE_FULL", `${bound} operations wait for the device already`, {
				context: { eid: operation.eid },
			});
		}
		const events: NewEvent[] = [];
		yield* this.#steps.insertOperation(operation, events);
		yield* this.#steps.appendAudit(audit);
		yield* appendEvents(events);
		return { kind: "enqueued", operation };
	}

	/** The answer given before under this key, or undefined after the claim has been stored. */
	*#claimKey(claim: IdempotencyClaim): Step<Enqueued | undefined> {
		const { sql } = this.#engine;
		const { scope, key, digest, answer } = claim;
		const insert = sql
			.insertInto("idempotency_keys")
			.values({ scope, key, digest, answer, created_at: claim.at })
			.onConflict((conflict) => conflict.doNothing())
			.returning("key");
		if (yield* first(insert.compile())) return undefined;
		const stored = sql.selectFrom("idempotency_keys").select(["digest", "answer"]);
		const before = yield* first(stored.where("scope", "=", scope).where("key", "=", key).compile());
		return before?.digest === digest ? { kind: "repeated", answer: before.answer } : { kind: "keyReused" };
	}

	loadOperation(id: string): Promise<Operation | undefined> {
		const query = this.#byId({ id });
		return this.#engine.read(function* () {
			const row = yield* first(query);
			return row && toOperation(row);
		});
	}

	async listOperations(filter: OperationFilter) {
		let query = this.#engine.sql.selectFrom("operations").selectAll();
		if (filter.cursor !== undefined) query = query.where("seq", "<", decodeCursor(filter.cursor, "number"));
		if (filter.eid !== undefined) query = query.where("eid", "=", filter.eid);
		if (filter.states?.length) query = query.where("state", "in", filter.states);
		if (filter.types?.length) query = query.where("type", "in", filter.types);
		if (filter.origin !== undefined) query = query.where("origin", "=", filter.origin);
		const page = query
			.orderBy("seq", "desc")
			.limit(filter.limit + 1)
			.compile();
		return this.#engine.read(function* () {
			return pageOf(yield* all(page), filter.limit, toOperation, (row) => row.seq);
		});
	}

	countOpenOperations() {
		const query = this.#engine.sql
			.selectFrom("operations")
			.select((eb) => ["state", eb.fn.countAll<number>().as("count")])
			.where("finished_at", "is", null)
			.groupBy("state")
			.compile();
		return this.#engine.read(function* () {
			const counts: Partial<Record<OperationState, number>> = {};
			for (const { state, count } of yield* all(query)) counts[state as OperationState] = Number(count);
			return counts;
		});
	}

	moveOperation(id: string, event: OperationEvent, audit?: NewAuditEntry) {
		return this.#signal.write(() => this.#move(id, event, audit));
	}

	*#move(id: string, event: OperationEvent, audit: NewAuditEntry | undefined) {
		const operation = yield* this.#steps.loadOperation(id);
		if (!operation) return undefined;
		const events: NewEvent[] = [];
		const moved = yield* this.#steps.moveOperation(operation, event, events);
		if (moved instanceof Error) return moved;
		if (audit) yield* this.#steps.appendAudit(audit);
		yield* appendEvents(events);
		return moved;
	}

	expireOperations(now: number, limit: number): Promise<readonly Operation[]> {
		return this.#signal.write(() => this.#expire(now, limit));
	}

	*#expire(now: number, limit: number): Step<readonly Operation[]> {
		const due = this.#engine.sql
			.selectFrom("operations")
			.selectAll()
			.where("finished_at", "is", null)
			.where("expires_at", "<=", now)
			.orderBy("expires_at")
			.limit(limit)
			.$if(this.#engine.dialect === "postgres", (query) => query.forUpdate().skipLocked());
		const expired: Operation[] = [];
		const events: NewEvent[] = [];
		for (const row of yield* all(due.compile())) {
			const moved = yield* this.#steps.moveOperation(toOperation(row), { kind: "expired", at: now }, events);
			if (!(moved instanceof Error)) expired.push(moved);
		}
		yield* appendEvents(events);
		return expired;
	}

	removeOperations(before: number, after: number | undefined): Promise<number | undefined> {
		return this.#engine.write(() => removeOperations(this.#engine, before, after));
	}

	forgetIdempotencyKeys(before: number): Promise<void> {
		const query = this.#engine.sql.deleteFrom("idempotency_keys").where("created_at", "<", before).compile();
		return this.#engine.write(() => run(query));
	}
}
