import { createHash } from "node:crypto";
import type { NewAuditEntry } from "../../domain/audit-entry.ts";
import type { Device } from "../../domain/device.ts";
import type { DomainError } from "../../domain/errors.ts";
import type { EventType, NewEvent } from "../../domain/event.ts";
import { nextOperation, type Operation, type OperationEvent, type OperationState } from "../../domain/operation.ts";
import type { NewJob } from "../store.ts";
import type { DeviceReader } from "./device-reader.ts";
import { all, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { fromOperation, toOperation } from "./rows.ts";
import { makeStatements } from "./statements.ts";

/** The steps that several parts of the store are made of. */
export class Steps {
	readonly #engine: SqlEngine;
	readonly #signal: EventSignal;
	readonly #devices: DeviceReader;
	readonly #statements: ReturnType<typeof makeStatements>;

	constructor(engine: SqlEngine, signal: EventSignal, devices: DeviceReader) {
		this.#engine = engine;
		this.#signal = signal;
		this.#devices = devices;
		this.#statements = makeStatements(engine);
	}

	*appendAudit(entry: NewAuditEntry): Step<void> {
		const row = { ...entry, facts: JSON.stringify(entry.facts) };
		yield* run(this.#engine.sql.insertInto("audit").values(row).compile());
	}

	/** Holds the device's row until the commit. */
	loadDevice(eid: string): Step<Device | undefined> {
		return this.#devices.readLocked(eid);
	}

	*storeDevice(device: Device): Step<void> {
		yield* run(this.#statements.updateDevice(device));
	}

	/** Holds the operation's row until the commit. */
	*loadOperation(id: string): Step<Operation | undefined> {
		const row = yield* first(this.#statements.operationById({ id }));
		return row && toOperation(row);
	}

	/** Moves the operation and stores it; adds what the event stream should tell to `events`. */
	*moveOperation(operation: Operation, event: OperationEvent, events: NewEvent[]): Step<Operation | DomainError> {
		const next = nextOperation(operation, event);
		if (next instanceof Error || next === operation) return next;
		yield* run(
			this.#statements.updateOperation({
				id: next.id,
				state: next.state,
				reasonText: next.reason?.text ?? null,
				reasonCode: next.reason?.code ?? null,
				outcome: next.outcome ? JSON.stringify(next.outcome) : null,
				updatedAt: next.updatedAt,
				sentAt: next.sentAt ?? null,
				finishedAt: next.finishedAt ?? null,
			}),
		);
		events.push(operationEvent(next, event.at));
		return next;
	}

	*insertOperation(operation: Operation, events: NewEvent[]): Step<void> {
		yield* run(this.#engine.sql.insertInto("operations").values(fromOperation(operation)).compile());
		events.push(operationEvent(operation, operation.createdAt));
	}

	*insertJobs(jobs: readonly NewJob[], at: number): Step<void> {
		for (const job of jobs) yield* run(this.#statements.insertJob({ ...job, at }));
		if (jobs.length > 0) this.#signal.noteJobs();
	}

	/** The operations of a device that are not over, what the eIM ordered for itself first, then the oldest. */
	*listOpenOperations(eid: string): Step<readonly Operation[]> {
		return (yield* all(this.#statements.openOperations({ eid }))).map(toOperation);
	}
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
