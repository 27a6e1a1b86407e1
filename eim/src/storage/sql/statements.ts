import type { CompiledQuery, Kysely } from "kysely";
import type { Device } from "../../domain/device.ts";
import type { SqlEngine } from "./engine.ts";
import { fromDevice } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

type Sql = Kysely<Tables>;

/** The statements of the steps that every message of a device takes. */
export function makeStatements(engine: SqlEngine) {
	const { sql } = engine;
	const isPostgres = engine.dialect === "postgres";
	const operationById = statement(sql, (db, p: { id: string }) =>
		db
			.selectFrom("operations")
			.selectAll()
			.where("id", "=", p.id)
			.$if(isPostgres, (query) => query.forUpdate()),
	);
	const openOperations = statement(sql, (db, p: { eid: string }) =>
		db
			.selectFrom("operations")
			.selectAll()
			.where("eid", "=", p.eid)
			.where("finished_at", "is", null)
			.orderBy("origin")
			.orderBy("seq"),
	);
	const insertJob = statement(sql, (db, p: JobRow) =>
		db
			.insertInto("jobs")
			.values({ kind: p.kind, reference: p.reference, attempts: 0, run_after: p.runAfter, created_at: p.at })
			.onConflict((conflict) => conflict.doNothing()),
	);
	return {
		operationById,
		openOperations,
		insertJob,
		renewJob: statement(sql, renewal),
		moveOpenOperation: statement(sql, openUpdate),
		finishOperation: statement(sql, finalUpdate),
		updateDevice: deviceUpdate(sql),
	};
}

type JobRow = { kind: string; reference: string; runAfter: number; at: number };

const renewal = (db: Sql, p: JobRow) =>
	db
		.insertInto("jobs")
		.values({ kind: p.kind, reference: p.reference, attempts: 0, run_after: p.runAfter, created_at: p.at })
		.onConflict((conflict) =>
			conflict
				.columns(["kind", "reference"])
				.where("completed_at", "is", null)
				.doUpdateSet(({ eb, ref, fn }) => {
					const [asked, due] = [ref("excluded.run_after"), ref("jobs.run_after")];
					const renewed = fn.coalesce(ref("jobs.renewed_for"), asked);
					return {
						attempts: 0,
						run_after: eb.case().when(due, "<", asked).then(due).else(asked).end(),
						renewed_for: eb.case().when(renewed, "<", asked).then(renewed).else(asked).end(),
					};
				}),
		);

/** Each device has the same columns: the first one that is written gives them. */
function deviceUpdate(sql: Sql): (device: Device) => CompiledQuery {
	let write: ((row: ReturnType<typeof fromDevice>) => CompiledQuery) | undefined;
	return (device) => {
		const row = fromDevice(device);
		write ??= statement(sql, (db, p: typeof row) => {
			const columns = Object.keys(row).map((column) => [column, p[column as keyof typeof row]]);
			return db
				.updateTable("devices")
				.set((eb) => ({ ...Object.fromEntries(columns), version: eb("version", "+", 1) }))
				.where("eid", "=", p.eid);
		});
		return write(row);
	};
}

interface OperationUpdate extends Record<string, unknown> {
	readonly id: string;
	readonly state: string;
	readonly reasonText: string | null;
	readonly reasonCode: string | null;
	readonly outcome: string | null;
	readonly updatedAt: number;
	readonly sentAt: number | null;
	readonly heldUntil: number | null;
	readonly finishedAt: number | null;
}

const changed = (p: OperationUpdate) => ({
	state: p.state,
	reason_text: p.reasonText,
	reason_code: p.reasonCode,
	outcome: p.outcome,
	updated_at: p.updatedAt,
	sent_at: p.sentAt,
	held_until: p.heldUntil,
});

/** Leaves `finished_at` out: naming it makes SQLite write the indexes of open operations anew. */
const openUpdate = (db: Sql, p: OperationUpdate) => db.updateTable("operations").set(changed(p)).where("id", "=", p.id);

const finalUpdate = (db: Sql, p: OperationUpdate) =>
	db
		.updateTable("operations")
		.set({ ...changed(p), finished_at: p.finishedAt })
		.where("id", "=", p.id);
