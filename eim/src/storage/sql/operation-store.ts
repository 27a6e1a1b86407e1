import type { NewEvent } from "../../domain/event.ts";
import type { Operation, OperationState } from "../../domain/operation.ts";
import { StoreError } from "../errors.ts";
import type { Enqueued, IdempotencyClaim, OperationFilter, OperationStore } from "../store.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { all, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { toOperation } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Steps } from "./steps.ts";

/** What waits for one device at most: a poll looks at all of it. */
export const QUEUE_BOUND = 100;

export function operationStore(engine: SqlEngine, steps: Steps, signal: EventSignal): OperationStore {
	const { sql } = engine;
	const byId = statement(sql, (db, p: { id: string }) =>
		db.selectFrom("operations").selectAll().where("id", "=", p.id),
	);

	/** The answer given before under this key, or undefined after the claim has been stored. */
	function* claimKey(claim: IdempotencyClaim): Step<Enqueued | undefined> {
		const insert = sql
			.insertInto("idempotency_keys")
			.values({
				scope: claim.scope,
				key: claim.key,
				digest: claim.digest,
				answer: claim.answer,
				created_at: claim.at,
			})
			.onConflict((conflict) => conflict.doNothing())
			.returning("key");
		if (yield* first(insert.compile())) return undefined;
		const before = yield* first(
			sql
				.selectFrom("idempotency_keys")
				.select(["digest", "answer"])
				.where("scope", "=", claim.scope)
				.where("key", "=", claim.key)
				.compile(),
		);
		return before?.digest === claim.digest ? { kind: "repeated", answer: before.answer } : { kind: "keyReused" };
	}

	return {
		enqueueOperation: (operation, audit, claim) =>
			signal.write(function* (): Step<Enqueued> {
				if (!(yield* steps.loadDevice(operation.eid))) return { kind: "unknownDevice" };
				const earlier = claim && (yield* claimKey(claim));
				if (earlier) return earlier;
				if ((yield* steps.listOpenOperations(operation.eid)).length >= QUEUE_BOUND) {
					throw new StoreError("STORE_QUEUE_FULL", `${QUEUE_BOUND} operations wait for the device already`, {
						context: { eid: operation.eid },
					});
				}
				const events: NewEvent[] = [];
				yield* steps.insertOperation(operation, events);
				yield* steps.appendAudit(audit);
				yield* steps.appendEvents(events);
				return { kind: "enqueued", operation };
			}),

		loadOperation: (id) =>
			engine.read(function* () {
				const row = yield* first(byId({ id }));
				return row && toOperation(row);
			}),

		listOperations: (filter) => listOperations(engine, filter),

		countOperations: () =>
			engine.read(function* () {
				const counts: Partial<Record<OperationState, number>> = {};
				const query = sql
					.selectFrom("operations")
					.select((eb) => ["state", eb.fn.countAll<number>().as("count")])
					.groupBy("state");
				for (const { state, count } of yield* all(query.compile())) counts[state as OperationState] = Number(count);
				return counts;
			}),

		moveOperation: (id, event, audit) =>
			signal.write(function* () {
				const operation = yield* steps.loadOperation(id);
				if (!operation) return undefined;
				const events: NewEvent[] = [];
				const moved = yield* steps.moveOperation(operation, event, events);
				if (moved instanceof Error) return moved;
				if (audit) yield* steps.appendAudit(audit);
				yield* steps.appendEvents(events);
				return moved;
			}),

		expireOperations: (now, limit) =>
			signal.write(function* () {
				const due = sql
					.selectFrom("operations")
					.selectAll()
					.where("finished_at", "is", null)
					.where("expires_at", "<=", now)
					.orderBy("expires_at")
					.limit(limit)
					.$if(engine.dialect === "postgres", (query) => query.forUpdate().skipLocked());
				const expired: Operation[] = [];
				const events: NewEvent[] = [];
				for (const row of yield* all(due.compile())) {
					const moved = yield* steps.moveOperation(toOperation(row), { kind: "expired", at: now }, events);
					if (!(moved instanceof Error)) expired.push(moved);
				}
				yield* steps.appendEvents(events);
				return expired;
			}),

		forgetIdempotencyKeys: (before) =>
			engine.write(function* () {
				yield* run(sql.deleteFrom("idempotency_keys").where("created_at", "<", before).compile());
			}),
	};
}

function listOperations(engine: SqlEngine, filter: OperationFilter) {
	let query = engine.sql.selectFrom("operations").selectAll();
	if (filter.cursor !== undefined) query = query.where("seq", "<", decodeCursor(filter.cursor, "number"));
	if (filter.eid !== undefined) query = query.where("eid", "=", filter.eid);
	if (filter.states?.length) query = query.where("state", "in", filter.states);
	if (filter.types?.length) query = query.where("type", "in", filter.types);
	if (filter.origin !== undefined) query = query.where("origin", "=", filter.origin);
	const compiled = query
		.orderBy("seq", "desc")
		.limit(filter.limit + 1)
		.compile();
	return engine.read(function* () {
		return pageOf(yield* all(compiled), filter.limit, toOperation, (row) => row.seq);
	});
}
