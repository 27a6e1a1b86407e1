import type { Kysely } from "kysely";
import type { SchemaChange, SqlTypes } from "./migration.ts";

/** How eUICC and eIM belong together: keys that the card knows, its other eIMs, the end of the association. */
export function associations({ schema }: Kysely<unknown>, _types: SqlTypes): SchemaChange[] {
	return [
		schema.alterTable("devices").addColumn("signing_key_id", "text"),
		schema.alterTable("devices").addColumn("tls_trust_id", "text"),
		schema.alterTable("devices").addColumn("released_at", "bigint"),
		schema.alterTable("devices").addColumn("card_eims", "text"),
		schema.alterTable("devices").addColumn("immediate_enable", "text"),
		schema.alterTable("devices").addColumn("last_state_change_at", "bigint"),
		// Without a token known, a lower counter is taken for one of the same association.
		schema.alterTable("burnt_counters").addColumn("association_token", "bigint"),
	];
}
