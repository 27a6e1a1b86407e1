import type { EimConfig } from "../config.ts";
import { openConfiguredStore } from "./offline-store.ts";

/** Brings the database up to date, as every start of the server does; for those who want it done beforehand. */
export async function migrateDatabase(config: EimConfig): Promise<void> {
	await (await openConfiguredStore(config)).close();
}
