import type { PackageStore } from "../store.ts";
import { all, first, type SqlEngine } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { recordResult } from "./record-result.ts";
import { toDevice, toOperation, toPackage, toReceivedResult } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Steps } from "./steps.ts";
import { takePackage } from "./take-package.ts";

export function packageStore(engine: SqlEngine, steps: Steps, signal: EventSignal): PackageStore {
	const { sql } = engine;
	const deviceByEid = statement(sql, (db, p: { eid: string }) =>
		db.selectFrom("devices").selectAll().where("eid", "=", p.eid),
	);
	const operationById = statement(sql, (db, p: { id: string }) =>
		db.selectFrom("operations").selectAll().where("id", "=", p.id),
	);
	const byTransaction = statement(sql, (db, p: { eid: string; eimTransactionId: string }) =>
		db
			.selectFrom("packages")
			.selectAll()
			.where("eid", "=", p.eid)
			.where("eim_transaction_id", "=", p.eimTransactionId)
			.orderBy("seq", "desc")
			.limit(1),
	);
	const byCounter = statement(sql, (db, p: { eid: string; counter: number }) =>
		db
			.selectFrom("packages")
			.selectAll()
			.where("eid", "=", p.eid)
			.where("counter", "=", p.counter)
			.orderBy("seq", "desc")
			.limit(1),
	);
	const openOfKind = statement(sql, (db, p: { eid: string; kind: string }) =>
		db
			.selectFrom("packages")
			.selectAll("packages")
			.innerJoin("operations", "operations.id", "packages.operation_id")
			.where("operations.eid", "=", p.eid)
			.where("operations.finished_at", "is", null)
			.where("operations.state", "!=", "queued")
			.where("packages.kind", "=", p.kind)
			.orderBy("packages.seq", "desc")
			.limit(1),
	);

	return {
		...takePackage(engine, steps, signal),
		...recordResult(engine, steps, signal),

		findPackage: (eid, { eimTransactionId, counter, kind }) =>
			engine.read(function* () {
				let row: Parameters<typeof toPackage>[0] | undefined;
				if (eimTransactionId !== undefined) row = yield* first(byTransaction({ eid, eimTransactionId }));
				if (!row && counter !== undefined) row = yield* first(byCounter({ eid, counter }));
				if (!row && kind !== undefined) row = yield* first(openOfKind({ eid, kind }));
				if (!row) return undefined;
				const device = yield* first(deviceByEid({ eid }));
				const operation = yield* first(operationById({ id: row.operation_id }));
				if (!device || !operation) return undefined;
				return { device: toDevice(device), operation: toOperation(operation), package: toPackage(row) };
			}),

		listPackages: (operationId) =>
			engine.read(function* () {
				const query = sql.selectFrom("packages").selectAll().where("operation_id", "=", operationId).orderBy("seq");
				return (yield* all(query.compile())).map(toPackage);
			}),

		listResults: (eid, verification) =>
			engine.read(function* () {
				let query = sql.selectFrom("received_results").selectAll().where("eid", "=", eid);
				if (verification) query = query.where("verification", "=", verification);
				return (yield* all(query.orderBy("seq").compile())).map(toReceivedResult);
			}),
	};
}
