import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const CLI = fileURLToPath(new URL("../dist/cli/eim.js", import.meta.url));
let folder: string;
const running: ChildProcess[] = [];

beforeEach(() => {
	if (!existsSync(MAIN)) throw new Error("run `npm run build` first: programs come from dist");
	folder = mkdtempSync(path.join(tmpdir(), "eim-main-"));
});
afterEach(() => {
	for (const child of running.splice(0)) child.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

function start(script: string, args: readonly string[], environment: Record<string, string> = {}) {
	const child = spawn(process.execPath, [script, ...args], {
		env: { PATH: process.env.PATH ?? "", ...environment },
		stdio: ["ignore", "pipe", "pipe"],
	});
	running.push(child);
	const output = { out: "", err: "" };
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		output.out += text;
	});
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		output.err += text;
	});
	const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
	const firstLine = new Promise<string>((resolve, reject) => {
		child.stdout.on("data", () => output.out.includes("\n") && resolve(output.out.split("\n")[0] ?? ""));
		void ended.then(() => reject(new Error(`ended without a line: ${output.err}`)));
	});
	firstLine.catch(() => undefined);
	return { child, output, ended, firstLine };
}

const serverFlags = () => [
	"--data-folder",
	folder,
	"--api-port",
	"0",
	"--esipa-port",
	"0",
	"--esipa-host",
	"127.0.0.1",
];

describe("the program of the eIM", () => {
	it("says where it listens and its first key, serves, and ends in order on SIGTERM", async () => {
		const server = start(MAIN, serverFlags());
		const { listening, firstApiKey } = JSON.parse(await server.firstLine);
		expect(listening).toEqual({
			api: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
			esipa: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
		});
		const health = await fetch(`${listening.api}/healthz`);
		expect(await health.json()).toEqual({ ok: true, checks: { database: "ok" } });
		const cli = start(CLI, ["device", "list", "--json"], { EIM_URL: listening.api, EIM_API_KEY: firstApiKey });
		expect([await cli.ended, cli.output.out]).toEqual([0, '{"items":[]}\n']);
		// An open stream must not keep the program from ending.
		const stream = await fetch(`${listening.api}/api/v1/events`, {
			headers: { authorization: `Bearer ${firstApiKey}` },
		});
		expect(stream.status).toBe(200);
		server.child.kill("SIGTERM");
		expect(await server.ended).toBe(0);
		expect(server.output.out.split("\n")).toHaveLength(2);
	});

	it("starts by `eim serve` from a file of settings, and does not print a key again", async () => {
		const file = path.join(folder, "eim.yaml");
		writeFileSync(file, `dataFolder: ${folder}\napi: { port: 0 }\nesipa: { port: 0 }\n`);
		for (const isFirst of [true, false]) {
			const server = start(CLI, ["serve", "--config", file]);
			expect("firstApiKey" in JSON.parse(await server.firstLine)).toBe(isFirst);
			server.child.kill("SIGINT");
			expect(await server.ended).toBe(0);
		}
	});

	it("names the setting that is wrong and ends with exit code 2", async () => {
		const server = start(MAIN, [...serverFlags(), "--api-port", "99999"]);
		expect(await server.ended).toBe(2);
		expect(server.output.err).toContain("api.port");
		const unknown = start(MAIN, serverFlags(), { EIM_API_PORTS: "1" });
		expect(await unknown.ended).toBe(2);
		expect(unknown.output.err).toContain("EIM_API_PORT");
		const stray = start(MAIN, ["serve", ...serverFlags(), "production"]);
		expect(await stray.ended).toBe(2);
		expect(stray.output.err).toMatch(
			/^eim: production \(command line\) is not a setting of this program; none of its \d+ is spelled nearly so \(/,
		);
		const missing = start(MAIN, [...serverFlags(), "--mqtt-url", "mqtts://broker", "--mqtt-ca-file", "/none.pem"]);
		expect(await missing.ended).toBe(2);
		expect(missing.output.err).toContain("mqtt.caFile /none.pem cannot be read: there is no such file or folder");
		const keyLog = path.join(folder, "keys.log");
		const unstated = start(MAIN, [...serverFlags(), "--coap-port", "0", "--coap-key-log", keyLog]);
		expect(await unstated.ended).toBe(2);
		expect(unstated.output.err).toContain("name the bench in coap.labMode");
		expect(existsSync(keyLog)).toBe(false);
	});

	it("leaves a data folder alone that another eIM works with, and says what to do about a wrong DATABASE_URL", async () => {
		const first = start(MAIN, serverFlags());
		await first.firstLine;
		const second = start(MAIN, serverFlags());
		expect(await second.ended).toBe(1);
		expect(second.output.err).toContain("another eIM is running");
		const lost = start(MAIN, serverFlags(), { DATABASE_URL: "nonsense" });
		expect(await lost.ended).toBe(1);
		expect(lost.output.err).toContain("write postgres://");
	});

	it("says which port is taken and ends with exit code 1", async () => {
		const first = start(MAIN, serverFlags());
		const { listening } = JSON.parse(await first.firstLine);
		const { port } = new URL(listening.esipa);
		const other = mkdtempSync(path.join(folder, "other-"));
		const flags = ["--data-folder", other, "--api-port", "0", "--esipa-port", port, "--esipa-host", "127.0.0.1"];
		const second = start(MAIN, flags);
		expect(await second.ended).toBe(1);
		expect(second.output.err).toContain(`eim: esipa.port: 127.0.0.1:${port} is in use by another program`);
		expect(second.output.err).not.toContain("stack");
		const third = start(MAIN, [
			...["--data-folder", mkdtempSync(path.join(folder, "third-")), "--api-port", "0", "--esipa-port", "0"],
			...["--coap-host", "127.0.0.1", "--coap-tcp-port", port],
		]);
		expect(await third.ended).toBe(1);
		expect(third.output.err).toContain(`eim: coap.tcpPort: 127.0.0.1:${port} is in use by another program`);
	});
});
