import { createHash } from "node:crypto";
import type { NewAuditEntry } from "../../domain/audit-entry.ts";
import { SAME_WAKING } from "../../domain/awake.ts";
import type { Device } from "../../domain/device.ts";
import type { DomainError } from "../../domain/errors.ts";
import type { EventType, NewEvent } from "../../domain/event.ts";
import { RENEWED_JOBS } from "../../domain/job.ts";
import {
	isFinal,
	nextOperation,
	type Operation,
	type OperationEvent,
	type OperationState,
} from "../../domain/operation.ts";
import type { NewJob } from "../store.ts";
import type { DeviceMemory } from "./device-memory.ts";
import type { DeviceReader } from "./device-reader.ts";
import { all, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { fromOperation, toOperation } from "./rows.ts";
import { makeStatements } from "./statements.ts";

/** The steps that several parts of the store are made of. */
export class Steps {
	readonly memory: DeviceMemory;
	readonly #engine: SqlEngine;
	readonly #signal: EventSignal;
	readonly #devices: DeviceReader;
	readonly #statements: ReturnType<typeof makeStatements>;

	constructor(engine: SqlEngine, signal: EventSignal, devices: DeviceReader, memory: DeviceMemory) {
		this.memory = memory;
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
		this.noteDevice(device);
	}

	/** Remembers a device as it has just been written. */
	noteDevice(device: Device): void {
		this.memory.of(device.eid).device = device;
	}

	/** Holds the operation's row until the commit; `eid` is that of its device, where it is known. */
	*loadOperation(id: string, eid?: string): Step<Operation | undefined> {
		if (eid !== undefined) {
			const { openOperations } = this.memory.of(eid);
			const known = openOperations?.find((operation) => operation.id === id);
			if (known) return known;
		}
		const row = yield* first(this.#statements.operationById({ id }));
		return row && toOperation(row);
	}

	/** Moves the operation and stores it; adds what the event stream should tell to `events`. */
	*moveOperation(operation: Operation, event: OperationEvent, events: NewEvent[]): Step<Operation | DomainError> {
		const next = nextOperation(operation, event);
		if (next instanceof Error || next === operation) return next;
		const { moveOpenOperation, finishOperation } = this.#statements;
		const isOpen = operation.finishedAt === undefined && next.finishedAt === undefined;
		yield* run(
			(isOpen ? moveOpenOperation : finishOperation)({
				id: next.id,
				state: next.state,
				reasonText: next.reason?.text ?? null,
				reasonCode: next.reason?.code ?? null,
				outcome: next.outcome ? JSON.stringify(next.outcome) : null,
				updatedAt: next.updatedAt,
				sentAt: next.sentAt ?? null,
				heldUntil: next.heldUntil ?? null,
				finishedAt: next.finishedAt ?? null,
			}),
		);
		events.push(operationEvent(next, event.at));
		if (event.kind === "packageDropped") yield* this.#bringSoon(next, event.heldUntil ?? event.at);
		const notes = this.memory.of(next.eid);
		notes.openOperations = notes.openOperations?.flatMap((one) => {
			if (one.id !== next.id) return one;
			return isFinal(next.state) ? [] : next;
		});
		if (operation.state !== "queued" && isFinal(next.state)) yield* this.#bringNext(next.eid, event.at);
		return next;
	}

	*insertOperation(operation: Operation, events: NewEvent[]): Step<void> {
		yield* run(this.#engine.sql.insertInto("operations").values(fromOperation(operation)).compile());
		events.push(operationEvent(operation, operation.createdAt));
		yield* this.#bringSoon(operation, operation.createdAt);
		const notes = this.memory.of(operation.eid);
		if (!notes.openOperations) return;
		// As the database orders them: the eIM's own first, then by age.
		const isOwn = ({ origin }: Operation) => origin === "eim";
		const all = [...notes.openOperations, operation];
		notes.openOperations = [...all.filter(isOwn), ...all.filter((one) => !isOwn(one))];
	}

	/** A device that packages are brought to, or that can be woken, need not wait for its next poll. */
	*#bringSoon({ eid, updatedAt }: Operation, runAfter: number): Step<void> {
		const device = yield* this.loadDevice(eid);
		const soon = { reference: eid, runAfter };
		if (device?.inject !== undefined) yield* this.insertJobs([{ kind: "packageInjection", ...soon }], updatedAt);
		if (device?.wakeUp !== undefined) yield* this.insertJobs([{ kind: "deviceWakeUp", ...soon }], updatedAt);
	}

	/** What has waited behind an operation is brought at once; a device that has just asked asks for it itself. */
	*#bringNext(eid: string, at: number): Step<void> {
		const device = yield* this.loadDevice(eid);
		if (device?.inject === undefined) return;
		const open = yield* this.listOpenOperations(eid);
		if (!open.some(({ state }) => state === "queued")) return;
		const runAfter = Math.max(at, (device.lastPollAt ?? 0) + SAME_WAKING);
		yield* this.insertJobs([{ kind: "packageInjection", reference: eid, runAfter }], at);
	}

	*insertJobs(jobs: readonly NewJob[], at: number): Step<void> {
		const { insertJob, renewJob } = this.#statements;
		for (const job of jobs) yield* run((RENEWED_JOBS.includes(job.kind) ? renewJob : insertJob)({ ...job, at }));
		if (jobs.length > 0) this.#signal.noteJobs();
	}

	/** The operations of a device that are not over, what the eIM ordered for itself first, then the oldest. */
	*listOpenOperations(eid: string): Step<readonly Operation[]> {
		const notes = this.memory.of(eid);
		notes.openOperations ??= (yield* all(this.#statements.openOperations({ eid }))).map(toOperation);
		return notes.openOperations;
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
