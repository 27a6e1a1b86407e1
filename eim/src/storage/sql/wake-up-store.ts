import type { Eid } from "@iot-esim/shared/ids/eid";
import type { NewEvent } from "../../domain/event.ts";
import type { WakeUp, WakeUpChange, WakeUpVia } from "../../domain/wake-up.ts";
import type { PageRequest, WakeUpStore } from "../store.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { all, appendEvents, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { fromWakeUp, toWakeUp } from "./rows.ts";
import type { Steps } from "./steps.ts";

/** So many are removed in one transaction: others wait no longer than that takes. */
const REMOVED_AT_ONCE = 500;

export class SqlWakeUpStore implements WakeUpStore {
	readonly #engine: SqlEngine;
	readonly #steps: Steps;
	readonly #signal: EventSignal;

	constructor(engine: SqlEngine, steps: Steps, signal: EventSignal) {
		this.#engine = engine;
		this.#steps = steps;
		this.#signal = signal;
	}

	openWakeUp(wakeUp: WakeUp): Promise<boolean> {
		return this.#engine.write(() => this.#open(wakeUp));
	}

	*#open(wakeUp: WakeUp): Step<boolean> {
		const device = yield* this.#steps.loadDevice(wakeUp.eid);
		if (device === undefined) return false;
		yield* run(this.#engine.sql.insertInto("wake_ups").values(fromWakeUp(wakeUp)).compile());
		const { wakings } = device;
		// Without a poll so far there is no rhythm that the wake-up could disturb.
		if (wakings === undefined) return true;
		yield* this.#steps.storeDevice({ ...device, wakings: { ...wakings, triggeredAt: wakeUp.createdAt } });
		return true;
	}

	changeWakeUp(id: string, change: WakeUpChange): Promise<WakeUp | undefined> {
		return this.#signal.write(() => this.#change("id", [id], change));
	}

	noteWakeUpReceipt(via: WakeUpVia, references: readonly string[], change: WakeUpChange): Promise<WakeUp | undefined> {
		return this.#signal.write(() => this.#change("reference", references, change, via));
	}

	*#change(by: "id" | "reference", names: readonly string[], change: WakeUpChange, via?: WakeUpVia) {
		let query = this.#engine.sql.selectFrom("wake_ups").selectAll().where(by, "in", names);
		if (via !== undefined) query = query.where("via", "=", via);
		const row = yield* first(query.orderBy("seq", "desc").limit(1).compile());
		if (row === undefined) return undefined;
		const { state, at, reference = row.reference, error } = change;
		const changed = { state, reference, error_text: error ?? null, updated_at: at };
		if (row.state === state && row.error_text === changed.error_text) return toWakeUp(row);
		yield* run(this.#engine.sql.updateTable("wake_ups").set(changed).where("seq", "=", row.seq).compile());
		const wakeUp = toWakeUp({ ...row, ...changed });
		yield* appendEvents([eventOf(wakeUp)]);
		return wakeUp;
	}

	async listWakeUps(eid: Eid, { limit, cursor }: PageRequest) {
		let query = this.#engine.sql.selectFrom("wake_ups").selectAll().where("eid", "=", eid);
		if (cursor !== undefined) query = query.where("seq", "<", decodeCursor(cursor, "number"));
		const page = query
			.orderBy("seq", "desc")
			.limit(limit + 1)
			.compile();
		return this.#engine.read(function* () {
			return pageOf(yield* all(page), limit, toWakeUp, (row) => row.seq);
		});
	}

	removeWakeUps(before: number, after: number | undefined): Promise<number | undefined> {
		return this.#engine.write(() => this.#remove(before, after));
	}

	*#remove(before: number, after: number | undefined): Step<number | undefined> {
		const { sql } = this.#engine;
		const query = sql
			.selectFrom("wake_ups")
			.select(["seq", "created_at"])
			.where("seq", ">", after ?? 0);
		const rows = yield* all(query.orderBy("seq").limit(REMOVED_AT_ONCE).compile());
		for (const { seq, created_at: createdAt } of rows) {
			if (createdAt >= before) return undefined;
			yield* run(sql.deleteFrom("wake_ups").where("seq", "=", seq).compile());
		}
		return rows.length < REMOVED_AT_ONCE ? undefined : rows.at(-1)?.seq;
	}
}

function eventOf({ id, eid, via, state, waiting, error, updatedAt: at }: WakeUp): NewEvent {
	const type = state === "failed" ? "wakeUpFailed" : state === "sent" ? "wakeUpSent" : "wakeUpReported";
	return { at, type, eid, facts: { id, via, state, waiting, ...(error === undefined ? {} : { error }) } };
}
