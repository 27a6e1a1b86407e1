import path from "node:path";
import type { EimConfig } from "../config.ts";
import { openStore } from "../storage/open-store.ts";
import type { Store } from "../storage/store.ts";

/** The database that the server with this configuration uses, for commands that work without the server. */
export function openConfiguredStore(config: EimConfig): Promise<Store> {
	return openStore({
		databaseUrl: config["database.url"]?.reveal(),
		file: config["database.file"] ?? path.join(config.dataFolder, "eim.db"),
		connections: 1,
	});
}
