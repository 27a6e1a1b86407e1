import { randomInt } from "node:crypto";
import type { Eid } from "@iot-esim/shared/ids/eid";
import { sql as raw } from "kysely";
import type { NewAuditEntry } from "../../domain/audit-entry.ts";
import { changeDevice, type Device, type DeviceChange } from "../../domain/device.ts";
import type { SmdsPolling } from "../../domain/smds-polling.ts";
import type { DeviceFilter, DeviceStore } from "../store.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import type { DeviceReader } from "./device-reader.ts";
import { all, appendEvents, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { fromDevice, toDevice, toProfile } from "./rows.ts";
import type { Steps } from "./steps.ts";

const OF_A_DEVICE = [
	"device_tags",
	"profiles",
	"operations",
	"packages",
	"received_results",
	"notifications",
	"rsp_sessions",
	"wake_ups",
	"devices",
] as const;

export class SqlDeviceStore implements DeviceStore {
	readonly #engine: SqlEngine;
	readonly #steps: Steps;
	readonly #signal: EventSignal;
	readonly #devices: DeviceReader;

	constructor(engine: SqlEngine, steps: Steps, signal: EventSignal, devices: DeviceReader) {
		this.#engine = engine;
		this.#steps = steps;
		this.#signal = signal;
		this.#devices = devices;
	}

	registerDevice(device: Device, audit: NewAuditEntry): Promise<boolean> {
		return this.#signal.write(() => this.#register(device, audit));
	}

	*#register(device: Device, audit: NewAuditEntry): Step<boolean> {
		const { sql } = this.#engine;
		const { eid, name } = device;
		const burnt = yield* first(sql.selectFrom("burnt_counters").selectAll().where("eid", "=", eid).compile());
		const token = burnt?.association_token ?? null;
		// Another token is another association, in which the card counts anew.
		const isOver = token !== null && device.associationToken !== undefined && device.associationToken !== token;
		const counter = isOver ? device.counter : Math.max(device.counter, burnt?.counter ?? 0);
		const insert = sql
			.insertInto("devices")
			.values({ ...fromDevice({ ...device, counter }), version: randomInt(2 ** 47) })
			.onConflict((conflict) => conflict.doNothing())
			.returning("eid");
		if (!(yield* first(insert.compile()))) return false;
		yield* this.#replaceTags(device);
		yield* run(sql.deleteFrom("seen_unknown").where("eid", "=", eid).compile());
		yield* this.#steps.appendAudit(audit);
		yield* appendEvents([{ at: device.createdAt, type: "deviceRegistered", eid, facts: { name } }]);
		return true;
	}

	*#replaceTags({ eid, tags }: Device): Step<void> {
		const { sql } = this.#engine;
		yield* run(sql.deleteFrom("device_tags").where("eid", "=", eid).compile());
		const rows = Object.entries(tags).map(([key, value]) => ({ eid, key, value }));
		if (rows.length > 0) yield* run(sql.insertInto("device_tags").values(rows).compile());
	}

	loadDevice(eid: Eid): Promise<Device | undefined> {
		return this.#engine.read(() => this.#devices.read(eid));
	}

	async listDevices(filter: DeviceFilter) {
		let query = this.#engine.sql.selectFrom("devices").selectAll();
		if (filter.cursor !== undefined) query = query.where("eid", ">", decodeCursor(filter.cursor, "string"));
		if (filter.search) query = query.where(contains(filter.search));
		for (const [key, value] of Object.entries(filter.tags ?? {})) {
			query = query.where("eid", "in", (eb) =>
				eb.selectFrom("device_tags").select("device_tags.eid").where("key", "=", key).where("value", "=", value),
			);
		}
		if (filter.link !== undefined) query = query.where("last_link", "=", filter.link);
		if (filter.labMode !== undefined) query = query.where("lab_mode", filter.labMode ? "is not" : "is", null);
		const page = query
			.orderBy("eid")
			.limit(filter.limit + 1)
			.compile();
		return this.#engine.read(function* () {
			return pageOf(yield* all(page), filter.limit, toDevice, (row) => row.eid);
		});
	}

	changeDevice(eid: Eid, change: DeviceChange, audit?: NewAuditEntry) {
		return this.#signal.write(() => this.#change(eid, change, audit));
	}

	*#change(eid: Eid, change: DeviceChange, audit: NewAuditEntry | undefined) {
		const device = yield* this.#steps.loadDevice(eid);
		if (!device) return undefined;
		const changed = changeDevice(device, change);
		if (changed instanceof Error) return changed;
		yield* this.#steps.storeDevice(changed);
		if (change.tags) yield* this.#replaceTags(changed);
		if (change.smdsPolling !== undefined) yield* this.#pollSmdsAnew(eid, change.smdsPolling);
		if (audit) {
			yield* this.#steps.appendAudit(audit);
			yield* appendEvents([{ at: audit.at, type: "deviceChanged", eid, facts: audit.facts }]);
		}
		return changed;
	}

	/** With the row of the device goes the row of its work: what was planned before counts no more. */
	*#pollSmdsAnew(eid: Eid, polling: SmdsPolling | null): Step<void> {
		const { sql } = this.#engine;
		const open = sql.deleteFrom("jobs").where("kind", "=", "smdsPolling").where("reference", "=", eid);
		yield* run(open.where("completed_at", "is", null).compile());
		if (polling === null) return;
		yield* this.#steps.insertJobs([{ kind: "smdsPolling", reference: eid, runAfter: polling.since }], polling.since);
	}

	removeDevice(eid: Eid, audit: NewAuditEntry): Promise<boolean> {
		return this.#signal.write(() => this.#remove(eid, audit));
	}

	*#remove(eid: Eid, audit: NewAuditEntry): Step<boolean> {
		const { sql } = this.#engine;
		const device = yield* this.#steps.loadDevice(eid);
		if (!device) return false;
		const burnt = { counter: device.counter, association_token: device.associationToken ?? null };
		const remember = sql.insertInto("burnt_counters").values({ eid, ...burnt });
		yield* run(remember.onConflict((conflict) => conflict.column("eid").doUpdateSet(burnt)).compile());
		const notifications = sql.selectFrom("notifications").select("id").where("eid", "=", eid);
		yield* run(sql.deleteFrom("jobs").where("reference", "in", notifications).compile());
		yield* run(sql.deleteFrom("jobs").where("reference", "=", eid).compile());
		this.#steps.memory.forget(eid);
		for (const table of OF_A_DEVICE) yield* run(sql.deleteFrom(table).where("eid", "=", eid).compile());
		yield* this.#steps.appendAudit(audit);
		yield* appendEvents([{ at: audit.at, type: "deviceRemoved", eid, facts: {} }]);
		return true;
	}

	listProfiles(eid: Eid) {
		const query = this.#engine.sql.selectFrom("profiles").selectAll().where("eid", "=", eid).orderBy("iccid").compile();
		return this.#engine.read(function* () {
			return (yield* all(query)).map(toProfile);
		});
	}

	noteUnknown(eid: Eid, at: number, bound: number): Promise<void> {
		return this.#signal.write(() => this.#noteUnknown(eid, at, bound));
	}

	*#noteUnknown(eid: Eid, at: number, bound: number): Step<void> {
		const { sql } = this.#engine;
		const upsert = sql
			.insertInto("seen_unknown")
			.values({ eid, first_seen_at: at, last_seen_at: at, times: 1 })
			.onConflict((conflict) =>
				conflict.column("eid").doUpdateSet((eb) => ({ last_seen_at: at, times: eb("seen_unknown.times", "+", 1) })),
			)
			.returning("times");
		const row = yield* first(upsert.compile());
		if (row?.times !== 1) return;
		const kept = sql.selectFrom("seen_unknown").select("eid").orderBy("last_seen_at", "desc").limit(bound);
		yield* run(sql.deleteFrom("seen_unknown").where("eid", "not in", kept).compile());
		yield* appendEvents([{ at, type: "unknownDeviceSeen", eid, facts: {} }]);
	}

	listSeenUnknown() {
		const query = this.#engine.sql.selectFrom("seen_unknown").selectAll();
		const latestFirst = query.orderBy("last_seen_at", "desc").orderBy("eid").compile();
		return this.#engine.read(function* () {
			return (yield* all(latestFirst)).map((row) => ({
				eid: row.eid as Eid,
				firstSeenAt: row.first_seen_at,
				lastSeenAt: row.last_seen_at,
				times: row.times,
			}));
		});
	}
}

/** A condition on the columns of a device, without regard to case. */
function contains(text: string) {
	const pattern = `%${text.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`;
	const matches = (column: "eid" | "name") =>
		raw<boolean>`lower(${raw.ref(column)}) like ${pattern} escape ${raw.lit("\\")}`;
	return raw<boolean>`(${matches("eid")} or ${matches("name")})`;
}
