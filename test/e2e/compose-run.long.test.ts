import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { mosquitto } from "../interop/mosquitto-broker.ts";
import { isOurs, readCompose, startOrder } from "../support/compose.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { ComposeRun } from "./compose-run.ts";

/**
 * docker-compose.yml without Docker: every service of ours runs here with its own command, variables, files and
 * healthcheck, in the order of depends_on. PostgreSQL is the real one where it is installed.
 */
const compose = readCompose();
const METER_1 = "89049032123451234567890123456888";
const METER_2 = "89049032123451234567890123456985";
const METER_3 = "89049032123451234567890123457082";
let folder: string;
let postgres: PostgresServer | undefined;
let run: ComposeRun;

beforeAll(async () => {
	folder = mkdtempSync(path.join(tmpdir(), "compose-run-"));
	// Mosquitto reads its files as another user.
	chmodSync(folder, 0o755);
	postgres = await startPostgres();
	const url = await postgres?.createDatabase();
	run = await ComposeRun.prepare(compose, folder, url === undefined ? "postgres:5432/eim" : url.replace(/^.*@/, ""));
}, 120_000);

afterAll(async () => {
	await run?.down();
	await postgres?.stop();
	rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** The eIM's command line as a user of the deployment types it; gives what it printed as JSON. */
async function eim<T>(...words: string[]): Promise<T> {
	// In the container the API is where the command line looks by itself.
	const { code, output } = await run.exec("eim", ["deploy/eim", ...words, "--json", "--url", "http://eim:8080"]);
	expect(code, output).toBe(0);
	return JSON.parse(output.split("\n").find((line) => line.startsWith("{")) ?? "null") as T;
}

it("all services come up in their order, each well by its own healthcheck", { timeout: 300_000 }, async () => {
	const files = () => [...readdirSync(run.app), ...readdirSync(path.join(run.app, "deploy"), { recursive: true })];
	const before = files();
	for (const name of startOrder(compose)) {
		const service = compose.services[name];
		const isMosquitto = name === "mosquitto" && mosquitto !== undefined;
		if (!service || !(isOurs(service) || isMosquitto)) continue;
		await run.up(name);
		if (name === "init" && postgres === undefined) {
			const file = run.volume("secrets", "eim.yaml");
			writeFileSync(file, readFileSync(file, "utf8").replace(/^database.*$/m, ""));
		}
	}
	const { items } = await eim<{ items: { name: string; lastPollAt?: string }[] }>("device", "list");
	expect(items.map(({ name }) => name).sort()).toEqual(["meter-1", "meter-2", "meter-3"]);
	// The image's folder belongs to root: nothing may be written there.
	expect(files()).toEqual(before);
	if (postgres !== undefined) expect(readdirSync(run.volume("eim"))).not.toContain("eim.db");
});

it("an ordered profile goes to a device and is enabled, as the quickstart says", { timeout: 300_000 }, async () => {
	const bench = "http://127.0.0.1:8081";
	const { code, output } = await run.exec("smdp", [
		...["node", "sim/dist/smdp/main.js", "order", "--bench", bench],
		...["--profile-type", "Fleet", "--eid", METER_1],
	]);
	expect(code, output).toBe(0);
	const { ordered } = JSON.parse(output) as { ordered: { iccid: string; activationCode: string } };
	const wait = ["--wait", "--timeout", "90"];
	const download = ["download", METER_1, "--activation-code", ordered.activationCode, ...wait];
	expect(await eim("operation", "create", ...download)).toMatchObject({ state: "succeeded" });
	const enable = ["enable", METER_1, ordered.iccid, ...wait];
	expect(await eim("operation", "create", ...enable)).toMatchObject({ state: "succeeded" });
	expect(await eim("operation", "create", "list-profiles", METER_1, ...wait)).toMatchObject({ state: "succeeded" });
	const { items } = await eim<{ items: { iccid: string; state: string }[] }>("device", "profiles", METER_1);
	expect(items.find(({ state }) => state === "enabled")?.iccid).toBe(ordered.iccid);
});

it.skipIf(!mosquitto)("the second device does over MQTT what it is told", { timeout: 300_000 }, async () => {
	const order = ["operation", "create", "list-profiles", METER_2, "--wait", "--timeout", "90"];
	expect(await eim(...order)).toMatchObject({ state: "succeeded" });
	// Whoever has no password has no say.
	const port = run.moved("1883");
	const { mosquitto_sub: subscribe = "" } = mosquitto ?? {};
	const { code } = await run.exec("mosquitto", [subscribe, "-h", "127.0.0.1", "-p", port, "-t", "#", "-W", "5"]);
	expect(code).toBe(5);
});

it("the third device fetches its profile itself, from the SM-DP+ that the SM-DS names", {
	timeout: 300_000,
}, async () => {
	const { code, output } = await run.exec("smdp", [
		...["node", "sim/dist/smdp/main.js", "order", "--bench", "http://127.0.0.1:8081"],
		...["--profile-type", "Fleet", "--eid", METER_3, "--smds", "smds.example.com"],
	]);
	expect(code, output).toBe(0);
	const { ordered } = JSON.parse(output) as { ordered: { iccid: string } };
	const download = ["download", METER_3, "--smds", "smds.example.com", "--mode", "direct"];
	const ended = await eim("operation", "create", ...download, "--wait", "--timeout", "90");
	expect(ended).toMatchObject({ state: "succeeded", outcome: { iccid: ordered.iccid } });
});

it("init and associate do nothing a second time", async () => {
	const files = () => [...readdirSync(run.volume("sim", "pki")), ...readdirSync(run.volume("secrets"))];
	const [before, key] = [files(), readFileSync(run.volume("secrets", "api-key"), "utf8")];
	await run.up("init");
	await run.up("associate");
	expect(files()).toEqual(before);
	expect(readFileSync(run.volume("secrets", "api-key"), "utf8")).toBe(key);
	for (const name of ["ipa-1", "eim", "smdp"]) await run.healthy(name);
});
