import type { Kysely } from "kysely";
import type { SchemaChange, SqlTypes } from "./migration.ts";

/** Where packages are brought to a device. */
export function injectAddress({ schema }: Kysely<unknown>, _types: SqlTypes): SchemaChange[] {
	return [schema.alterTable("devices").addColumn("inject", "text")];
}
