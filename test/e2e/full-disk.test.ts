/** A device whose log disk is full is still a device that its eIM must reach: nothing said in vain ends a program. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const IPA = fileURLToPath(new URL("../../ipa/dist/main.js", import.meta.url));
/** Every write to it fails with ENOSPC. */
const FULL = "/dev/full";
const isTried = existsSync(FULL);
if (!isTried) console.log(`SKIPPED: this system has no ${FULL}`);

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "full-disk-"));
});
afterEach(() => {
	child?.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

function nextPollAt(): string | undefined {
	const file = path.join(folder, "status.json");
	return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).nextPollAt : undefined;
}

describe.skipIf(!isTried)("an IPA whose output goes to a full disk", () => {
	test("goes on with its rounds and ends in an orderly way", async () => {
		const full = openSync(FULL, "w");
		const environment = { PATH: process.env.PATH, IPA_CARD_ADDRESS: "vpcd://127.0.0.1:1", IPA_STATE_FOLDER: folder };
		child = spawn(process.execPath, [IPA, "run", "--poll-retry-after", "1s"], {
			env: environment,
			stdio: ["ignore", full, full],
		});
		const exited = once(child, "exit");
		await expect.poll(nextPollAt, { timeout: 15_000 }).toBeTypeOf("string");
		const first = nextPollAt();
		await expect.poll(nextPollAt, { timeout: 15_000 }).not.toBe(first);
		child.kill("SIGTERM");
		expect(await exited).toEqual([0, null]);
	}, 40_000);
});
