import { changeDevice } from "../../domain/device.ts";
import type { NewEvent } from "../../domain/event.ts";
import type { Operation } from "../../domain/operation.ts";
import { applyProfileChange, type Profile, type ProfileChange } from "../../domain/profile.ts";
import type { ReceivedResult, ResultVerification } from "../../domain/received-result.ts";
import type { PackageStore, RecordedResult, ResultRecord } from "../store.ts";
import { all, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { insertNotifications } from "./notification-steps.ts";
import { fromDevice, fromProfile, toProfile } from "./rows.ts";
import { statement } from "./statement.ts";
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
export function recordResult(engine: SqlEngine, steps: Steps, signal: EventSignal): Pick<PackageStore, "recordResult"> {
	const { sql } = engine;
	const insertResult = statement(
		sql,
		(
			db,
			p: {
				eid: string;
				digest: Uint8Array;
				operationId: string | null;
				seqNumber: number | null;
				bytes: Uint8Array;
				verification: string;
				receivedAt: number;
			},
		) =>
			db
				.insertInto("received_results")
				.values({
					eid: p.eid,
					digest: p.digest,
					operation_id: p.operationId,
					seq_number: p.seqNumber,
					bytes: p.bytes,
					verification: p.verification,
					received_at: p.receivedAt,
				})
				.onConflict((conflict) => conflict.columns(["eid", "digest"]).doNothing())
				.returning("seq"),
	);

	/** False when the same octets stand there already and are worth as much. */
	function* storeResult(result: ReceivedResult): Step<boolean> {
		const digest = digestOf(result.bytes);
		const inserted = yield* first(
			insertResult({
				eid: result.eid,
				digest,
				operationId: result.operationId ?? null,
				seqNumber: result.seqNumber ?? null,
				bytes: result.bytes,
				verification: result.verification,
				receivedAt: result.receivedAt,
			}),
		);
		if (inserted) return true;
		const same = sql
			.selectFrom("received_results")
			.select(["seq", "verification"])
			.where("eid", "=", result.eid)
			.where("digest", "=", digest);
		const before = yield* first(same.compile());
		if (!before || WORTH[before.verification as ResultVerification] >= WORTH[result.verification]) return false;
		const update = sql
			.updateTable("received_results")
			.set({ verification: result.verification, operation_id: result.operationId ?? null })
			.where("seq", "=", before.seq);
		yield* run(update.compile());
		return true;
	}

	function* changeProfiles(record: ResultRecord, changes: readonly ProfileChange[], events: NewEvent[]): Step<void> {
		const { eid, receivedAt: at } = record.result;
		const stored = sql.selectFrom("profiles").selectAll().where("eid", "=", eid);
		const before: readonly Profile[] = (yield* all(stored.compile())).map(toProfile);
		let after = before;
		for (const change of changes) after = applyProfileChange(after, change, eid, at);
		const gone = before.filter(({ iccid }) => !after.some((profile) => profile.iccid === iccid));
		for (const { iccid } of gone) {
			yield* run(sql.deleteFrom("profiles").where("eid", "=", eid).where("iccid", "=", iccid).compile());
		}
		const moved = after.filter((profile) => !before.includes(profile));
		for (const profile of moved) {
			const row = fromProfile(profile);
			const upsert = sql.insertInto("profiles").values(row);
			yield* run(upsert.onConflict((conflict) => conflict.columns(["eid", "iccid"]).doUpdateSet(row)).compile());
		}
		if (gone.length + moved.length === 0) return;
		const enabled = after.find(({ state }) => state === "enabled");
		const facts = { profiles: after.length, ...(enabled ? { enabled: enabled.iccid } : {}) };
		events.push({ at, type: "profilesChanged", eid, facts });
	}

	/** What the eIM asks by itself is asked once at a time. */
	function* enqueueOnce(operations: readonly Operation[], events: NewEvent[]): Step<void> {
		for (const operation of operations) {
			const open = yield* steps.listOpenOperations(operation.eid);
			const isAsked = open.some(({ type, origin }) => type === operation.type && origin === operation.origin);
			if (!isAsked) yield* steps.insertOperation(operation, events);
		}
	}

	function* record(request: ResultRecord): Step<RecordedResult> {
		const { result, operationEvent, deviceChange } = request;
		const { eid, receivedAt: at } = result;
		const operation = result.operationId === undefined ? undefined : yield* steps.loadOperation(result.operationId);
		if (!(yield* storeResult(result))) return { repeated: true, ...(operation ? { operation } : {}) };
		const events: NewEvent[] = [];
		if (result.verification === "rejected") {
			events.push({ at, type: "resultRejected", eid, facts: { seqNumber: result.seqNumber ?? -1 } });
		}
		const moved =
			operation && operationEvent ? yield* steps.moveOperation(operation, operationEvent, events) : operation;
		if (request.profileChanges?.length) yield* changeProfiles(request, request.profileChanges, events);
		if (deviceChange) {
			const device = yield* steps.loadDevice(eid);
			const changed = device && changeDevice(device, deviceChange);
			if (changed instanceof Error) throw changed;
			if (changed) yield* run(sql.updateTable("devices").set(fromDevice(changed)).where("eid", "=", eid).compile());
		}
		if (request.notifications) yield* insertNotifications(engine, steps, request.notifications, events);
		if (request.enqueue) yield* enqueueOnce(request.enqueue, events);
		if (request.jobs) yield* steps.insertJobs(request.jobs, at);
		yield* steps.appendEvents(events);
		if (moved instanceof Error) return { repeated: false, ...(operation ? { operation } : {}), refused: moved };
		return { repeated: false, ...(moved ? { operation: moved } : {}) };
	}

	return { recordResult: (request) => signal.write(() => record(request)) };
}
