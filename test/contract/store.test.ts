import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openStore } from "@iot-esim/eim/storage/open-store";
import { describe, it } from "vitest";
import { startPostgres } from "../support/postgres.ts";
import { storeContract } from "./store.ts";

storeContract("SQLite in memory", async () => ({
	newDatabase: async () => () => openStore({ file: ":memory:" }),
	isDurable: false,
	close: async () => undefined,
}));

storeContract("SQLite in a file", async () => {
	const folder = mkdtempSync(path.join(tmpdir(), "eim-store-"));
	let databases = 0;
	return {
		newDatabase: async () => {
			const file = path.join(folder, `${++databases}.db`);
			return () => openStore({ file });
		},
		isDurable: true,
		close: async () => rmSync(folder, { recursive: true, force: true }),
	};
});

const postgres = await startPostgres();
if (postgres) {
	storeContract("PostgreSQL", async () => ({
		newDatabase: async () => {
			const databaseUrl = await postgres.createDatabase();
			return () => openStore({ databaseUrl, file: "" });
		},
		isDurable: true,
		close: () => postgres.stop(),
	}));
} else {
	describe("store on PostgreSQL", () => {
		it.skip("needs PostgreSQL: apt-get install postgresql");
	});
}
