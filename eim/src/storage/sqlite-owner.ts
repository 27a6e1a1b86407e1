import Database from "libsql";
import { StoreError } from "./errors.ts";

/**
 * Takes an embedded database for this process until the returned function is called or the process ends, however it
 * ends. Others may read and copy it, but no second server may work with it. The lock is that of an open transaction on
 * a database file of its own, which the operating system lets go of with the process.
 * @throws StoreError STORE_IN_USE
 */
export function ownSqliteFile(file: string): () => void {
	let lock: Database.Database | undefined;
	try {
		lock = new Database(`${file}.lock`);
		lock.exec("pragma busy_timeout = 0");
		lock.exec("begin exclusive");
	} catch (cause) {
		lock?.close();
		if ((cause as { code?: unknown }).code === "SQLITE_BUSY") {
			const advice = "stop it, or give this one a dataFolder of its own";
			throw new StoreError("STORE_IN_USE", `another eIM is running on ${file}; ${advice}`, { cause });
		}
		const why = cause instanceof Error ? cause.message : String(cause);
		throw new StoreError("STORE_FAILED", `${file}.lock cannot be written: ${why}`, { cause });
	}
	return () => {
		lock?.close();
		lock = undefined;
	};
}
