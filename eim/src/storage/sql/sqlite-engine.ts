import { systemClock } from "@iot-esim/shared/runtime/clock";
import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import Database from "libsql";
import type { NewEvent } from "../../domain/event.ts";
import { StoreError } from "../errors.ts";
import type { Instruction, SqlEngine, Step } from "./engine.ts";
import { EventInserts } from "./event-inserts.ts";
import type { Tables } from "./tables.ts";

/** A step and whoever waits for its value. */
interface Waiting {
	readonly step: () => Step<unknown>;
	readonly resolve: (value: unknown) => void;
	readonly reject: (error: unknown) => void;
}

/** Runs a task when what is under way now has had its turn; what is deferred meanwhile shares its commit. */
export type Defer = (task: () => void) => void;

type Statement = ReturnType<Database.Database["prepare"]>;

/** A statement with what is asked of it again and again; rows come as arrays, which is much cheaper, and are named here. */
class PreparedStatement {
	readonly #statement: Statement;
	readonly #columns: readonly string[] | undefined;

	constructor(statement: Statement) {
		this.#statement = statement;
		if (statement.reader) {
			this.#columns = statement.columns().map(({ name }) => name);
			statement.raw();
		}
	}

	run(parameters: readonly unknown[], single: boolean): readonly unknown[] {
		if (!this.#columns) {
			this.#statement.run(parameters as unknown[]);
			return NO_ROWS;
		}
		if (!single) return this.#statement.all(parameters as unknown[]).map((row) => this.#named(row as unknown[]));
		const row = this.#statement.get(parameters as unknown[]) as unknown[] | undefined;
		return row ? [this.#named(row)] : NO_ROWS;
	}

	#named(values: readonly unknown[]): Record<string, unknown> {
		const row: Record<string, unknown> = {};
		const columns = this.#columns ?? [];
		for (let i = 0; i < columns.length; i++) row[columns[i] ?? ""] = values[i];
		return row;
	}
}

/**
 * SQLite in this process. Steps that wait at the same time share one transaction and so one sync to disk; each is
 * answered only after it. Steps run without a pause between BEGIN and COMMIT, so nobody ever reads what is not durable.
 */
export class SqliteEngine implements SqlEngine {
	readonly dialect = "sqlite";
	readonly sql: Kysely<Tables>;
	readonly #database: Database.Database;
	readonly #isOwner: boolean;
	readonly #defer: Defer;
	readonly #statements = new Map<string, PreparedStatement>();
	readonly #begin: Statement;
	readonly #commit: Statement;
	readonly #rollback: Statement;
	/** Answers another number after another connection has changed the database. */
	readonly #dataVersion: Statement;
	#rollbacks = 0;
	/** Of the transaction or read that runs; nobody else can change anything within a transaction. */
	#epoch: string | undefined;
	#lastEpoch = "";
	readonly #eventInserts: EventInserts;
	readonly #pauseLength: Duration;
	#endPause: (() => void) | undefined;
	#waiting: Waiting[] = [];
	#reading: Waiting[] = [];
	#closed = false;

	/** @param file a path, or `:memory:`, or a database of `openDatabase`, which `close` leaves open */
	constructor(file: string | Database.Database, defer: Defer = (task) => void setImmediate(task)) {
		this.#isOwner = typeof file === "string";
		this.#database = typeof file === "string" ? openDatabase(file) : file;
		this.#defer = defer;
		this.#pauseLength = Milliseconds(file === ":memory:" || !this.#isOwner ? 0 : PAUSE_AFTER_COMMIT);
		this.#begin = this.#database.prepare("begin immediate");
		this.#commit = this.#database.prepare("commit");
		this.#rollback = this.#database.prepare("rollback");
		this.#dataVersion = this.#database.prepare("pragma data_version").raw();
		this.sql = new Kysely<Tables>({
			dialect: {
				createAdapter: () => new SqliteAdapter(),
				createDriver: () => new DummyDriver(),
				createIntrospector: (db) => new SqliteIntrospector(db),
				createQueryCompiler: () => new SqliteQueryCompiler(),
			},
		});
		this.#eventInserts = new EventInserts(this.sql);
	}

	epoch(): string {
		if (this.#epoch === undefined) {
			const epoch = `${this.#dataVersion.get([])} ${this.#rollbacks}`;
			// The same object again: it is compared a dozen times per step.
			if (epoch !== this.#lastEpoch) this.#lastEpoch = epoch;
			this.#epoch = this.#lastEpoch;
		}
		return this.#epoch;
	}

	/** Reads that come in the same turn of the event loop ask once together whether others have written. */
	read<T>(step: () => Step<T>): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			this.#assertOpen();
			this.#reading.push({ step, resolve: resolve as (value: unknown) => void, reject });
			if (this.#reading.length === 1) this.#defer(() => this.#read());
		});
	}

	write<T>(step: () => Step<T>): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			this.#assertOpen();
			this.#waiting.push({ step, resolve: resolve as (value: unknown) => void, reject });
			if (this.#endPause) {
				if (this.#waiting.length < ENOUGH) return;
				this.#endPause();
				this.#endPause = undefined;
			} else if (this.#waiting.length > 1) return;
			this.#flushSoon();
		});
	}

	async exclusively<T>(step: () => Step<T>): Promise<T> {
		return this.write(step);
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		this.#endPause?.();
		this.#read();
		this.#flush();
		this.#statements.clear();
		if (this.#isOwner) this.#database.close();
	}

	#read(): void {
		const batch = this.#reading;
		this.#reading = [];
		this.#epoch = undefined;
		for (const { step, resolve, reject } of batch) {
			try {
				resolve(this.#drive(step(), []));
			} catch (error) {
				reject(error);
			}
		}
	}

	#flush(): void {
		const batch = this.#waiting;
		this.#waiting = [];
		if (batch.length === 0) return;
		this.#commitTogether(batch);
		this.#pause();
	}

	/** Whatever the network has brought by then comes along. */
	#flushSoon(): void {
		this.#defer(() => this.#flush());
	}

	#commitTogether(batch: readonly Waiting[]): void {
		try {
			this.#begin.run([]);
		} catch (error) {
			// Another process holds the database for longer than we wait: one by one it would be no better.
			for (const { reject } of batch) reject(asStoreError(error));
			return;
		}
		if (this.#runTogether(batch) === undefined) return;
		// One of them failed and took the others' work with it: each now stands alone.
		for (const waiting of batch) {
			const failure = this.#runAlone(waiting);
			if (failure) waiting.reject(asStoreError(failure.error));
		}
	}

	/**
	 * After a commit the next one waits a moment: it costs more than all the steps that it can take along. A step that
	 * comes alone is not held up.
	 */
	#pause(): void {
		if (this.#pauseLength === 0 || this.#closed) return;
		this.#endPause = systemClock.schedule(this.#pauseLength, () => {
			this.#endPause = undefined;
			if (this.#waiting.length > 0) this.#flushSoon();
		});
	}

	#runAlone(waiting: Waiting): { error: unknown } | undefined {
		try {
			this.#begin.run([]);
		} catch (error) {
			return { error };
		}
		return this.#runTogether([waiting]);
	}

	/** In a transaction that has begun. Undefined when the batch is answered; otherwise it left nothing behind and must be run one by one. */
	#runTogether(batch: readonly Waiting[]): { error: unknown } | undefined {
		const values: unknown[] = [];
		const events: NewEvent[] = [];
		this.#epoch = undefined;
		try {
			for (const { step } of batch) values.push(this.#drive(step(), events));
			for (const { sql, parameters } of this.#eventInserts.of(events)) this.#prepared(sql).run(parameters, true);
			this.#commit.run([]);
		} catch (error) {
			if (this.#database.inTransaction) this.#rollback.run([]);
			this.#rollbacks++;
			return { error };
		}
		for (const [i, { resolve }] of batch.entries()) resolve(values[i]);
		return undefined;
	}

	#drive<T>(step: Step<T>, events: NewEvent[]): T {
		let turn = step.next();
		while (!turn.done) turn = step.next(this.#follow(turn.value, events));
		return turn.value;
	}

	#follow(instruction: Instruction, events: NewEvent[]): readonly unknown[] {
		switch (instruction.kind) {
			case "query":
				return this.#prepared(instruction.sql).run(instruction.parameters, instruction.single);
			case "events":
				events.push(...instruction.events);
				return NO_ROWS;
		}
	}

	#prepared(text: string): PreparedStatement {
		let prepared = this.#statements.get(text);
		if (!prepared) {
			prepared = new PreparedStatement(this.#database.prepare(text));
			this.#statements.set(text, prepared);
		}
		return prepared;
	}

	#assertOpen(): void {
		if (this.#closed) throw new StoreError("STORE_CLOSED", "the database is closed");
	}
}

/** Milliseconds; a device that polls over a mobile network never notices. */
const PAUSE_AFTER_COMMIT = 3;
/** So many steps are enough for one commit. */
const ENOUGH = 64;

/** @throws StoreError STORE_FAILED */
export function openDatabase(file: string): Database.Database {
	try {
		const database = new Database(file);
		database.exec("pragma busy_timeout = 10000");
		database.exec("pragma journal_mode = wal");
		// Each commit is on disk before anybody is answered.
		database.exec("pragma synchronous = full");
		// The pages that a fleet touches again and again stay in memory, and are copied to the main file less often.
		database.exec("pragma cache_size = -65536");
		database.exec("pragma wal_autocheckpoint = 4000");
		return database;
	} catch (cause) {
		const why = cause instanceof Error ? cause.message : String(cause);
		throw new StoreError("STORE_FAILED", `the database ${file} cannot be opened: ${why}`, { cause });
	}
}

const NO_ROWS: readonly unknown[] = [];

function asStoreError(error: unknown): unknown {
	const code = (error as { code?: unknown }).code;
	if (typeof code !== "string" || !code.startsWith("SQLITE_")) return error;
	return new StoreError("STORE_FAILED", `SQLite: ${(error as Error).message}`, { cause: error, context: { code } });
}
