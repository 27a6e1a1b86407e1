import { Hours, Minutes } from "@iot-esim/shared/util/duration";
import { afterWaking } from "../../domain/awake.ts";
import { type Device, nextCounter } from "../../domain/device.ts";
import type { NewEvent } from "../../domain/event.ts";
import type { Operation } from "../../domain/operation.ts";
import { StoreError } from "../errors.ts";
import type { BuildPackage, BuiltPackage, PackageDraft, Poll, TakenPackage } from "../store.ts";
import { appendEvents, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { makePackageStatements } from "./package-statements.ts";
import { toPackage } from "./rows.ts";
import type { Steps } from "./steps.ts";

/** What a builder made that answers by a promise: good as long as the device still stands where it stood then. */
interface Prepared {
	readonly operationId: string;
	readonly counter: number;
	/** What it was made for. */
	readonly device: Device;
	readonly built: BuiltPackage;
}

interface Building {
	readonly kind: "building";
	readonly operationId: string;
	readonly counter: number;
	readonly device: Device;
	readonly built: Promise<BuiltPackage>;
}

/** One poll on its way through. */
interface Taking {
	readonly poll: Poll;
	readonly build: BuildPackage;
	readonly prepared: Prepared | undefined;
	/** The device as it is after the poll. */
	readonly device: Device;
	readonly events: NewEvent[];
}

const OVERTAKEN_AT_MOST = 10;

/** Hands out packages: the one place where counters are burnt. */
export class PackageTaker {
	readonly #engine: SqlEngine;
	readonly #steps: Steps;
	readonly #signal: EventSignal;
	readonly #statements: ReturnType<typeof makePackageStatements>;

	constructor(engine: SqlEngine, steps: Steps, signal: EventSignal) {
		this.#engine = engine;
		this.#steps = steps;
		this.#signal = signal;
		this.#statements = makePackageStatements(engine.sql);
	}

	async take(poll: Poll, build: BuildPackage): Promise<TakenPackage> {
		let prepared: Prepared | undefined;
		for (let overtaken = 0; overtaken < OVERTAKEN_AT_MOST; overtaken++) {
			const taken = await this.#engine.write(() => this.#take(poll, build, prepared));
			if (taken.kind !== "building") {
				if (taken.kind === "package") this.#signal.tell();
				return taken;
			}
			const { operationId, counter, device, built } = taken;
			prepared = { operationId, counter, device, built: await built };
		}
		throw new StoreError("STORE_CONTENDED", "other polls of the device kept overtaking this one", {
			context: { eid: poll.eid },
		});
	}

	*#take(poll: Poll, build: BuildPackage, prepared: Prepared | undefined): Step<TakenPackage | Building> {
		const known = yield* this.#steps.loadDevice(poll.eid);
		if (!known) return { kind: "unknownDevice" };
		if (poll.isInjection) yield* run(this.#statements.noteInjection({ eid: poll.eid, at: poll.at }));
		const events = firstEvents(known, poll);
		if (known.releasedAt !== undefined) return yield* this.#release(known, poll, events);
		const open: Operation[] = [];
		for (const operation of yield* this.#steps.listOpenOperations(poll.eid)) {
			if (operation.expiresAt > poll.at) open.push(operation);
			else yield* this.#steps.moveOperation(operation, { kind: "expired", at: poll.at }, events);
		}
		const taking: Taking = { poll, build, prepared, device: afterPoll(known, poll), events };
		const sent = open.find(({ state }) => state === "sent");
		if (sent) return yield* this.#giveAgain(taking, sent);
		const isBusy = open.some(({ state }) => state === "awaiting-verification");
		for (const operation of open) {
			if (operation.state !== "queued" || (isBusy && operation.origin !== "eim")) continue;
			if (operation.heldUntil !== undefined && poll.at < operation.heldUntil) continue;
			const given = yield* this.#giveNew(taking, operation);
			if (given) return given;
		}
		yield* this.#note(taking.device, events);
		return { kind: "nothing", device: taking.device };
	}

	/** An eUICC that this eIM was removed from gets nothing more; what waits for it never will be done. */
	*#release(known: Device, poll: Poll, events: NewEvent[]): Step<TakenPackage> {
		const reason = { text: "This eIM has been removed from the eUICC.", code: "DEVICE_RELEASED" };
		for (const operation of yield* this.#steps.listOpenOperations(poll.eid)) {
			yield* this.#steps.moveOperation(operation, { kind: "failed", at: poll.at, reason }, events);
		}
		const device = afterPoll(known, poll);
		yield* this.#note(device, events);
		return { kind: "nothing", device };
	}

	*#note(device: Device, events: readonly NewEvent[]): Step<void> {
		yield* run(this.#statements.notePoll(device));
		this.#steps.noteDevice(device);
		yield* appendEvents(events);
	}

	*#giveAgain({ device, events }: Taking, operation: Operation): Step<TakenPackage> {
		yield* this.#note(device, events);
		const notes = this.#steps.memory.of(device.eid);
		if (notes.lastPackage?.operationId !== operation.id) {
			const row = yield* first(this.#statements.lastOfOperation({ eid: device.eid, operationId: operation.id }));
			if (!row) throw new StoreError("STORE_FAILED", `operation ${operation.id} is sent but has no package`);
			return { kind: "package", package: toPackage(row), operation, device, repeated: true };
		}
		return { kind: "package", package: notes.lastPackage, operation, device, repeated: true };
	}

	/** Undefined when no package can be made of the operation, which has then failed. */
	*#giveNew(taking: Taking, operation: Operation): Step<TakenPackage | Building | undefined> {
		const { poll, device, events, prepared } = taking;
		const { at } = poll;
		const counter = nextCounter(device, operation);
		if (counter instanceof Error) {
			const reason = { text: counter.message, code: counter.code };
			yield* this.#steps.moveOperation(operation, { kind: "failed", at, reason }, events);
			return undefined;
		}
		const isReady = prepared !== undefined && isFor(prepared, { device, operation, counter });
		const built = isReady ? prepared.built : taking.build({ device, operation, counter });
		if (built instanceof Promise) {
			// Nobody waits for it when this transaction has to be run again.
			built.catch(() => undefined);
			yield* this.#note(device, events);
			return { kind: "building", operationId: operation.id, counter, device, built };
		}
		if (built.kind === "unbuildable") {
			const reason = { text: built.text, ...(built.code === undefined ? {} : { code: built.code }) };
			yield* this.#steps.moveOperation(operation, { kind: "failed", at, reason }, events);
			return undefined;
		}
		const moved = yield* this.#steps.moveOperation(operation, { kind: "packageStored", at }, events);
		if (moved instanceof Error) throw moved;
		const after = built.counter === undefined ? device : { ...device, counter: built.counter };
		const { associationToken = 0 } = device;
		const signedWith = built.kind === "euiccPackage" ? { associationToken } : {};
		const eimPackage = { ...built, ...signedWith, operationId: operation.id, eid: device.eid, firstSentAt: at };
		yield* run(this.#statements.storePackage(eimPackage));
		this.#steps.memory.of(device.eid).lastPackage = eimPackage;
		yield* this.#note(after, events);
		return { kind: "package", package: eimPackage, operation: moved, device: after, repeated: false };
	}
}

/** Whether the device still stands where it stood: what is signed depends on its counter, its token and its key. */
function isFor(prepared: Prepared, { device, operation, counter }: PackageDraft): boolean {
	const { associationToken, signingKeyId } = prepared.device;
	return (
		prepared.operationId === operation.id &&
		prepared.counter === counter &&
		associationToken === device.associationToken &&
		signingKeyId === device.signingKeyId
	);
}

function afterPoll(device: Device, poll: Poll): Device {
	if (poll.isInjection) return device;
	const { at: lastPollAt, rplmn: lastRplmn, stateChangeCause: lastStateChangeCause } = poll;
	let after: Device = { ...device, lastPollAt, wakings: afterWaking(device, lastPollAt) };
	if (lastRplmn !== undefined) after = { ...after, lastRplmn };
	if (poll.link !== undefined) after = { ...after, lastLink: poll.link, lastLinkAt: lastPollAt };
	if (lastStateChangeCause === undefined) return after;
	after = { ...after, lastStateChangeCause };
	return isNews(device, poll) ? { ...after, lastStateChangeAt: lastPollAt } : after;
}

function firstEvents(device: Device, poll: Poll): NewEvent[] {
	const events: NewEvent[] = [];
	const { eid, at, stateChangeCause } = poll;
	if (device.lastPollAt === undefined && !poll.isInjection)
		events.push({ at, type: "deviceSeenFirst", eid, facts: {} });
	if (stateChangeCause !== undefined && isNews(device, poll)) {
		events.push({ at, type: "stateChangeReported", eid, facts: { stateChangeCause } });
	}
	return events;
}

/**
 * Whether a reported state change goes into the event stream. Nobody has to prove a poll, so the same cause is told
 * once in an hour, another one once in a minute.
 */
function isNews(device: Device, { stateChangeCause, at }: Poll): boolean {
	if (stateChangeCause === undefined) return false;
	const { lastStateChangeAt, lastStateChangeCause } = device;
	if (lastStateChangeAt === undefined) return true;
	return at - lastStateChangeAt >= (stateChangeCause === lastStateChangeCause ? Hours(1) : Minutes(1));
}
