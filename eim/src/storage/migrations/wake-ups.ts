import { type Kysely, sql } from "kysely";
import type { SchemaChange, SqlTypes } from "./migration.ts";

/** How devices that sleep are woken, when they are awake, and each time that one was woken. */
export function wakeUps({ schema }: Kysely<unknown>, { serial, serialOptions }: SqlTypes): SchemaChange[] {
	return [
		schema.alterTable("devices").addColumn("wake_up", "text"),
		schema.alterTable("devices").addColumn("awake", "text"),
		schema.alterTable("devices").addColumn("wakings", "text"),
		schema
			.createTable("wake_ups")
			.addColumn("seq", serial, serialOptions)
			.addColumn("id", "text", (c) => c.notNull().unique())
			.addColumn("eid", "text", (c) => c.notNull())
			.addColumn("via", "text", (c) => c.notNull())
			.addColumn("state", "text", (c) => c.notNull())
			.addColumn("waiting", "integer", (c) => c.notNull())
			.addColumn("reference", "text")
			.addColumn("error_text", "text")
			.addColumn("created_at", "bigint", (c) => c.notNull())
			.addColumn("updated_at", "bigint", (c) => c.notNull()),
		schema.createIndex("wake_ups_of_device").on("wake_ups").columns(["eid", "seq"]),
		schema
			.createIndex("wake_ups_by_reference")
			.on("wake_ups")
			.columns(["reference"])
			.where(sql.ref("reference"), "is not", null),
	];
}
