import { sql as raw } from "kysely";
import { changeDevice, type Device } from "../../domain/device.ts";
import type { NewEvent } from "../../domain/event.ts";
import type { DeviceFilter, DeviceStore } from "../store.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { all, first, run, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { fromDevice, toDevice, toProfile } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Steps } from "./steps.ts";

export function deviceStore(engine: SqlEngine, steps: Steps, signal: EventSignal): DeviceStore {
	const { sql } = engine;
	const byEid = statement(sql, (db, p: { eid: string }) =>
		db.selectFrom("devices").selectAll().where("eid", "=", p.eid),
	);

	function* replaceTags(device: Device): Step<void> {
		yield* run(sql.deleteFrom("device_tags").where("eid", "=", device.eid).compile());
		const rows = Object.entries(device.tags).map(([key, value]) => ({ eid: device.eid, key, value }));
		if (rows.length > 0) yield* run(sql.insertInto("device_tags").values(rows).compile());
	}

	return {
		registerDevice: (device, audit) =>
			signal.write(function* () {
				const burnt = yield* first(
					sql.selectFrom("burnt_counters").select("counter").where("eid", "=", device.eid).compile(),
				);
				const insert = sql
					.insertInto("devices")
					.values(fromDevice({ ...device, counter: Math.max(device.counter, burnt?.counter ?? 0) }))
					.onConflict((conflict) => conflict.doNothing())
					.returning("eid");
				if (!(yield* first(insert.compile()))) return false;
				yield* replaceTags(device);
				yield* run(sql.deleteFrom("seen_unknown").where("eid", "=", device.eid).compile());
				yield* steps.appendAudit(audit);
				yield* steps.appendEvents([
					{ at: device.createdAt, type: "deviceRegistered", eid: device.eid, facts: { name: device.name } },
				]);
				return true;
			}),

		loadDevice: (eid) =>
			engine.read(function* () {
				const row = yield* first(byEid({ eid }));
				return row && toDevice(row);
			}),

		listDevices: (filter) => listDevices(engine, filter),

		changeDevice: (eid, change, audit) =>
			signal.write(function* () {
				const device = yield* steps.loadDevice(eid);
				if (!device) return undefined;
				const changed = changeDevice(device, change);
				if (changed instanceof Error) return changed;
				yield* run(sql.updateTable("devices").set(fromDevice(changed)).where("eid", "=", eid).compile());
				if (change.tags) yield* replaceTags(changed);
				if (audit) {
					yield* steps.appendAudit(audit);
					const event: NewEvent = { at: audit.at, type: "deviceChanged", eid, facts: audit.facts };
					yield* steps.appendEvents([event]);
				}
				return changed;
			}),

		removeDevice: (eid, audit) =>
			signal.write(function* () {
				const device = yield* steps.loadDevice(eid);
				if (!device) return false;
				const { counter } = device;
				const remember = sql.insertInto("burnt_counters").values({ eid, counter });
				yield* run(remember.onConflict((c) => c.column("eid").doUpdateSet({ counter })).compile());
				const notifications = sql.selectFrom("notifications").select("id").where("eid", "=", eid);
				yield* run(sql.deleteFrom("jobs").where("reference", "in", notifications).compile());
				yield* run(sql.deleteFrom("jobs").where("reference", "=", eid).compile());
				for (const table of OF_A_DEVICE) yield* run(sql.deleteFrom(table).where("eid", "=", eid).compile());
				yield* steps.appendAudit(audit);
				yield* steps.appendEvents([{ at: audit.at, type: "deviceRemoved", eid, facts: {} }]);
				return true;
			}),

		listProfiles: (eid) =>
			engine.read(function* () {
				const query = sql.selectFrom("profiles").selectAll().where("eid", "=", eid).orderBy("iccid");
				return (yield* all(query.compile())).map(toProfile);
			}),

		noteUnknown: (eid, at, bound) =>
			signal.write(function* () {
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
				yield* steps.appendEvents([{ at, type: "unknownDeviceSeen", eid, facts: {} }]);
			}),

		listSeenUnknown: () =>
			engine.read(function* () {
				const query = sql.selectFrom("seen_unknown").selectAll().orderBy("last_seen_at", "desc").orderBy("eid");
				return (yield* all(query.compile())).map((row) => ({
					eid: row.eid as Device["eid"],
					firstSeenAt: row.first_seen_at,
					lastSeenAt: row.last_seen_at,
					times: row.times,
				}));
			}),
	};
}

const OF_A_DEVICE = [
	"device_tags",
	"profiles",
	"operations",
	"packages",
	"received_results",
	"notifications",
	"rsp_sessions",
	"devices",
] as const;

function listDevices(engine: SqlEngine, filter: DeviceFilter) {
	let query = engine.sql.selectFrom("devices").selectAll();
	if (filter.cursor !== undefined) query = query.where("eid", ">", decodeCursor(filter.cursor, "string"));
	if (filter.search) {
		const pattern = `%${filter.search.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`;
		query = query.where((eb) => {
			const matches = (column: "eid" | "name") =>
				raw<boolean>`lower(${eb.ref(column)}) like ${pattern} escape ${raw.lit("\\")}`;
			return eb.or([matches("eid"), matches("name")]);
		});
	}
	for (const [key, value] of Object.entries(filter.tags ?? {})) {
		query = query.where("eid", "in", (eb) =>
			eb.selectFrom("device_tags").select("device_tags.eid").where("key", "=", key).where("value", "=", value),
		);
	}
	if (filter.labMode !== undefined) query = query.where("lab_mode", filter.labMode ? "is not" : "is", null);
	const compiled = query
		.orderBy("eid")
		.limit(filter.limit + 1)
		.compile();
	return engine.read(function* () {
		return pageOf(yield* all(compiled), filter.limit, toDevice, (row) => row.eid);
	});
}
