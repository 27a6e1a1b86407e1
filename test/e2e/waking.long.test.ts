/**
 * The programs themselves: an order over the API, the eIM's short message through the network's SMSC, the modem, the agent's
 * wake socket, and the result that the eUICC has signed, while the agent would sleep for a day.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { OperatorApi, until } from "../../examples/demo/faces.ts";
import { freePort } from "../../examples/demo/free-ports.ts";
import { Parts } from "../../examples/demo/parts.ts";
import { makePlan } from "../../examples/demo/plan.ts";
import { Program } from "../../examples/demo/program.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

const MSISDN = "491701234567";

async function scene() {
	const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-waking-"));
	closers.push(() => rmSync(folder, { recursive: true, force: true }));
	const plan = await makePlan({ folder, curve: "P-256" });
	const parts = new Parts(plan);
	closers.push(() => parts.stopAll());
	const { ports, eimName, bootstrap } = plan;
	const [smsc, ipaWake] = [await freePort(), path.join(folder, "wake.sock")];
	const start = async (name: string, script: string, settings: object, words: readonly string[] = []) => {
		const file = path.join(folder, `${name}-own.yaml`);
		// JSON is YAML.
		writeFileSync(file, JSON.stringify(settings));
		const args = [...words, "--config", file];
		const program = new Program({ name, script, args, logFolder: parts.in("logs") });
		closers.push(() => program.stop());
		return program;
	};
	const listening = (program: Program) =>
		program.line("it listens", (line) => ("listening" in line ? line : undefined));
	await parts.makePki();
	await parts.makeCard();
	const network = {
		control: { port: ports.control },
		hss: { uppFiles: [bootstrap.file] },
		modem: { searchInterval: "200ms" },
		hosts: { [eimName]: `127.0.0.1:${ports.esipa}` },
		coverage: { rules: [{ place: "cellar", covered: false }] },
		smsc: { port: smsc, password: "secret" },
		devices: [
			{ name: "device", cardPort: ports.card, ipaPort: ports.ipa, proxyPort: ports.proxy, msisdn: MSISDN, ipaWake },
		],
	};
	await listening(await start("network", "sim/dist/network/main.js", network, ["run"]));
	await parts.startCard();
	const eim = {
		dataFolder: parts.in("eim"),
		eim: { fqdn: eimName },
		esipa: { host: "127.0.0.1", port: ports.esipa },
		api: { host: "127.0.0.1", port: ports.api },
		trust: { folder: parts.in("trust") },
		smpp: { url: `smpp://127.0.0.1:${smsc}`, password: "secret" },
	};
	const ready = await listening(await start("eim", "eim/dist/main.js", eim));
	const api = new OperatorApi(plan, () => String(ready.firstApiKey));
	await api.json("POST", "/api/v1/devices", { eid: plan.eid });
	const der = await (await api.call("GET", "/api/v1/eim-configuration?format=der")).arrayBuffer();
	writeFileSync(parts.in("eim.der"), new Uint8Array(der));
	await parts.ipaCard("add-eim", parts.in("eim.der"));
	const ipa = {
		card: { address: `vpcd://127.0.0.1:${ports.ipa}` },
		state: { folder: parts.in("ipa") },
		proxy: `http://127.0.0.1:${ports.proxy}`,
		poll: { interval: "1d", jitter: 0 },
		wake: { socket: ipaWake, interval: "2s" },
		device: { tac: "35000000", imei: "350000000000006" },
	};
	const agent = await start("ipa-agent", "ipa/dist/main.js", ipa, ["run", "--json-events"]);
	await agent.line("it sleeps", (line) => (line.type === "sleeping" ? line : undefined));
	const device = `/api/v1/devices/${plan.eid}`;
	const move = (place: string) =>
		fetch(`http://127.0.0.1:${ports.control}/bench/v1/place`, { method: "POST", body: JSON.stringify({ place }) });
	return { api, device, move };
}

it("a device that would sleep for a day is woken by short message, also when it is out of reach at first", {
	timeout: 240_000,
}, async () => {
	const { api, device, move } = await scene();
	await api.json("PATCH", device, { wakeUp: { via: "sms", msisdn: `+${MSISDN}`, port: 5683 } });
	await move("cellar");
	const order = async () =>
		(await api.json<{ id: string }>("POST", `${device}/operations`, { type: "listProfiles" })).id;
	const ids = [await order(), await order()];
	const wakeUps = async () => (await api.json<{ items: { state: string }[] }>("GET", `${device}/wake-ups`)).items;
	// What has polled a moment ago is taken to be awake: the eIM waits for 30 s before it wakes it.
	const taken = await until("the SMSC has the message", async () =>
		(await wakeUps())[0]?.state === "sent" ? true : undefined,
	);
	expect(taken).toBe(true);
	const stateOf = async (id: string) =>
		await api.json<{ state: string; reason?: string }>("GET", `/api/v1/operations/${id}`);
	expect(await stateOf(ids[0] ?? "")).toMatchObject({
		state: "queued",
		reason: expect.stringContaining("woken by sms"),
	});
	await move("home");
	for (const id of ids) {
		await until(`${id} has succeeded`, async () => ((await stateOf(id)).state === "succeeded" ? true : undefined));
	}
	expect((await wakeUps()).map(({ state }) => state)).toEqual(["delivered"]);
});
