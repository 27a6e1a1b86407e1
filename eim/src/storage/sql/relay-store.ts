import type { NewEvent } from "../../domain/event.ts";
import { mayFollow } from "../../domain/rsp-session.ts";
import type { RelayStore } from "../store.ts";
import { first, run, type SqlEngine } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { toSession } from "./rows.ts";
import type { Steps } from "./steps.ts";

const LIVE_STATES = ["initiated", "authenticated", "profileDelivered"] as const;

export function relayStore(engine: SqlEngine, steps: Steps, signal: EventSignal): RelayStore {
	const { sql } = engine;
	const byId = (transactionId: string) =>
		sql.selectFrom("rsp_sessions").selectAll().where("transaction_id", "=", transactionId);

	return {
		openSession: (session) =>
			signal.write(function* () {
				const insert = sql
					.insertInto("rsp_sessions")
					.values({
						transaction_id: session.transactionId,
						eid: session.eid,
						eim_transaction_id: session.eimTransactionId ?? null,
						operation_id: session.operationId ?? null,
						smdp_address: session.smdpAddress,
						state: session.state,
						details: JSON.stringify(session.details),
						created_at: session.createdAt,
						updated_at: session.updatedAt,
						expires_at: session.expiresAt,
					})
					.onConflict((conflict) => conflict.doNothing())
					.returning("transaction_id");
				if (!(yield* first(insert.compile()))) return false;
				yield* steps.appendEvents([
					sessionEvent(session.updatedAt, session.eid, session.operationId, session.state, session.smdpAddress),
				]);
				return true;
			}),

		loadSession: (transactionId) =>
			engine.read(function* () {
				const row = yield* first(byId(transactionId).compile());
				return row && toSession(row);
			}),

		findSession: (eid, eimTransactionId) =>
			engine.read(function* () {
				let query = sql.selectFrom("rsp_sessions").selectAll().where("eid", "=", eid).where("state", "in", LIVE_STATES);
				if (eimTransactionId !== undefined) query = query.where("eim_transaction_id", "=", eimTransactionId);
				const row = yield* first(query.orderBy("created_at", "desc").limit(1).compile());
				return row && toSession(row);
			}),

		moveSession: (transactionId, to, change) =>
			signal.write(function* () {
				const locked = byId(transactionId).$if(engine.dialect === "postgres", (query) => query.forUpdate());
				const row = yield* first(locked.compile());
				if (!row) return undefined;
				const session = toSession(row);
				if (!mayFollow(session.state, to)) return undefined;
				const details = { ...session.details, ...change.details };
				const moved = { ...session, state: to, details, updatedAt: change.at };
				const update = { state: to, details: JSON.stringify(details), updated_at: change.at };
				yield* run(sql.updateTable("rsp_sessions").set(update).where("transaction_id", "=", transactionId).compile());
				const events: NewEvent[] = [];
				if (session.state !== to) {
					events.push(sessionEvent(change.at, session.eid, session.operationId, to, session.smdpAddress));
				}
				if (change.operationEvent && session.operationId !== undefined) {
					const operation = yield* steps.loadOperation(session.operationId);
					if (operation) yield* steps.moveOperation(operation, change.operationEvent, events);
				}
				if (change.jobs) yield* steps.insertJobs(change.jobs, change.at);
				yield* steps.appendEvents(events);
				return moved;
			}),

		removeDeadSessions: (now) =>
			engine.write(function* () {
				yield* run(sql.deleteFrom("rsp_sessions").where("expires_at", "<=", now).compile());
			}),
	};
}

function sessionEvent(
	at: number,
	eid: NonNullable<NewEvent["eid"]>,
	operationId: string | undefined,
	state: string,
	smdpAddress: string,
): NewEvent {
	return {
		at,
		type: "sessionChanged",
		eid,
		...(operationId === undefined ? {} : { operationId }),
		facts: { state, smdpAddress },
	};
}
