import { StoreError } from "./errors.ts";
import { PostgresEngine } from "./sql/postgres-engine.ts";
import { sqlStore } from "./sql/sql-store.ts";
import { SqliteEngine } from "./sql/sqlite-engine.ts";
import { ownSqliteFile } from "./sqlite-owner.ts";
import type { Store } from "./store.ts";

export interface StoreLocation {
	/** `postgres://...`; when absent the file is used. */
	readonly databaseUrl?: string | undefined;
	/** Path of the SQLite file, or `:memory:`. */
	readonly file: string;
	/** Nobody else may work with the embedded database while this store is open, as a server needs it. */
	readonly isExclusive?: boolean | undefined;
	/** PostgreSQL connections at most. */
	readonly connections?: number | undefined;
	/** Told of connections lost while nobody used them. */
	readonly onConnectionLost?: ((error: Error) => void) | undefined;
}

const CONNECTIONS = 10;

/**
 * Opens the database and brings its schema up to date.
 * @throws StoreError STORE_URL_INVALID, STORE_IN_USE, STORE_FAILED, STORE_SCHEMA_NEWER
 */
export async function openStore(location: StoreLocation): Promise<Store> {
	const { databaseUrl, file, connections = CONNECTIONS, onConnectionLost = () => undefined } = location;
	if (databaseUrl !== undefined && !isPostgresUrl(databaseUrl)) {
		// The text itself may hold a password.
		const form = "postgres://USER:PASSWORD@HOST:5432/DATABASE";
		throw new StoreError(
			"STORE_URL_INVALID",
			`database.url (or DATABASE_URL) is no address of PostgreSQL: write ${form}`,
		);
	}
	const isOwned = location.isExclusive === true && databaseUrl === undefined && file !== ":memory:";
	const release = isOwned ? ownSqliteFile(file) : () => undefined;
	let store: Store | undefined;
	try {
		const engine = databaseUrl
			? new PostgresEngine(databaseUrl, connections, onConnectionLost)
			: new SqliteEngine(file);
		const opened = sqlStore(engine);
		store = opened;
		await opened.migrate();
		return { ...opened, close: () => opened.close().finally(release) };
	} catch (error) {
		await store?.close();
		release();
		throw error;
	}
}

function isPostgresUrl(text: string): boolean {
	return /^postgres(ql)?:\/\/.+/.test(text) && URL.canParse(text);
}
