import { cpSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import type { EimConfig } from "../config.ts";
import { StoreError } from "../storage/errors.ts";
import { copySqliteFile } from "../storage/sqlite-copy.ts";

const DATABASE = "eim.db";

/**
 * Copies database, keys and certificates into an empty folder; the server may go on meanwhile. The copy is a data
 * folder that an eIM can be started with.
 * @throws StoreError STORE_BACKUP_ELSEWHERE for PostgreSQL, STORE_BACKUP_FOLDER_USED when the folder holds something
 * @returns what was copied, by file name
 */
export function backUp(config: EimConfig, target: string): readonly string[] {
	if (config["database.url"]) {
		throw new StoreError("STORE_BACKUP_ELSEWHERE", "the database is PostgreSQL: copy it with pg_dump");
	}
	mkdirSync(target, { recursive: true, mode: 0o700 });
	if (readdirSync(target).length > 0) {
		throw new StoreError("STORE_BACKUP_FOLDER_USED", `${target} is not empty; a backup never overwrites`);
	}
	const keys = readdirSync(config.dataFolder).filter((name) => name.endsWith(".pem"));
	for (const name of keys) cpSync(path.join(config.dataFolder, name), path.join(target, name));
	const trust = path.join(config.dataFolder, "trust");
	if (existsSync(trust)) cpSync(trust, path.join(target, "trust"), { recursive: true });
	const file = config["database.file"] ?? path.join(config.dataFolder, DATABASE);
	// Last: what was ordered meanwhile is signed by keys that are in the copy already.
	copySqliteFile(file, path.join(target, DATABASE));
	return [...keys, ...(existsSync(trust) ? ["trust"] : []), DATABASE];
}
