import * as fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { afterAll, expect, it, vi } from "vitest";
import { WatchedFile } from "./watched-file.ts";

const disk = vi.hoisted(() => ({ isExhausted: false }));
vi.mock("node:fs", async (original) => {
	const real = await original<typeof fs>();
	const readFileSync = (file: string, encoding: "utf8") => {
		if (disk.isExhausted) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
		return real.readFileSync(file, encoding);
	};
	return { ...real, readFileSync };
});

const folder = fs.mkdtempSync(path.join(tmpdir(), "eim-watched-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

it("a changed file that could not be read for a while is read when it can be, without another change; the trouble is said once", () => {
	const file = path.join(folder, "keys.txt");
	const { logger, entries } = memoryLogger();
	fs.writeFileSync(file, "former");
	const watched = new WatchedFile({ setting: "x.file", file, parse: (text) => text, what: "x", log: logger("test") });
	fs.writeFileSync(file, "changed");
	disk.isExhausted = true;
	expect([watched.current(), watched.current()]).toEqual(["former", "former"]);
	disk.isExhausted = false;
	expect([watched.current(), watched.current()]).toEqual(["changed", "changed"]);
	expect(entries.map(({ level }) => level)).toEqual(["error", "info"]);
});
