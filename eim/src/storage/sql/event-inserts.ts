import { type CompiledQuery, type Kysely, sql as raw } from "kysely";
import type { NewEvent } from "../../domain/event.ts";
import type { Tables } from "./tables.ts";

/** Rows in one statement: sizes that come again, so that each statement is prepared once. */
const SIZES = [16, 4, 1] as const;

/** Compiles the statements that append events, several rows each. */
export class EventInserts {
	readonly #sql: Kysely<Tables>;
	readonly #texts = new Map<number, string>();

	constructor(sql: Kysely<Tables>) {
		this.#sql = sql;
	}

	*of(events: readonly NewEvent[]): Generator<Pick<CompiledQuery, "sql" | "parameters">> {
		let at = 0;
		for (const size of SIZES) {
			for (; events.length - at >= size; at += size) {
				const parameters: unknown[] = [];
				for (const event of events.slice(at, at + size)) {
					const { eid = null, operationId = null } = event;
					parameters.push(event.at, event.type, eid, operationId, JSON.stringify(event.facts));
				}
				yield { sql: this.#text(size), parameters };
			}
		}
	}

	#text(size: number): string {
		let text = this.#texts.get(size);
		if (text === undefined) {
			const row = { at: 0, type: "", eid: "", operation_id: "", facts: "" };
			const rows = Array.from({ length: size }, () => row);
			text = this.#sql.insertInto("events").values(rows).compile().sql;
			this.#texts.set(size, text);
		}
		return text;
	}
}

/** Any number will do, as long as no other program uses it in the same database. */
const EVENT_LOCK = 7_320_032;

/** On PostgreSQL, held from before the first id is drawn until the commit, so that ids come in the order of commits. */
export function eventLock(sql: Kysely<Tables>): CompiledQuery {
	return raw`select pg_advisory_xact_lock(${raw.lit(EVENT_LOCK)})`.compile(sql);
}
