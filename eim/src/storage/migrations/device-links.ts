import type { Kysely } from "kysely";
import type { SchemaChange, SqlTypes } from "./migration.ts";

/** Over what a device has spoken last, and when. */
export function deviceLinks({ schema }: Kysely<unknown>, _types: SqlTypes): SchemaChange[] {
	return [
		schema.alterTable("devices").addColumn("last_link", "text"),
		schema.alterTable("devices").addColumn("last_link_at", "bigint"),
	];
}
