import type { Kysely } from "kysely";
import type { SchemaChange, SqlTypes } from "./migration.ts";

/** For when a job was asked for again while it was open. */
export function renewedJobs({ schema }: Kysely<unknown>, _types: SqlTypes): SchemaChange[] {
	return [schema.alterTable("jobs").addColumn("renewed_for", "bigint")];
}
