import Database from "libsql";
import { StoreError } from "./errors.ts";

/**
 * Copies an embedded database as it stands now, consistent in itself, while others may be writing it.
 * @throws StoreError STORE_FAILED
 */
export function copySqliteFile(from: string, to: string): void {
	try {
		const database = new Database(from);
		try {
			database.exec("pragma busy_timeout = 10000");
			database.prepare("vacuum into ?").run([to]);
		} finally {
			database.close();
		}
	} catch (cause) {
		const why = cause instanceof Error ? cause.message : String(cause);
		throw new StoreError("STORE_FAILED", `${from} cannot be copied to ${to}: ${why}`, { cause });
	}
}
