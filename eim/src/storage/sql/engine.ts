/**
 * How a step of the store runs. A step is a generator that yields queries and gets their rows, so the same step runs
 * on SQLite without ever giving up control (many steps share one commit) and on PostgreSQL with a round trip for each.
 */

import type { CompiledQuery, Kysely } from "kysely";
import type { Tables } from "./tables.ts";

export type Step<T> = Generator<CompiledQuery, T, readonly unknown[]>;

export interface SqlEngine {
	readonly dialect: "sqlite" | "postgres";
	/** Compiles queries for this dialect; it never runs them. */
	readonly sql: Kysely<Tables>;
	/** Runs a step that changes nothing; it sees only what is committed. */
	read<T>(step: () => Step<T>): Promise<T>;
	/**
	 * Runs a step in a transaction and resolves when that is durable. The step may be run again from its start, so
	 * it must do nothing but queries and pure work.
	 */
	write<T>(step: () => Step<T>): Promise<T>;
	/** Runs each statement by itself, for migrations. */
	exclusively<T>(step: () => Step<T>): Promise<T>;
	close(): Promise<void>;
}

/** All rows of a query. */
export function* all<Row>(query: CompiledQuery<Row>): Step<readonly Row[]> {
	return (yield query) as readonly Row[];
}

/** The first row, or undefined. */
export function* first<Row>(query: CompiledQuery<Row>): Step<Row | undefined> {
	return ((yield query) as readonly Row[])[0];
}

/** Runs a query for its effect. */
export function* run(query: CompiledQuery<unknown>): Step<void> {
	yield query;
}
