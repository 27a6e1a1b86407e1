import type { Kysely } from "kysely";
import type { SchemaChange, SqlTypes } from "./migration.ts";

/** Until when an operation waits before it is given to its device again. */
export function heldOperations({ schema }: Kysely<unknown>, _types: SqlTypes): SchemaChange[] {
	return [schema.alterTable("operations").addColumn("held_until", "bigint")];
}
