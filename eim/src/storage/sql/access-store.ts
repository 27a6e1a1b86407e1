import type { ApiKey } from "../../domain/api-key.ts";
import type { NewAuditEntry } from "../../domain/audit-entry.ts";
import type { AccessStore } from "../store.ts";
import { all, first, run, type SqlEngine, type Step } from "./engine.ts";
import { fromApiKey, toApiKey } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Steps } from "./steps.ts";

export class SqlAccessStore implements AccessStore {
	readonly #engine: SqlEngine;
	readonly #steps: Steps;
	readonly #byHash;

	constructor(engine: SqlEngine, steps: Steps) {
		this.#engine = engine;
		this.#steps = steps;
		this.#byHash = statement(engine.sql, (db, p: { hash: string }) =>
			db.selectFrom("api_keys").selectAll().where("hash", "=", p.hash),
		);
	}

	saveApiKey(key: ApiKey, audit: NewAuditEntry): Promise<void> {
		return this.#engine.write(() => this.#save(key, audit));
	}

	*#save(key: ApiKey, audit: NewAuditEntry): Step<void> {
		yield* run(this.#engine.sql.insertInto("api_keys").values(fromApiKey(key)).compile());
		yield* this.#steps.appendAudit(audit);
	}

	/** Exclusively, so that two replicas starting at once print one key between them. */
	saveFirstApiKey(key: ApiKey, audit: NewAuditEntry): Promise<boolean> {
		return this.#engine.exclusively(() => this.#saveFirst(key, audit));
	}

	*#saveFirst(key: ApiKey, audit: NewAuditEntry): Step<boolean> {
		if (yield* first(this.#engine.sql.selectFrom("api_keys").select("id").limit(1).compile())) return false;
		yield* this.#save(key, audit);
		return true;
	}

	findApiKey(hash: string): Promise<ApiKey | undefined> {
		const query = this.#byHash({ hash });
		return this.#engine.read(function* () {
			const row = yield* first(query);
			return row && toApiKey(row);
		});
	}

	noteApiKeyUsed(id: string, at: number): Promise<void> {
		const query = this.#engine.sql.updateTable("api_keys").set({ last_used_at: at }).where("id", "=", id).compile();
		return this.#engine.write(() => run(query));
	}

	listApiKeys(): Promise<readonly ApiKey[]> {
		const query = this.#engine.sql.selectFrom("api_keys").selectAll().orderBy("created_at").compile();
		return this.#engine.read(function* () {
			return (yield* all(query)).map(toApiKey);
		});
	}

	revokeApiKey(id: string, at: number, audit: NewAuditEntry): Promise<boolean> {
		return this.#engine.write(() => this.#revoke(id, at, audit));
	}

	*#revoke(id: string, at: number, audit: NewAuditEntry): Step<boolean> {
		const keys = this.#engine.sql.updateTable("api_keys").set({ revoked_at: at });
		const revoke = keys.where("id", "=", id).where("revoked_at", "is", null).returning("id");
		if (!(yield* first(revoke.compile()))) return false;
		yield* this.#steps.appendAudit(audit);
		return true;
	}
}
