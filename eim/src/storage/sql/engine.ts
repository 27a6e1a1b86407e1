/**
 * How a step of the store runs. A step is a generator that yields queries and gets their rows, so the same step runs
 * on SQLite without ever giving up control (many steps share one commit) and on PostgreSQL with a round trip for each.
 */

import type { CompiledQuery, Kysely } from "kysely";
import type { NewEvent } from "../../domain/event.ts";
import type { Tables } from "./tables.ts";

/** What a step asks of the engine; `single` says that the first row is enough. */
export type Instruction =
	| { readonly kind: "query"; readonly sql: string; readonly parameters: readonly unknown[]; readonly single: boolean }
	/** Appended last in the transaction, with those of the other steps of the same commit. */
	| { readonly kind: "events"; readonly events: readonly NewEvent[] };

export type Step<T> = Generator<Instruction, T, readonly unknown[]>;

export interface SqlEngine {
	readonly dialect: "sqlite" | "postgres";
	/** Compiles queries for this dialect; it never runs them. */
	readonly sql: Kysely<Tables>;
	/**
	 * For a step that runs: a text that stays the same as long as only this process changes the database and all that
	 * it wrote stands; undefined where that cannot be known.
	 */
	epoch(): string | undefined;
	/** Runs a step that changes nothing; it sees only what is committed. */
	read<T>(step: () => Step<T>): Promise<T>;
	/**
	 * Runs a step in a transaction and resolves when that is durable. The step may be run again from its start, so
	 * it must do nothing but queries and pure work.
	 */
	write<T>(step: () => Step<T>): Promise<T>;
	/** As `write`, one at a time among all processes that share the database. */
	exclusively<T>(step: () => Step<T>): Promise<T>;
	close(): Promise<void>;
}

/** All rows of a query. */
export function* all<Row>({ sql, parameters }: CompiledQuery<Row>): Step<readonly Row[]> {
	return (yield { kind: "query", sql, parameters, single: false }) as readonly Row[];
}

/** The first row, or undefined. */
export function* first<Row>({ sql, parameters }: CompiledQuery<Row>): Step<Row | undefined> {
	return ((yield { kind: "query", sql, parameters, single: true }) as readonly Row[])[0];
}

/** Runs a query for its effect. */
export function* run({ sql, parameters }: CompiledQuery<unknown>): Step<void> {
	yield { kind: "query", sql, parameters, single: true };
}

/** Appends to the event stream when the transaction commits. */
export function* appendEvents(events: readonly NewEvent[]): Step<void> {
	if (events.length > 0) yield { kind: "events", events };
}
