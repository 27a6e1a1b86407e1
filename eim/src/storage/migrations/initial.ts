import { type Kysely, sql } from "kysely";
import type { SchemaChange, SqlTypes } from "./migration.ts";

/** The tables of the first version. */
export function initial(db: Kysely<unknown>, types: SqlTypes): SchemaChange[] {
	return [
		...deviceTables(db, types),
		...operationTables(db, types),
		...messageTables(db, types),
		...workTables(db, types),
		...relayTables(db, types),
		...accessTables(db),
	];
}

function deviceTables({ schema }: Kysely<unknown>, { octets }: SqlTypes): SchemaChange[] {
	return [
		schema
			.createTable("devices")
			.addColumn("eid", "text", (c) => c.primaryKey())
			.addColumn("version", "bigint", (c) => c.notNull())
			.addColumn("tenant_id", "text", (c) => c.notNull())
			.addColumn("name", "text", (c) => c.notNull())
			.addColumn("tags", "text", (c) => c.notNull())
			.addColumn("lab_mode", "text")
			.addColumn("accept_unverified", "integer", (c) => c.notNull())
			.addColumn("dialect", "text", (c) => c.notNull())
			.addColumn("association_token", "bigint")
			.addColumn("counter", "integer", (c) => c.notNull())
			.addColumn("euicc_certificate", octets)
			.addColumn("eum_certificate", octets)
			.addColumn("euicc_info2", octets)
			.addColumn("ipa_capabilities", octets)
			.addColumn("default_smdp_address", "text")
			.addColumn("last_poll_at", "bigint")
			.addColumn("last_rplmn", "text")
			.addColumn("last_state_change_cause", "integer")
			.addColumn("created_at", "bigint", (c) => c.notNull()),
		schema
			.createTable("burnt_counters")
			.addColumn("eid", "text", (c) => c.primaryKey())
			.addColumn("counter", "integer", (c) => c.notNull()),
		schema
			.createTable("device_tags")
			.addColumn("eid", "text", (c) => c.notNull())
			.addColumn("key", "text", (c) => c.notNull())
			.addColumn("value", "text", (c) => c.notNull())
			.addPrimaryKeyConstraint("device_tags_pk", ["eid", "key"]),
		schema.createIndex("device_tags_by_value").on("device_tags").columns(["key", "value"]),
		schema
			.createTable("profiles")
			.addColumn("eid", "text", (c) => c.notNull())
			.addColumn("iccid", "text", (c) => c.notNull())
			.addColumn("state", "text", (c) => c.notNull())
			.addColumn("profile_class", "text", (c) => c.notNull())
			.addColumn("isdp_aid", "text")
			.addColumn("nickname", "text")
			.addColumn("service_provider_name", "text")
			.addColumn("profile_name", "text")
			.addColumn("is_fallback", "integer")
			.addColumn("may_become_fallback", "integer")
			.addColumn("updated_at", "bigint", (c) => c.notNull())
			.addPrimaryKeyConstraint("profiles_pk", ["eid", "iccid"]),
		schema
			.createTable("seen_unknown")
			.addColumn("eid", "text", (c) => c.primaryKey())
			.addColumn("first_seen_at", "bigint", (c) => c.notNull())
			.addColumn("last_seen_at", "bigint", (c) => c.notNull())
			.addColumn("times", "integer", (c) => c.notNull()),
	];
}

function operationTables({ schema }: Kysely<unknown>, { serial, serialOptions }: SqlTypes): SchemaChange[] {
	return [
		schema
			.createTable("operations")
			.addColumn("seq", serial, serialOptions)
			.addColumn("id", "text", (c) => c.notNull().unique())
			.addColumn("eid", "text", (c) => c.notNull())
			.addColumn("tenant_id", "text", (c) => c.notNull())
			.addColumn("origin", "text", (c) => c.notNull())
			.addColumn("type", "text", (c) => c.notNull())
			.addColumn("parameters", "text", (c) => c.notNull())
			.addColumn("state", "text", (c) => c.notNull())
			.addColumn("reason_text", "text")
			.addColumn("reason_code", "text")
			.addColumn("outcome", "text")
			.addColumn("created_at", "bigint", (c) => c.notNull())
			.addColumn("updated_at", "bigint", (c) => c.notNull())
			.addColumn("sent_at", "bigint")
			.addColumn("finished_at", "bigint")
			.addColumn("expires_at", "bigint", (c) => c.notNull())
			.addColumn("idempotency_key", "text"),
		schema.createIndex("operations_of_device").on("operations").columns(["eid", "seq"]),
		// Small whatever the history: what a poll looks at, and what may expire.
		schema.createIndex("operations_open").on("operations").columns(["eid"]).where(sql.ref("finished_at"), "is", null),
		schema
			.createIndex("operations_expiring")
			.on("operations")
			.columns(["expires_at"])
			.where(sql.ref("finished_at"), "is", null),
	];
}

function messageTables({ schema }: Kysely<unknown>, { octets, serial, serialOptions }: SqlTypes): SchemaChange[] {
	return [
		schema
			.createTable("packages")
			.addColumn("seq", serial, serialOptions)
			.addColumn("operation_id", "text", (c) => c.notNull())
			.addColumn("eid", "text", (c) => c.notNull())
			.addColumn("kind", "text", (c) => c.notNull())
			.addColumn("bytes", octets, (c) => c.notNull())
			.addColumn("association_token", "bigint", (c) => c.notNull())
			.addColumn("counter", "integer")
			.addColumn("eim_transaction_id", "text", (c) => c.notNull())
			.addColumn("first_sent_at", "bigint", (c) => c.notNull()),
		// The last line of defence of the rule that no counter is used twice within one association; and the one index by
		// which the packages of a device are found, since each index more costs every package a page to write.
		schema
			.createIndex("packages_counter_once")
			.on("packages")
			.columns(["eid", "association_token", "counter"])
			.unique(),
		schema
			.createTable("received_results")
			.addColumn("seq", serial, serialOptions)
			.addColumn("eid", "text", (c) => c.notNull())
			.addColumn("digest", octets, (c) => c.notNull())
			.addColumn("operation_id", "text")
			.addColumn("seq_number", "bigint")
			.addColumn("bytes", octets, (c) => c.notNull())
			.addColumn("verification", "text", (c) => c.notNull())
			.addColumn("received_at", "bigint", (c) => c.notNull()),
		schema.createIndex("received_results_once").on("received_results").columns(["eid", "digest"]).unique(),
	];
}

function workTables({ schema }: Kysely<unknown>, types: SqlTypes): SchemaChange[] {
	const { octets, serial, serialOptions } = types;
	return [
		schema
			.createTable("notifications")
			.addColumn("seq", serial, serialOptions)
			.addColumn("id", "text", (c) => c.notNull().unique())
			.addColumn("eid", "text", (c) => c.notNull())
			.addColumn("digest", octets, (c) => c.notNull())
			.addColumn("bytes", octets, (c) => c.notNull())
			.addColumn("address", "text", (c) => c.notNull())
			.addColumn("seq_number", "bigint", (c) => c.notNull())
			.addColumn("event", "text", (c) => c.notNull())
			.addColumn("iccid", "text")
			.addColumn("received_at", "bigint", (c) => c.notNull()),
		schema.createIndex("notifications_once").on("notifications").columns(["eid", "digest"]).unique(),
		schema
			.createTable("jobs")
			.addColumn("seq", serial, serialOptions)
			.addColumn("kind", "text", (c) => c.notNull())
			.addColumn("reference", "text", (c) => c.notNull())
			.addColumn("attempts", "integer", (c) => c.notNull())
			.addColumn("run_after", "bigint", (c) => c.notNull())
			.addColumn("leased_until", "bigint")
			.addColumn("last_error", "text")
			.addColumn("completed_at", "bigint")
			.addColumn("created_at", "bigint", (c) => c.notNull()),
		schema.createIndex("jobs_due").on("jobs").columns(["run_after"]).where(sql.ref("completed_at"), "is", null),
		schema
			.createIndex("jobs_open_once")
			.on("jobs")
			.columns(["kind", "reference"])
			.unique()
			.where(sql.ref("completed_at"), "is", null),
		schema.createIndex("jobs_of_reference").on("jobs").columns(["reference"]),
	];
}

function relayTables({ schema }: Kysely<unknown>, types: SqlTypes): SchemaChange[] {
	const { serial, serialOptions, lastingSerialOptions } = types;
	return [
		schema
			.createTable("rsp_sessions")
			.addColumn("transaction_id", "text", (c) => c.primaryKey())
			.addColumn("eid", "text", (c) => c.notNull())
			.addColumn("eim_transaction_id", "text")
			.addColumn("operation_id", "text")
			.addColumn("smdp_address", "text", (c) => c.notNull())
			.addColumn("state", "text", (c) => c.notNull())
			.addColumn("details", "text", (c) => c.notNull())
			.addColumn("created_at", "bigint", (c) => c.notNull())
			.addColumn("updated_at", "bigint", (c) => c.notNull())
			.addColumn("expires_at", "bigint", (c) => c.notNull()),
		schema.createIndex("rsp_sessions_of_device").on("rsp_sessions").columns(["eid", "created_at"]),
		schema
			.createTable("events")
			.addColumn("id", serial, lastingSerialOptions)
			.addColumn("at", "bigint", (c) => c.notNull())
			.addColumn("type", "text", (c) => c.notNull())
			.addColumn("eid", "text")
			.addColumn("operation_id", "text")
			.addColumn("facts", "text", (c) => c.notNull()),
		schema
			.createTable("audit")
			.addColumn("id", serial, serialOptions)
			.addColumn("at", "bigint", (c) => c.notNull())
			.addColumn("actor", "text", (c) => c.notNull())
			.addColumn("action", "text", (c) => c.notNull())
			.addColumn("subject", "text", (c) => c.notNull())
			.addColumn("facts", "text", (c) => c.notNull()),
		schema.createIndex("audit_of_subject").on("audit").columns(["subject", "id"]),
	];
}

function accessTables({ schema }: Kysely<unknown>): SchemaChange[] {
	return [
		schema
			.createTable("idempotency_keys")
			.addColumn("scope", "text", (c) => c.notNull())
			.addColumn("key", "text", (c) => c.notNull())
			.addColumn("digest", "text", (c) => c.notNull())
			.addColumn("answer", "text", (c) => c.notNull())
			.addColumn("created_at", "bigint", (c) => c.notNull())
			.addPrimaryKeyConstraint("idempotency_keys_pk", ["scope", "key"]),
		schema.createIndex("idempotency_keys_by_age").on("idempotency_keys").columns(["created_at"]),
		schema
			.createTable("api_keys")
			.addColumn("id", "text", (c) => c.primaryKey())
			.addColumn("name", "text", (c) => c.notNull())
			.addColumn("read_only", "integer", (c) => c.notNull())
			.addColumn("hash", "text", (c) => c.notNull().unique())
			.addColumn("created_at", "bigint", (c) => c.notNull())
			.addColumn("last_used_at", "bigint")
			.addColumn("revoked_at", "bigint"),
	];
}
