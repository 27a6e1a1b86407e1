import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openStore } from "@iot-esim/eim/storage/open-store";
import type { Eid } from "@iot-esim/shared/ids/eid";
import { toHex } from "@iot-esim/shared/util/bytes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

const CHILD = fileURLToPath(new URL("../../dist/test/support/store-crash-child.js", import.meta.url));

interface Line {
	sent?: { eid: Eid; counter: number; bytes: string };
	acknowledged?: { eid: Eid; operationId: string };
	done?: { points: number; operations: string[] };
}

/** Runs the child to its end or death and gives what left it; `killAfter` kills it from outside, at any moment. */
async function run(
	location: string,
	dieAt: number,
	killAfter?: number,
): Promise<{ lines: Line[]; signal: string | null }> {
	const child = spawn(process.execPath, [CHILD, location, String(dieAt)], { stdio: ["ignore", "pipe", "pipe"] });
	let out = "";
	let err = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		out += text;
		if (killAfter !== undefined && out.split("\n").length > killAfter) child.kill("SIGKILL");
	});
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		err += text;
	});
	const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
		child.once("close", (exitCode, exitSignal) => resolve([exitCode, exitSignal])),
	);
	if (signal === null && code !== 0) throw new Error(`the child failed: ${err}`);
	const whole = out.slice(0, out.lastIndexOf("\n") + 1);
	return {
		lines: whole
			.split("\n")
			.filter((line) => line !== "")
			.map((line) => JSON.parse(line) as Line),
		signal,
	};
}

/** What must hold whenever and however often the process died. */
async function expectNothingLost(location: string, lines: readonly Line[]): Promise<void> {
	const store = await openStore(
		location.startsWith("postgres:") ? { databaseUrl: location, file: "" } : { file: location },
	);
	const done = lines.findLast((line) => line.done)?.done;
	if (!done) throw new Error("the child never came to its end");
	const sent = new Map<string, string>();
	for (const { eid, counter, bytes } of lines.flatMap((line) => line.sent ?? [])) {
		const key = `${eid} ${counter}`;
		expect(sent.get(key) ?? bytes, `counter used for two packages: ${key}`).toBe(bytes);
		sent.set(key, bytes);
	}
	const stored = new Map<string, string>();
	for (const id of done.operations) {
		expect((await store.loadOperation(id))?.state, id).toBe("succeeded");
		const packages = await store.listPackages(id);
		expect(packages, id).toHaveLength(1);
		for (const { eid, counter, bytes } of packages) stored.set(`${eid} ${counter}`, toHex(bytes));
	}
	expect(stored.size).toBe(done.operations.length);
	for (const [key, bytes] of sent) expect(stored.get(key), key).toBe(bytes);
	for (const eid of new Set(lines.flatMap((line) => line.sent?.eid ?? []))) {
		const results = await store.listResults(eid);
		expect(new Set(results.map(({ operationId }) => operationId)).size).toBe(results.length);
		for (const { acknowledged } of lines) {
			if (acknowledged?.eid !== eid) continue;
			expect(results.some(({ operationId }) => operationId === acknowledged.operationId)).toBe(true);
		}
		expect((await store.loadDevice(eid))?.counter).toBe(
			Math.max(...lines.flatMap(({ sent: one }) => (one?.eid === eid ? one.counter : []))),
		);
	}
	await store.close();
}

async function diesEverywhere(newLocation: (n: number) => Promise<string>, step: number): Promise<void> {
	const { lines } = await run(await newLocation(0), 0);
	const points = lines.at(-1)?.done?.points ?? 0;
	expect(points).toBeGreaterThan(50);
	let deaths = 0;
	for (let dieAt = 1; dieAt <= points; dieAt += step) {
		const location = await newLocation(dieAt);
		const all: Line[] = [];
		for (let at = dieAt; ; at = at * 2 + 7) {
			// Again and again, each time further, until it comes to its end.
			const { lines: left, signal } = await run(location, at > points ? 0 : at);
			all.push(...left);
			if (signal === null) break;
			deaths++;
		}
		await expectNothingLost(location, all);
	}
	console.log(`killed ${deaths} times at ${points} points`);
	expect(deaths).toBeGreaterThanOrEqual(Math.floor(points / step));
}

describe("a store whose process is killed", () => {
	let folder: string | undefined;
	let postgres: PostgresServer | undefined;
	beforeAll(async () => {
		if (!existsSync(CHILD)) throw new Error("run `npm run build` first: the killed process comes from dist");
		folder = mkdtempSync(path.join(tmpdir(), "eim-crash-"));
		postgres = await startPostgres();
	});
	afterAll(async () => {
		await postgres?.stop();
		if (folder) rmSync(folder, { recursive: true, force: true });
	});

	it("loses nothing and uses no counter twice in SQLite, wherever it dies", async () => {
		await diesEverywhere(async (n) => path.join(folder ?? "", `own-${n}.db`), 3);
	});

	it("loses nothing in SQLite when it is killed from outside, in the middle of whatever it does", async () => {
		const location = path.join(folder ?? "", "outside.db");
		const all: Line[] = [];
		for (let killAfter = 1; ; killAfter++) {
			const { lines, signal } = await run(location, 0, killAfter % 5);
			all.push(...lines);
			if (signal === null) break;
			expect(killAfter).toBeLessThan(100);
		}
		await expectNothingLost(location, all);
	});

	it("loses nothing and uses no counter twice in PostgreSQL, wherever it dies", async (context) => {
		if (!postgres) return context.skip("needs PostgreSQL: apt-get install postgresql");
		const server = postgres;
		await diesEverywhere(() => server.createDatabase(), 9);
	});
});
