import type { Eid } from "@iot-esim/shared/ids/eid";
import type { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { EimPackageKind } from "../../domain/eim-package.ts";
import type { ResultVerification } from "../../domain/received-result.ts";
import type { BuildPackage, FoundPackage, PackageStore, Poll, ResultRecord } from "../store.ts";
import type { DeviceReader } from "./device-reader.ts";
import { all, first, type SqlEngine, type Step } from "./engine.ts";
import type { EventSignal } from "./event-signal.ts";
import { makePackageStatements } from "./package-statements.ts";
import { ResultRecorder } from "./record-result.ts";
import { removeResults } from "./removed-rows.ts";
import { toOperation, toPackage, toReceivedResult } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Steps } from "./steps.ts";
import { PackageTaker } from "./take-package.ts";

interface PackageMarks {
	readonly eimTransactionId?: TransactionId | undefined;
	readonly counter?: number | undefined;
	readonly kind?: EimPackageKind | undefined;
}

export class SqlPackageStore implements PackageStore {
	readonly #engine: SqlEngine;
	readonly #steps: Steps;
	readonly #taker: PackageTaker;
	readonly #recorder: ResultRecorder;
	readonly #statements: ReturnType<typeof makePackageStatements>;
	readonly #devices: DeviceReader;
	readonly #operationById;

	constructor(engine: SqlEngine, steps: Steps, signal: EventSignal, devices: DeviceReader) {
		this.#engine = engine;
		this.#steps = steps;
		this.#taker = new PackageTaker(engine, steps, signal);
		this.#recorder = new ResultRecorder(engine, steps, signal);
		this.#statements = makePackageStatements(engine.sql);
		this.#devices = devices;
		this.#operationById = statement(engine.sql, (db, p: { id: string }) =>
			db.selectFrom("operations").selectAll().where("id", "=", p.id),
		);
	}

	takeNextPackage(poll: Poll, build: BuildPackage) {
		return this.#taker.take(poll, build);
	}

	recordResult(record: ResultRecord) {
		return this.#recorder.record(record);
	}

	findPackage(eid: Eid, by: PackageMarks): Promise<FoundPackage | undefined> {
		return this.#engine.read(() => this.#find(eid, by));
	}

	*#find(eid: Eid, { eimTransactionId, counter, kind }: PackageMarks): Step<FoundPackage | undefined> {
		const notes = this.#steps.memory.of(eid);
		const last = notes.lastPackage;
		const isLast =
			eimTransactionId === undefined
				? counter !== undefined && last?.counter === counter
				: last?.eimTransactionId === eimTransactionId;
		if (last && isLast) {
			const operation = notes.openOperations?.find(({ id }) => id === last.operationId);
			const device = yield* this.#devices.read(eid);
			if (operation && device) return { device, operation, package: last };
		}
		const { byTransaction, byCounter, openOfKind } = this.#statements;
		let row: Parameters<typeof toPackage>[0] | undefined;
		if (eimTransactionId !== undefined) row = yield* first(byTransaction({ eid, eimTransactionId }));
		if (!row && counter !== undefined) row = yield* first(byCounter({ eid, counter }));
		if (!row && kind !== undefined) row = yield* first(openOfKind({ eid, kind }));
		if (!row) return undefined;
		const device = yield* this.#devices.read(eid);
		const operation = yield* first(this.#operationById({ id: row.operation_id }));
		if (!device || !operation) return undefined;
		return { device, operation: toOperation(operation), package: toPackage(row) };
	}

	isOvertaken(of: Parameters<PackageStore["isOvertaken"]>[0]) {
		const { laterResult } = this.#statements;
		const { eid, operationId, eimTransactionId } = of;
		return this.#engine.read(function* () {
			return (yield* first(laterResult({ eid, operationId, eimTransactionId }))) !== undefined;
		});
	}

	listPackages(operationId: string) {
		const query = this.#engine.sql
			.selectFrom("packages")
			.selectAll()
			.where("eid", "=", (eb) => eb.selectFrom("operations").select("operations.eid").where("id", "=", operationId))
			.where("operation_id", "=", operationId);
		const oldestFirst = query.orderBy("seq").compile();
		return this.#engine.read(function* () {
			return (yield* all(oldestFirst)).map(toPackage);
		});
	}

	removeResults(before: number, after: number | undefined): Promise<number | undefined> {
		return this.#engine.write(() => removeResults(this.#engine, before, after));
	}

	listResults(eid: Eid, verification?: ResultVerification) {
		let query = this.#engine.sql.selectFrom("received_results").selectAll().where("eid", "=", eid);
		if (verification) query = query.where("verification", "=", verification);
		const oldestFirst = query.orderBy("seq").compile();
		return this.#engine.read(function* () {
			return (yield* all(oldestFirst)).map(toReceivedResult);
		});
	}
}
