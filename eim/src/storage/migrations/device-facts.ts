import type { Kysely } from "kysely";
import type { SchemaChange, SqlTypes } from "./migration.ts";

/** What an IPA and its eUICC say of themselves beyond the first version, and what the eIM checks downloads against. */
export function deviceFacts({ schema }: Kysely<unknown>, { octets }: SqlTypes): SchemaChange[] {
	return [
		schema.alterTable("devices").addColumn("euicc_info1", octets),
		schema.alterTable("devices").addColumn("device_info", octets),
		schema.alterTable("devices").addColumn("rules_authorisation_table", octets),
		schema.alterTable("devices").addColumn("root_smds_address", "text"),
	];
}
