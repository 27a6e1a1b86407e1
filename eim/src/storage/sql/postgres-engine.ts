import {
	type CompiledQuery,
	DummyDriver,
	Kysely,
	PostgresAdapter,
	PostgresIntrospector,
	PostgresQueryCompiler,
} from "kysely";
import pg from "pg";
import type { NewEvent } from "../../domain/event.ts";
import { StoreError } from "../errors.ts";
import type { Instruction, SqlEngine, Step } from "./engine.ts";
import { EventInserts, eventLock } from "./event-inserts.ts";
import type { Tables } from "./tables.ts";

/** Any number will do, as long as no other program uses it in the same database. */
const MIGRATION_LOCK = 7_320_031;
const INT8 = 20;

/** SQLSTATEs after which the same transaction may well go through. */
const RETRYABLE = new Set(["40001", "40P01"]);
const ATTEMPTS = 4;

/** PostgreSQL: one step, one transaction on one pooled connection. */
export class PostgresEngine implements SqlEngine {
	readonly dialect = "postgres";
	readonly sql: Kysely<Tables>;
	readonly #pool: pg.Pool;
	readonly #names = new Map<string, string>();
	readonly #eventInserts: EventInserts;
	readonly #eventLock: CompiledQuery;
	#closed = false;

	constructor(connectionString: string, connections: number, onIdleError: (error: Error) => void) {
		this.#pool = new pg.Pool({
			connectionString,
			max: connections,
			types: {
				// Times and ids stay far below 2^53.
				getTypeParser: ((oid: number, format?: "text" | "binary") =>
					oid === INT8 ? Number : pg.types.getTypeParser(oid, format as "text")) as typeof pg.types.getTypeParser,
			},
		});
		// An idle connection that the server closes is replaced by the pool; without a listener it would end the process.
		this.#pool.on("error", onIdleError);
		this.sql = new Kysely<Tables>({
			dialect: {
				createAdapter: () => new PostgresAdapter(),
				createDriver: () => new DummyDriver(),
				createIntrospector: (db) => new PostgresIntrospector(db),
				createQueryCompiler: () => new PostgresQueryCompiler(),
			},
		});
		this.#eventInserts = new EventInserts(this.sql);
		this.#eventLock = eventLock(this.sql);
	}

	/** Other processes write too, and nothing tells that they did. */
	epoch(): undefined {
		return undefined;
	}

	async read<T>(step: () => Step<T>): Promise<T> {
		return this.#withClient((client) => this.#drive(client, step(), []));
	}

	async write<T>(step: () => Step<T>): Promise<T> {
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#withClient((client) => this.#transaction(client, step));
			} catch (error) {
				const code = (error as { code?: unknown }).code;
				if (attempt === ATTEMPTS || typeof code !== "string" || !RETRYABLE.has(code)) throw asStoreError(error);
			}
		}
	}

	async exclusively<T>(step: () => Step<T>): Promise<T> {
		return this.#withClient(async (client) => {
			await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
			try {
				return await this.#transaction(client, step);
			} finally {
				await client.query("select pg_advisory_unlock($1)", [MIGRATION_LOCK]);
			}
		});
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		await this.#pool.end();
	}

	async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
		if (this.#closed) throw new StoreError("STORE_CLOSED", "the database is closed");
		const client = await this.#pool.connect().catch((cause: Error) => {
			throw new StoreError("STORE_FAILED", `PostgreSQL cannot be reached: ${cause.message}`, { cause });
		});
		let broken: Error | undefined;
		try {
			return await work(client);
		} catch (error) {
			// A connection that failed below SQL (no SQLSTATE) must not go back into the pool.
			if (error instanceof Error && !("severity" in error) && !("httpStatus" in error)) broken = error;
			throw error;
		} finally {
			client.release(broken);
		}
	}

	async #transaction<T>(client: pg.PoolClient, step: () => Step<T>): Promise<T> {
		await client.query("begin");
		try {
			const events: NewEvent[] = [];
			const value = await this.#drive(client, step(), events);
			if (events.length > 0) {
				await this.#query(client, this.#eventLock);
				for (const insert of this.#eventInserts.of(events)) await this.#query(client, insert);
			}
			await client.query("commit");
			return value;
		} catch (error) {
			await client.query("rollback").catch(() => undefined);
			throw error;
		}
	}

	async #drive<T>(client: pg.PoolClient, step: Step<T>, events: NewEvent[]): Promise<T> {
		let turn = step.next();
		while (!turn.done) {
			const instruction: Instruction = turn.value;
			switch (instruction.kind) {
				case "events":
					events.push(...instruction.events);
					turn = step.next([]);
					break;
				case "query":
					turn = step.next(await this.#query(client, instruction));
			}
		}
		return turn.value;
	}

	async #query(
		client: pg.PoolClient,
		{ sql, parameters }: Pick<CompiledQuery, "sql" | "parameters">,
	): Promise<readonly unknown[]> {
		const values = parameters.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value));
		const { rows } = await client.query({ text: sql, values, ...this.#named(sql) });
		return rows;
	}

	/** A name makes the server prepare the statement once per connection; only for texts that come again and again. */
	#named(text: string): { name?: string } {
		if (this.#names.size >= 500 && !this.#names.has(text)) return {};
		let name = this.#names.get(text);
		if (name === undefined) {
			name = `s${this.#names.size}`;
			this.#names.set(text, name);
		}
		return { name };
	}
}

function asStoreError(error: unknown): unknown {
	const { code, severity } = error as { code?: unknown; severity?: unknown };
	if (typeof code !== "string" || severity === undefined) return error;
	return new StoreError("STORE_FAILED", `PostgreSQL: ${(error as Error).message}`, { cause: error, context: { code } });
}
