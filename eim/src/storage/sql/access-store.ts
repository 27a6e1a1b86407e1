import type { ApiKey } from "../../domain/api-key.ts";
import type { AccessStore } from "../store.ts";
import { all, first, run, type SqlEngine, type Step } from "./engine.ts";
import { toApiKey } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Steps } from "./steps.ts";

export function accessStore(engine: SqlEngine, steps: Steps): AccessStore {
	const { sql } = engine;
	const byHash = statement(sql, (db, p: { hash: string }) =>
		db.selectFrom("api_keys").selectAll().where("hash", "=", p.hash),
	);

	function* insertKey(key: ApiKey): Step<void> {
		const row = {
			id: key.id,
			name: key.name,
			read_only: key.readOnly ? 1 : 0,
			hash: key.hash,
			created_at: key.createdAt,
			last_used_at: key.lastUsedAt ?? null,
			revoked_at: key.revokedAt ?? null,
		};
		yield* run(sql.insertInto("api_keys").values(row).compile());
	}

	return {
		saveApiKey: (key, audit) =>
			engine.write(function* () {
				yield* insertKey(key);
				yield* steps.appendAudit(audit);
			}),

		// Exclusively, so that two replicas starting at once print one key between them.
		saveFirstApiKey: (key, audit) =>
			engine.exclusively(function* () {
				if (yield* first(sql.selectFrom("api_keys").select("id").limit(1).compile())) return false;
				yield* insertKey(key);
				yield* steps.appendAudit(audit);
				return true;
			}),

		findApiKey: (hash) =>
			engine.read(function* () {
				const row = yield* first(byHash({ hash }));
				return row && toApiKey(row);
			}),

		noteApiKeyUsed: (id, at) =>
			engine.write(function* () {
				yield* run(sql.updateTable("api_keys").set({ last_used_at: at }).where("id", "=", id).compile());
			}),

		listApiKeys: () =>
			engine.read(function* () {
				return (yield* all(sql.selectFrom("api_keys").selectAll().orderBy("created_at").compile())).map(toApiKey);
			}),

		revokeApiKey: (id, at, audit) =>
			engine.write(function* () {
				const revoke = sql
					.updateTable("api_keys")
					.set({ revoked_at: at })
					.where("id", "=", id)
					.where("revoked_at", "is", null)
					.returning("id");
				if (!(yield* first(revoke.compile()))) return false;
				yield* steps.appendAudit(audit);
				return true;
			}),
	};
}
