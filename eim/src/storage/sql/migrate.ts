import { type Kysely, sql } from "kysely";
import { StoreError } from "../errors.ts";
import { migrations, type SqlTypes } from "../migrations/migration.ts";
import { all, run, type SqlEngine, type Step } from "./engine.ts";

const TYPES: Readonly<Record<SqlEngine["dialect"], SqlTypes>> = {
	sqlite: {
		octets: sql`blob`,
		serial: sql`integer`,
		serialOptions: (column) => column.primaryKey(),
		lastingSerialOptions: (column) => column.primaryKey().autoIncrement(),
	},
	postgres: {
		octets: sql`bytea`,
		serial: sql`bigserial`,
		serialOptions: (column) => column.primaryKey(),
		lastingSerialOptions: (column) => column.primaryKey(),
	},
};

/**
 * Brings the schema up to date, all or nothing; several processes may try at once.
 * @throws StoreError STORE_SCHEMA_NEWER when the database knows migrations that this program does not
 */
export async function migrate(engine: SqlEngine): Promise<void> {
	const db = engine.sql as unknown as Kysely<{ schema_migrations: { name: string } }>;
	await engine.exclusively(function* (): Step<void> {
		yield* run(
			db.schema
				.createTable("schema_migrations")
				.ifNotExists()
				.addColumn("name", "text", (column) => column.primaryKey())
				.compile(),
		);
		const done = new Set((yield* all(db.selectFrom("schema_migrations").select("name").compile())).map((r) => r.name));
		const unknown = [...done].find((name) => !migrations.some((migration) => migration.name === name));
		if (unknown) {
			throw new StoreError("STORE_SCHEMA_NEWER", `the database has the migration ${unknown}, unknown to this version`);
		}
		for (const migration of migrations) {
			if (done.has(migration.name)) continue;
			const changes = migration.changes(engine.sql as unknown as Kysely<unknown>, TYPES[engine.dialect]);
			for (const change of changes) yield* run(change.compile());
			yield* run(db.insertInto("schema_migrations").values({ name: migration.name }).compile());
		}
	});
}
