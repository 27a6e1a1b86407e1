import type { ColumnType, Generated } from "kysely";

/** Octets: given as `Uint8Array`; SQLite answers an `ArrayBuffer`, PostgreSQL a `Buffer`. */
export type Octets = ColumnType<ArrayBuffer | Uint8Array, Uint8Array, Uint8Array>;
export type OptionalOctets = ColumnType<ArrayBuffer | Uint8Array | null, Uint8Array | null, Uint8Array | null>;

/** The tables of both databases. Times are milliseconds, truth values 0 and 1, structures JSON text. */
export interface Tables {
	devices: {
		eid: string;
		/** Another one after every change but those of a poll; random at first, so that no removed device had it. */
		version: number;
		tenant_id: string;
		name: string;
		tags: string;
		lab_mode: string | null;
		accept_unverified: number;
		dialect: string;
		association_token: number | null;
		counter: number;
		euicc_certificate: OptionalOctets;
		eum_certificate: OptionalOctets;
		euicc_info1: OptionalOctets;
		euicc_info2: OptionalOctets;
		ipa_capabilities: OptionalOctets;
		device_info: OptionalOctets;
		rules_authorisation_table: OptionalOctets;
		default_smdp_address: string | null;
		root_smds_address: string | null;
		last_poll_at: number | null;
		last_rplmn: string | null;
		last_state_change_cause: number | null;
		signing_key_id: string | null;
		tls_trust_id: string | null;
		released_at: number | null;
		card_eims: string | null;
		immediate_enable: string | null;
		inject: string | null;
		smds_polling: string | null;
		downloaded_events: string | null;
		wake_up: string | null;
		awake: string | null;
		wakings: string | null;
		last_state_change_at: number | null;
		last_link: string | null;
		last_link_at: number | null;
		created_at: number;
	};
	/** The counters of removed devices: an eUICC that comes back takes no lower one. */
	burnt_counters: { eid: string; counter: number; association_token: number | null };
	device_tags: { eid: string; key: string; value: string };
	profiles: {
		eid: string;
		iccid: string;
		state: string;
		profile_class: string;
		isdp_aid: string | null;
		nickname: string | null;
		service_provider_name: string | null;
		profile_name: string | null;
		is_fallback: number | null;
		may_become_fallback: number | null;
		updated_at: number;
	};
	seen_unknown: { eid: string; first_seen_at: number; last_seen_at: number; times: number };
	operations: {
		seq: Generated<number>;
		id: string;
		eid: string;
		tenant_id: string;
		origin: string;
		type: string;
		parameters: string;
		state: string;
		reason_text: string | null;
		reason_code: string | null;
		outcome: string | null;
		created_at: number;
		updated_at: number;
		sent_at: number | null;
		finished_at: number | null;
		expires_at: number;
		held_until: number | null;
		idempotency_key: string | null;
	};
	packages: {
		seq: Generated<number>;
		operation_id: string;
		eid: string;
		kind: string;
		bytes: Octets;
		/** Of the association under which the package was signed, 0 without one: counters begin anew with a new one. */
		association_token: number;
		counter: number | null;
		eim_transaction_id: string;
		first_sent_at: number;
	};
	received_results: {
		seq: Generated<number>;
		eid: string;
		/** SHA-256 of the octets: what makes a result the same result. */
		digest: Octets;
		operation_id: string | null;
		seq_number: number | null;
		bytes: Octets;
		verification: string;
		received_at: number;
	};
	notifications: {
		seq: Generated<number>;
		id: string;
		eid: string;
		digest: Octets;
		bytes: Octets;
		address: string;
		seq_number: number;
		event: string;
		iccid: string | null;
		received_at: number;
	};
	jobs: {
		seq: Generated<number>;
		kind: string;
		reference: string;
		attempts: number;
		run_after: number;
		leased_until: number | null;
		renewed_for: number | null;
		last_error: string | null;
		completed_at: number | null;
		created_at: number;
	};
	wake_ups: {
		seq: Generated<number>;
		id: string;
		eid: string;
		via: string;
		state: string;
		waiting: number;
		reference: string | null;
		error_text: string | null;
		created_at: number;
		updated_at: number;
	};
	rsp_sessions: {
		transaction_id: string;
		eid: string;
		eim_transaction_id: string | null;
		operation_id: string | null;
		smdp_address: string;
		state: string;
		details: string;
		created_at: number;
		updated_at: number;
		expires_at: number;
	};
	events: {
		id: Generated<number>;
		at: number;
		type: string;
		eid: string | null;
		operation_id: string | null;
		facts: string;
	};
	audit: { id: Generated<number>; at: number; actor: string; action: string; subject: string; facts: string };
	idempotency_keys: { scope: string; key: string; digest: string; answer: string; created_at: number };
	api_keys: {
		id: string;
		name: string;
		read_only: number;
		hash: string;
		created_at: number;
		last_used_at: number | null;
		revoked_at: number | null;
	};
}
