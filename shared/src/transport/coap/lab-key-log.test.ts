import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { memoryLogger, silentLogger } from "../../runtime/logger.ts";
import { labKeyLogOf } from "./lab-key-log.ts";

let folder: string;
let file: string;
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "lab-key-log-"));
	file = path.join(folder, "keys.log");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("without lab mode a key log is refused and no file is made", () => {
	expect(() => labKeyLogOf({ "coap.keyLog": file }, silentLogger("x"))).toThrow(/^coap\.keyLog: .*coap\.labMode/);
	expect(existsSync(file)).toBe(false);
	expect(labKeyLogOf({ "coap.labMode": "bench" }, silentLogger("x"))).toBeUndefined();
});

it("adds lines to a file that nobody else can read from then on, and warns of it", () => {
	writeFileSync(file, "# earlier\n");
	chmodSync(file, 0o644);
	const { logger, entries } = memoryLogger();
	const keyLog = labKeyLogOf({ "coap.labMode": "bench", "coap.keyLog": file }, logger("x"));
	expect(statSync(file).mode & 0o777).toBe(0o600);
	expect(entries).toMatchObject([{ level: "warn", facts: { labMode: "bench", file } }]);
	// Node ends its lines, the native part of DTLS does not.
	keyLog?.("CLIENT_RANDOM 00 01");
	keyLog?.("CLIENT_RANDOM 02 03\n");
	expect(readFileSync(file, "utf8")).toBe("# earlier\nCLIENT_RANDOM 00 01\nCLIENT_RANDOM 02 03\n");
});

it("leaves the rights of what is no file alone, and says which setting names it", () => {
	const labMode = { "coap.labMode": "bench" };
	const { mode } = statSync("/dev/null");
	expect(() => labKeyLogOf({ ...labMode, "coap.keyLog": "/dev/null" }, silentLogger("x"))).toThrow(
		"coap.keyLog /dev/null cannot be used: it is no file",
	);
	expect(statSync("/dev/null").mode).toBe(mode);
	const missing = path.join(folder, "none", "keys.log");
	expect(() => labKeyLogOf({ ...labMode, "coap.keyLog": missing }, silentLogger("x"))).toThrow(
		`coap.keyLog ${missing} cannot be used: there is no such file or folder`,
	);
});

it("a handshake goes on when the disk does not take its keys; the log says so once", () => {
	const { logger, entries } = memoryLogger();
	const keyLog = labKeyLogOf({ "coap.labMode": "bench", "coap.keyLog": file }, logger("x"));
	rmSync(folder, { recursive: true });
	keyLog?.("CLIENT_RANDOM 00 01");
	keyLog?.("CLIENT_RANDOM 02 03");
	expect(entries.map(({ level }) => level)).toEqual(["warn", "error"]);
});
