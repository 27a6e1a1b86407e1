import type { Eid } from "@iot-esim/shared/ids/eid";
import type { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { NewEvent } from "../../domain/event.ts";
import { mayFollow, type RspSession, type RspSessionState } from "../../domain/rsp-session.ts";
import type { RelayStore } from "../store.ts";
import { appendEvents, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { fromSession, toSession } from "./rows.ts";
import type { Steps } from "./steps.ts";

const LIVE_STATES = ["initiated", "authenticated", "profileDelivered"] as const;

type SessionChange = Parameters<RelayStore["moveSession"]>[2];

export class SqlRelayStore implements RelayStore {
	readonly #engine: SqlEngine;
	readonly #steps: Steps;
	readonly #signal: EventSignal;

	constructor(engine: SqlEngine, steps: Steps, signal: EventSignal) {
		this.#engine = engine;
		this.#steps = steps;
		this.#signal = signal;
	}

	openSession(session: RspSession): Promise<boolean> {
		return this.#signal.write(() => this.#open(session));
	}

	*#open(session: RspSession): Step<boolean> {
		const insert = this.#engine.sql
			.insertInto("rsp_sessions")
			.values(fromSession(session))
			.onConflict((conflict) => conflict.doNothing())
			.returning("transaction_id");
		if (!(yield* first(insert.compile()))) return false;
		yield* appendEvents([sessionEvent(session)]);
		return true;
	}

	#byId(transactionId: TransactionId) {
		return this.#engine.sql.selectFrom("rsp_sessions").selectAll().where("transaction_id", "=", transactionId);
	}

	loadSession(transactionId: TransactionId): Promise<RspSession | undefined> {
		const query = this.#byId(transactionId).compile();
		return this.#engine.read(function* () {
			const row = yield* first(query);
			return row && toSession(row);
		});
	}

	findSession(eid: Eid, eimTransactionId?: TransactionId): Promise<RspSession | undefined> {
		const { sql } = this.#engine;
		let query = sql.selectFrom("rsp_sessions").selectAll().where("eid", "=", eid).where("state", "in", LIVE_STATES);
		if (eimTransactionId !== undefined) query = query.where("eim_transaction_id", "=", eimTransactionId);
		const newest = query.orderBy("created_at", "desc").limit(1).compile();
		return this.#engine.read(function* () {
			const row = yield* first(newest);
			return row && toSession(row);
		});
	}

	moveSession(transactionId: TransactionId, to: RspSessionState, change: SessionChange) {
		return this.#signal.write(() => this.#move(transactionId, to, change));
	}

	*#move(transactionId: TransactionId, to: RspSessionState, change: SessionChange): Step<RspSession | undefined> {
		const { sql, dialect } = this.#engine;
		const locked = this.#byId(transactionId).$if(dialect === "postgres", (query) => query.forUpdate());
		const row = yield* first(locked.compile());
		if (!row) return undefined;
		const session = toSession(row);
		if (!mayFollow(session.state, to)) return undefined;
		const details = { ...session.details, ...change.details };
		const moved = { ...session, state: to, details, updatedAt: change.at };
		const update = { state: to, details: JSON.stringify(details), updated_at: change.at };
		yield* run(sql.updateTable("rsp_sessions").set(update).where("transaction_id", "=", transactionId).compile());
		const events: NewEvent[] = session.state === to ? [] : [sessionEvent(moved)];
		if (change.operationEvent && session.operationId !== undefined) {
			const operation = yield* this.#steps.loadOperation(session.operationId, session.eid);
			if (operation) yield* this.#steps.moveOperation(operation, change.operationEvent, events);
		}
		if (change.jobs) yield* this.#steps.insertJobs(change.jobs, change.at);
		yield* appendEvents(events);
		return moved;
	}

	removeDeadSessions(now: number): Promise<void> {
		const query = this.#engine.sql.deleteFrom("rsp_sessions").where("expires_at", "<=", now).compile();
		return this.#engine.write(() => run(query));
	}
}

function sessionEvent({ updatedAt: at, eid, operationId, state, smdpAddress }: RspSession): NewEvent {
	const facts = { state, smdpAddress };
	return { at, type: "sessionChanged", eid, ...(operationId === undefined ? {} : { operationId }), facts };
}
