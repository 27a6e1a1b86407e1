import type { Compilable, CompiledQuery, Kysely } from "kysely";
import type { Tables } from "./tables.ts";

/** Stands for one parameter while a statement is compiled. */
class Placeholder {
	readonly name: string;
	constructor(name: string) {
		this.name = name;
	}
}

type Parameters = Readonly<Record<string, unknown>>;

/**
 * A statement that is compiled once and then only filled in: compiling takes longer than SQLite needs to run it. The
 * builder must use each parameter as a plain value; lists (`in`) cannot be filled in this way.
 */
export function statement<P extends Parameters, Row>(
	sql: Kysely<Tables>,
	build: (sql: Kysely<Tables>, parameters: P) => Compilable<Row>,
): (parameters: P) => CompiledQuery<Row> {
	let compiled: CompiledQuery<Row> | undefined;
	let names: readonly (string | undefined)[] = [];
	return (parameters) => {
		if (!compiled) {
			const placeholders = new Proxy({}, { get: (_, name) => new Placeholder(String(name)) }) as P;
			compiled = build(sql, placeholders).compile();
			names = compiled.parameters.map((value) => (value instanceof Placeholder ? value.name : undefined));
		}
		const fixed = compiled.parameters;
		const values = names.map((name, i) => (name === undefined ? fixed[i] : (parameters[name] ?? null)));
		return { query: compiled.query, queryId: compiled.queryId, sql: compiled.sql, parameters: values };
	};
}
