import type { Kysely } from "kysely";
import type { SchemaChange, SqlTypes } from "./migration.ts";

/** For which devices the eIM asks an SM-DS, and which of its events are on the card already. */
export function smdsPolling({ schema }: Kysely<unknown>, _types: SqlTypes): SchemaChange[] {
	return [
		schema.alterTable("devices").addColumn("smds_polling", "text"),
		schema.alterTable("devices").addColumn("downloaded_events", "text"),
	];
}
