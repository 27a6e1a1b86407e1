import { createHash } from "node:crypto";
import { sql as raw } from "kysely";
import type { NewAuditEntry } from "../../domain/audit-entry.ts";
import type { DomainError } from "../../domain/errors.ts";
import type { EventType, NewEvent } from "../../domain/event.ts";
import { nextOperation, type Operation, type OperationEvent, type OperationState } from "../../domain/operation.ts";
import type { NewJob } from "../store.ts";
import { all, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { fromOperation, toDevice, toOperation } from "./rows.ts";
import { statement } from "./statement.ts";

/** Any number will do, as long as no other program uses it in the same database. */
const EVENT_LOCK = 7_320_032;

/** The steps that several parts of the store are made of. */
export type Steps = ReturnType<typeof makeSteps>;

export function makeSteps(engine: SqlEngine, signal: EventSignal) {
	const { sql } = engine;
	const isPostgres = engine.dialect === "postgres";
	const deviceByEid = statement(sql, (db, p: { eid: string }) =>
		db
			.selectFrom("devices")
			.selectAll()
			.where("eid", "=", p.eid)
			// Whoever changes something of a device holds its row: the steps of one device never interleave.
			.$if(isPostgres, (query) => query.forUpdate()),
	);
	const operationById = statement(sql, (db, p: { id: string }) =>
		db
			.selectFrom("operations")
			.selectAll()
			.where("id", "=", p.id)
			.$if(isPostgres, (query) => query.forUpdate()),
	);
	const updateOperation = statement(
		sql,
		(
			db,
			p: {
				id: string;
				state: string;
				reasonText: string | null;
				reasonCode: string | null;
				outcome: string | null;
				updatedAt: number;
				sentAt: number | null;
				finishedAt: number | null;
			},
		) =>
			db
				.updateTable("operations")
				.set({
					state: p.state,
					reason_text: p.reasonText,
					reason_code: p.reasonCode,
					outcome: p.outcome,
					updated_at: p.updatedAt,
					sent_at: p.sentAt,
					finished_at: p.finishedAt,
				})
				.where("id", "=", p.id),
	);
	const insertEvent = statement(
		sql,
		(db, p: { at: number; type: string; eid: string | null; operationId: string | null; facts: string }) =>
			db
				.insertInto("events")
				.values({ at: p.at, type: p.type, eid: p.eid, operation_id: p.operationId, facts: p.facts }),
	);
	const insertJob = statement(sql, (db, p: { kind: string; reference: string; runAfter: number; at: number }) =>
		db
			.insertInto("jobs")
			.values({ kind: p.kind, reference: p.reference, attempts: 0, run_after: p.runAfter, created_at: p.at })
			.onConflict((conflict) => conflict.doNothing()),
	);
	const eventLock = raw<unknown>`select pg_advisory_xact_lock(${raw.lit(EVENT_LOCK)})`.compile(sql);

	/** Last in its transaction: on PostgreSQL it makes the order of ids the order of commits. */
	function* appendEvents(events: readonly NewEvent[]): Step<void> {
		if (events.length === 0) return;
		if (isPostgres) yield* run(eventLock);
		for (const { at, type, eid, operationId, facts } of events) {
			yield* run(
				insertEvent({ at, type, eid: eid ?? null, operationId: operationId ?? null, facts: JSON.stringify(facts) }),
			);
		}
	}

	function* appendAudit(entry: NewAuditEntry): Step<void> {
		yield* run(
			sql
				.insertInto("audit")
				.values({ ...entry, facts: JSON.stringify(entry.facts) })
				.compile(),
		);
	}

	function* loadDevice(eid: string) {
		const row = yield* first(deviceByEid({ eid }));
		return row && toDevice(row);
	}

	function* loadOperation(id: string) {
		const row = yield* first(operationById({ id }));
		return row && toOperation(row);
	}

	function* storeOperation(operation: Operation): Step<void> {
		yield* run(
			updateOperation({
				id: operation.id,
				state: operation.state,
				reasonText: operation.reason?.text ?? null,
				reasonCode: operation.reason?.code ?? null,
				outcome: operation.outcome ? JSON.stringify(operation.outcome) : null,
				updatedAt: operation.updatedAt,
				sentAt: operation.sentAt ?? null,
				finishedAt: operation.finishedAt ?? null,
			}),
		);
	}

	/** Moves the operation and stores it; adds what the event stream should tell to `events`. */
	function* moveOperation(
		operation: Operation,
		event: OperationEvent,
		events: NewEvent[],
	): Step<Operation | DomainError> {
		const next = nextOperation(operation, event);
		if (next instanceof Error || next === operation) return next;
		yield* storeOperation(next);
		events.push(operationEvent(next, event.at));
		return next;
	}

	function* insertOperation(operation: Operation, events: NewEvent[]): Step<void> {
		yield* run(sql.insertInto("operations").values(fromOperation(operation)).compile());
		events.push(operationEvent(operation, operation.createdAt));
	}

	function* insertJobs(jobs: readonly NewJob[], at: number): Step<void> {
		for (const job of jobs) yield* run(insertJob({ ...job, at }));
		if (jobs.length > 0) signal.noteJobs();
	}

	/** The operations of a device that are not over, what the eIM ordered for itself first, then the oldest. */
	const openOperations = statement(sql, (db, p: { eid: string }) =>
		db
			.selectFrom("operations")
			.selectAll()
			.where("eid", "=", p.eid)
			.where("finished_at", "is", null)
			.orderBy("origin")
			.orderBy("seq"),
	);

	function* listOpenOperations(eid: string) {
		return (yield* all(openOperations({ eid }))).map(toOperation);
	}

	return {
		appendEvents,
		appendAudit,
		loadDevice,
		loadOperation,
		moveOperation,
		insertOperation,
		insertJobs,
		listOpenOperations,
	};
}

const EVENT_OF_STATE: Readonly<Record<OperationState, EventType>> = {
	queued: "operationQueued",
	sent: "operationSent",
	"awaiting-verification": "operationAwaitingVerification",
	succeeded: "operationSucceeded",
	failed: "operationFailed",
	"rolled-back": "operationRolledBack",
	expired: "operationExpired",
	cancelled: "operationCancelled",
};

function operationEvent(operation: Operation, at: number): NewEvent {
	return {
		at,
		type: EVENT_OF_STATE[operation.state],
		eid: operation.eid,
		operationId: operation.id,
		facts: {
			type: operation.type,
			state: operation.state,
			origin: operation.origin,
			...(operation.reason ? { reason: operation.reason.text } : {}),
			...(operation.reason?.code ? { code: operation.reason.code } : {}),
		},
	};
}

/** What makes a message the same message. */
export function digestOf(bytes: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(bytes).digest());
}
