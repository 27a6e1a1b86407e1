import { PostgresEngine } from "./sql/postgres-engine.ts";
import { sqlStore } from "./sql/sql-store.ts";
import { SqliteEngine } from "./sql/sqlite-engine.ts";
import type { Store } from "./store.ts";

export interface StoreLocation {
	/** `postgres://...`; when absent the file is used. */
	readonly databaseUrl?: string | undefined;
	/** Path of the SQLite file, or `:memory:`. */
	readonly file: string;
	/** PostgreSQL connections at most. */
	readonly connections?: number | undefined;
	/** Told of connections lost while nobody used them. */
	readonly onConnectionLost?: ((error: Error) => void) | undefined;
}

const CONNECTIONS = 10;

/** Opens the database and brings its schema up to date. */
export async function openStore(location: StoreLocation): Promise<Store> {
	const { databaseUrl, file, connections = CONNECTIONS, onConnectionLost = () => undefined } = location;
	const engine = databaseUrl ? new PostgresEngine(databaseUrl, connections, onConnectionLost) : new SqliteEngine(file);
	const store = sqlStore(engine);
	try {
		await store.migrate();
	} catch (error) {
		await store.close();
		throw error;
	}
	return store;
}
