import { changeDevice, type DeviceChange } from "../../domain/device.ts";
import type { NewEvent } from "../../domain/event.ts";
import type { Operation, OperationEvent } from "../../domain/operation.ts";
import { applyProfileChange, type Profile, type ProfileChange } from "../../domain/profile.ts";
import type { ReceivedResult, ResultVerification } from "../../domain/received-result.ts";
import type { RecordedResult, ResultRecord } from "../store.ts";
import { all, appendEvents, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { insertNotifications } from "./notification-steps.ts";
import { makeResultStatements } from "./result-statements.ts";
import { toProfile } from "./rows.ts";
import { digestOf, type Steps } from "./steps.ts";

/** How much a verification is worth: the same octets are recorded again only when they have become worth more. */
const WORTH: Readonly<Record<ResultVerification, number>> = {
	kept: 0,
	rejected: 1,
	unsigned: 2,
	"accepted-unverified": 2,
	verified: 3,
};

/** Records what a device sent together with all that follows from it. */
export class ResultRecorder {
	readonly #engine: SqlEngine;
	readonly #steps: Steps;
	readonly #signal: EventSignal;
	readonly #statements: ReturnType<typeof makeResultStatements>;

	constructor(engine: SqlEngine, steps: Steps, signal: EventSignal) {
		this.#engine = engine;
		this.#steps = steps;
		this.#signal = signal;
		this.#statements = makeResultStatements(engine.sql);
	}

	record(request: ResultRecord): Promise<RecordedResult> {
		return this.#signal.write(() => this.#record(request));
	}

	*#record(request: ResultRecord): Step<RecordedResult> {
		const { result, operationEvent } = request;
		const { eid, operationId, receivedAt: at } = result;
		const operation = operationId === undefined ? undefined : yield* this.#steps.loadOperation(operationId, eid);
		const stored = yield* this.#storeResult(result);
		if (stored === "known") return { repeated: true, ...(operation ? { operation } : {}) };
		const events: NewEvent[] = [];
		if (stored === "named") {
			const moved = yield* this.#moved(operation, operationEvent, events);
			yield* appendEvents(events);
			return { repeated: true, isNamedNow: true, ...moved };
		}
		if (result.verification === "rejected") {
			events.push({ at, type: "resultRejected", eid, facts: { seqNumber: result.seqNumber ?? -1 } });
		}
		const moved = yield* this.#moved(operation, operationEvent, events);
		if (request.profileChanges?.length) yield* this.#changeProfiles(result, request.profileChanges, events);
		if (request.deviceChange && Object.keys(request.deviceChange).length > 0) {
			yield* this.#changeDevice(result, request.deviceChange);
		}
		if (request.notifications) {
			yield* insertNotifications(this.#engine, this.#steps, request.notifications, events);
		}
		if (request.enqueue) yield* this.#enqueueOnce(request.enqueue, events);
		if (request.jobs) yield* this.#steps.insertJobs(request.jobs, at);
		yield* appendEvents(events);
		return { repeated: false, ...moved };
	}

	/** The operation after the event, or as it was beside the error of one that it cannot take. */
	*#moved(
		operation: Operation | undefined,
		event: OperationEvent | undefined,
		events: NewEvent[],
	): Step<Pick<RecordedResult, "operation" | "refused">> {
		if (operation === undefined) return {};
		const moved = event === undefined ? operation : yield* this.#steps.moveOperation(operation, event, events);
		return moved instanceof Error ? { operation, refused: moved } : { operation: moved };
	}

	/** Whether it is stored now, or the same octets stood there already, worth as much, and have their operation only now. */
	*#storeResult(result: ReceivedResult): Step<"stored" | "known" | "named"> {
		const { eid, operationId = null, verification } = result;
		const digest = digestOf(result.bytes);
		const inserted = yield* first(
			this.#statements.insertResult({
				eid,
				digest,
				operationId,
				seqNumber: result.seqNumber ?? null,
				bytes: result.bytes,
				verification,
				receivedAt: result.receivedAt,
			}),
		);
		if (inserted) return "stored";
		const before = yield* first(this.#statements.sameResult({ eid, digest }));
		if (!before) return "known";
		const { seq, operation_id: of } = before;
		if (WORTH[before.verification as ResultVerification] < WORTH[verification]) {
			yield* run(this.#statements.judgeResult({ seq, verification, operationId }));
			return "stored";
		}
		if (of !== null || operationId === null) return "known";
		yield* run(this.#statements.judgeResult({ seq, verification: before.verification, operationId }));
		return "named";
	}

	*#changeProfiles({ eid, receivedAt: at }: ReceivedResult, changes: readonly ProfileChange[], events: NewEvent[]) {
		const notes = this.#steps.memory.of(eid);
		const before: readonly Profile[] =
			notes.profiles ?? (yield* all(this.#statements.profilesOf({ eid }))).map(toProfile);
		let after = before;
		for (const change of changes) after = applyProfileChange(after, change, eid, at);
		const gone = before.filter(({ iccid }) => !after.some((profile) => profile.iccid === iccid));
		for (const { iccid } of gone) yield* run(this.#statements.deleteProfile({ eid, iccid }));
		const moved = after.filter((profile) => !before.includes(profile));
		for (const profile of moved) yield* run(this.#statements.storeProfile(profile));
		notes.profiles = after;
		if (gone.length + moved.length === 0) return;
		const enabled = after.find(({ state }) => state === "enabled");
		const facts = { profiles: after.length, ...(enabled ? { enabled: enabled.iccid } : {}) };
		events.push({ at, type: "profilesChanged", eid, facts });
	}

	*#changeDevice({ eid }: ReceivedResult, change: DeviceChange): Step<void> {
		const device = yield* this.#steps.loadDevice(eid);
		const changed = device && changeDevice(device, change);
		if (changed instanceof Error) throw changed;
		if (changed) yield* this.#steps.storeDevice(changed);
	}

	/** What the eIM asks by itself is asked once at a time. */
	*#enqueueOnce(operations: readonly Operation[], events: NewEvent[]): Step<void> {
		for (const operation of operations) {
			if ((yield* this.#steps.loadDevice(operation.eid))?.releasedAt !== undefined) continue;
			const open = yield* this.#steps.listOpenOperations(operation.eid);
			const isAsked = open.some(({ type, origin }) => type === operation.type && origin === operation.origin);
			if (!isAsked) yield* this.#steps.insertOperation(operation, events);
		}
	}
}
