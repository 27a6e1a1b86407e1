import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openStore } from "./open-store.ts";

let folder: string;
let file: string;
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "eim-open-"));
	file = path.join(folder, "eim.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const event = { at: 1, type: "deviceChanged", facts: {} } as const;

it("refuses a database that a newer version has written, and leaves it as it is", async () => {
	await (await openStore({ file })).close();
	const newer = new Database(file);
	newer.exec("insert into schema_migrations values ('9999-from-the-future')");
	newer.close();
	await expect(openStore({ file })).rejects.toMatchObject({ code: "STORE_SCHEMA_NEWER" });
});

it("says what is wrong with a file that is no database", async () => {
	writeFileSync(file, "this is not a database, and long enough to be seen as none ".repeat(20));
	await expect(openStore({ file })).rejects.toMatchObject({
		code: "STORE_FAILED",
		message: expect.stringContaining("is not a database"),
	});
	const nowhere = path.join(folder, "nowhere", "eim.db");
	await expect(openStore({ file: nowhere })).rejects.toMatchObject({ code: "STORE_FAILED" });
});

it("refuses work after it was closed, and finishes what was under way", async () => {
	const store = await openStore({ file });
	const underWay = store.appendEvents([event]);
	await store.close();
	await underWay;
	await expect(store.appendEvents([event])).rejects.toMatchObject({ code: "STORE_CLOSED" });
	await expect(store.ping()).rejects.toMatchObject({ code: "STORE_CLOSED" });
	const again = await openStore({ file });
	expect(await again.listEvents({ after: 0, limit: 10 })).toHaveLength(1);
	await again.close();
});

it("keeps every commit on disk before it answers", async () => {
	const store = await openStore({ file });
	await store.appendEvents([event]);
	const other = new Database(file);
	expect(other.prepare("select count(*) as n from events").get([])).toMatchObject({ n: 1 });
	other.close();
	const pragma = (name: string) => {
		const database = new Database(file);
		const value = Object.values(database.prepare(`pragma ${name}`).get([]) as object)[0];
		database.close();
		return value;
	};
	expect(pragma("journal_mode")).toBe("wal");
	await store.close();
});

it("says which server it cannot reach", async () => {
	const databaseUrl = "postgres://nobody@127.0.0.1:1/none";
	await expect(openStore({ databaseUrl, file: "" })).rejects.toMatchObject({
		code: "STORE_FAILED",
		message: expect.stringContaining("cannot be reached"),
	});
});

it("says what to write where the address of the database is none, and shows no password", async () => {
	for (const databaseUrl of ["nonsense", "mysql://user:secret@db/eim", "postgres://"]) {
		const refused = await openStore({ databaseUrl, file: "" }).catch((error: Error) => error);
		expect(refused).toMatchObject({ code: "STORE_URL_INVALID", message: expect.stringContaining("postgres://USER") });
		expect((refused as Error).message).not.toContain("secret");
	}
});

it("is refused to a second server, not to those who only look, and free again when the first one has closed", async () => {
	const server = await openStore({ file, isExclusive: true });
	await expect(openStore({ file, isExclusive: true })).rejects.toMatchObject({
		code: "STORE_IN_USE",
		message: expect.stringContaining("another eIM is running"),
	});
	await (await openStore({ file })).close();
	await server.close();
	await (await openStore({ file, isExclusive: true })).close();
});
