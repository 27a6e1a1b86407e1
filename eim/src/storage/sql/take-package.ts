import { type Device, nextCounter } from "../../domain/device.ts";
import type { EimPackage } from "../../domain/eim-package.ts";
import type { NewEvent } from "../../domain/event.ts";
import type { Operation } from "../../domain/operation.ts";
import { StoreError } from "../errors.ts";
import type { BuildPackage, BuiltPackage, PackageStore, Poll, TakenPackage } from "../store.ts";
import { first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { toPackage } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Steps } from "./steps.ts";

/** What a builder made that answers by a promise: good as long as the device still stands where it stood then. */
interface Prepared {
	readonly operationId: string;
	readonly counter: number;
	readonly built: BuiltPackage;
}

type Building = {
	readonly kind: "building";
	readonly operationId: string;
	readonly counter: number;
	readonly built: Promise<BuiltPackage>;
};

const OVERTAKEN_AT_MOST = 10;

/** Hands out packages: the one place where counters are burnt. */
export function takePackage(
	engine: SqlEngine,
	steps: Steps,
	signal: EventSignal,
): Pick<PackageStore, "takeNextPackage"> {
	const statements = takeStatements(engine);

	function* take(poll: Poll, build: BuildPackage, prepared: Prepared | undefined): Step<TakenPackage | Building> {
		const known = yield* steps.loadDevice(poll.eid);
		if (!known) return { kind: "unknownDevice" };
		const events: NewEvent[] = firstEvents(known, poll);
		const open: Operation[] = [];
		for (const operation of yield* steps.listOpenOperations(poll.eid)) {
			if (operation.expiresAt > poll.at) open.push(operation);
			else yield* steps.moveOperation(operation, { kind: "expired", at: poll.at }, events);
		}
		const device = afterPoll(known, poll);
		const sent = open.find(({ state }) => state === "sent");
		if (sent) return yield* giveAgain(device, sent, events);
		const isBusy = open.some(({ state }) => state === "awaiting-verification");
		for (const operation of open) {
			if (operation.state !== "queued" || (isBusy && operation.origin !== "eim")) continue;
			const given = yield* giveNew(device, operation, poll, build, prepared, events);
			if (given) return given;
		}
		yield* statements.notePoll(device);
		yield* steps.appendEvents(events);
		return { kind: "nothing", device };
	}

	function* giveAgain(device: Device, operation: Operation, events: NewEvent[]): Step<TakenPackage> {
		yield* statements.notePoll(device);
		yield* steps.appendEvents(events);
		const row = yield* first(statements.lastPackage({ operationId: operation.id }));
		if (!row) throw new StoreError("STORE_FAILED", `operation ${operation.id} is sent but has no package`);
		return { kind: "package", package: toPackage(row), operation, device, repeated: true };
	}

	/** Undefined when no package can be made of the operation, which has then failed. */
	function* giveNew(
		device: Device,
		operation: Operation,
		poll: Poll,
		build: BuildPackage,
		prepared: Prepared | undefined,
		events: NewEvent[],
	): Step<TakenPackage | Building | undefined> {
		const counter = nextCounter(device);
		if (counter instanceof Error) {
			const reason = { text: counter.message, code: counter.code };
			yield* steps.moveOperation(operation, { kind: "failed", at: poll.at, reason }, events);
			return undefined;
		}
		const isReady = prepared?.operationId === operation.id && prepared.counter === counter;
		const built = isReady ? prepared.built : build({ device, operation, counter });
		if (built instanceof Promise) {
			// Nobody waits for it when this transaction has to be run again.
			built.catch(() => undefined);
			yield* statements.notePoll(device);
			yield* steps.appendEvents(events);
			return { kind: "building", operationId: operation.id, counter, built };
		}
		if (built.kind === "unbuildable") {
			const reason = { text: built.text, ...(built.code === undefined ? {} : { code: built.code }) };
			yield* steps.moveOperation(operation, { kind: "failed", at: poll.at, reason }, events);
			return undefined;
		}
		const moved = yield* steps.moveOperation(operation, { kind: "packageStored", at: poll.at }, events);
		if (moved instanceof Error) throw moved;
		const after = built.counter === undefined ? device : { ...device, counter: built.counter };
		yield* statements.notePoll(after);
		const eimPackage: EimPackage = { ...built, operationId: operation.id, eid: device.eid, firstSentAt: poll.at };
		yield* statements.storePackage(eimPackage, device);
		yield* steps.appendEvents(events);
		return { kind: "package", package: eimPackage, operation: moved, device: after, repeated: false };
	}

	return {
		async takeNextPackage(poll, build) {
			let prepared: Prepared | undefined;
			for (let overtaken = 0; overtaken < OVERTAKEN_AT_MOST; overtaken++) {
				const taken = await engine.write(() => take(poll, build, prepared));
				if (taken.kind !== "building") {
					if (taken.kind === "package") signal.tell();
					return taken;
				}
				prepared = { operationId: taken.operationId, counter: taken.counter, built: await taken.built };
			}
			throw new StoreError("STORE_CONTENDED", "other polls of the device kept overtaking this one", {
				context: { eid: poll.eid },
			});
		},
	};
}

function takeStatements(engine: SqlEngine) {
	const { sql } = engine;
	const updateDevice = statement(
		sql,
		(db, p: { eid: string; counter: number; lastPollAt: number; lastRplmn: string | null; cause: number | null }) =>
			db
				.updateTable("devices")
				.set({
					counter: p.counter,
					last_poll_at: p.lastPollAt,
					last_rplmn: p.lastRplmn,
					last_state_change_cause: p.cause,
				})
				.where("eid", "=", p.eid),
	);
	const insertPackage = statement(
		sql,
		(
			db,
			p: {
				operationId: string;
				eid: string;
				kind: string;
				bytes: Uint8Array;
				associationToken: number;
				counter: number | null;
				eimTransactionId: string;
				firstSentAt: number;
			},
		) =>
			db.insertInto("packages").values({
				operation_id: p.operationId,
				eid: p.eid,
				kind: p.kind,
				bytes: p.bytes,
				association_token: p.associationToken,
				counter: p.counter,
				eim_transaction_id: p.eimTransactionId,
				first_sent_at: p.firstSentAt,
			}),
	);
	const lastPackage = statement(sql, (db, p: { operationId: string }) =>
		db.selectFrom("packages").selectAll().where("operation_id", "=", p.operationId).orderBy("seq", "desc").limit(1),
	);
	return {
		lastPackage,
		notePoll: (device: Device) =>
			run(
				updateDevice({
					eid: device.eid,
					counter: device.counter,
					lastPollAt: device.lastPollAt ?? 0,
					lastRplmn: device.lastRplmn ?? null,
					cause: device.lastStateChangeCause ?? null,
				}),
			),
		storePackage: (eimPackage: EimPackage, device: Device) =>
			run(
				insertPackage({
					operationId: eimPackage.operationId,
					eid: eimPackage.eid,
					kind: eimPackage.kind,
					bytes: eimPackage.bytes,
					associationToken: device.associationToken ?? 0,
					counter: eimPackage.counter ?? null,
					eimTransactionId: eimPackage.eimTransactionId,
					firstSentAt: eimPackage.firstSentAt,
				}),
			),
	};
}

function afterPoll(device: Device, poll: Poll): Device {
	return {
		...device,
		lastPollAt: poll.at,
		...(poll.rplmn === undefined ? {} : { lastRplmn: poll.rplmn }),
		...(poll.stateChangeCause === undefined ? {} : { lastStateChangeCause: poll.stateChangeCause }),
	};
}

function firstEvents(device: Device, poll: Poll): NewEvent[] {
	const events: NewEvent[] = [];
	const { eid, at } = poll;
	if (device.lastPollAt === undefined) events.push({ at, type: "deviceSeenFirst", eid, facts: {} });
	if (poll.stateChangeCause !== undefined) {
		events.push({ at, type: "stateChangeReported", eid, facts: { stateChangeCause: poll.stateChangeCause } });
	}
	return events;
}
