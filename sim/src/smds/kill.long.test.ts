import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../../examples/demo/free-ports.ts";
import { savePki } from "../pki/pki-directory.ts";
import { makeTestPki } from "../pki/test-pki.ts";
import { type Answer, codeOf, RspClient } from "../rsp-server/test/rsp-client.ts";

const program = new URL("../../dist/smds/main.js", import.meta.url).pathname;
const KILLS = 40;
const ROOT = "root.example.com";
const ALTERNATIVE = "smds.example.com";

/** The same kills for the same seed (mulberry32). */
function seeded(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

/** Both SM-DS have one certificate, which has both names. */
const pki = makeTestPki({
	curve: "P-256",
	random: systemRandom,
	now: systemClock.now(),
	hosts: { ds: [ALTERNATIVE, ROOT] },
});
let folder: string;
const ports: Record<string, number> = {};
const running = new Map<string, ChildProcess>();

async function start(name: string): Promise<void> {
	const args = ["run", "--dir", join(folder, name), "--pki", join(folder, "pki"), "--port", String(ports[name])];
	const cascade = name === ALTERNATIVE ? ["--root", ROOT, "--hosts", `${ROOT}=127.0.0.1:${ports[ROOT]}`] : [];
	const child = spawn(process.execPath, [program, ...args, ...cascade, "--address", name, "--log-level", "error"], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	running.set(name, child);
	for await (const line of createInterface({ input: child.stdout })) if (line.includes("listening")) return;
	throw new Error("the program ended before it listened");
}

async function kill(name: string): Promise<void> {
	const child = running.get(name);
	if (child === undefined) return;
	const gone = once(child, "exit");
	child.kill("SIGKILL");
	await gone;
}

beforeAll(async () => {
	if (!existsSync(program)) throw new Error(`${program} is missing: run npm run test:long, which builds it first`);
	folder = mkdtempSync(join(tmpdir(), "sim-smds-kill-"));
	savePki(join(folder, "pki"), pki);
	for (const name of [ROOT, ALTERNATIVE]) ports[name] = await freePort();
	for (const name of [ROOT, ALTERNATIVE]) await start(name);
});
afterAll(async () => {
	for (const name of running.keys()) await kill(name);
	rmSync(folder, { recursive: true, force: true });
});

describe(`a cascade of two SM-DS killed ${KILLS} times`, () => {
	const hosts = {
		get [ROOT]() {
			return `127.0.0.1:${ports[ROOT]}`;
		},
		get [ALTERNATIVE]() {
			return `127.0.0.1:${ports[ALTERNATIVE]}`;
		},
	};
	const ca = { kind: "ca", certificates: [certificateToPem(pki.ci.certificate)] } as const;
	const https = createHttpClient({ tls: ca, hosts, timeout: Seconds(5) });
	const lpa = (name: string) =>
		new RspClient(async ({ path, body }) => {
			const headers = { "Content-Type": "application/json" };
			const response = await https.request({ method: "POST", url: `https://${name}${path}`, headers, body });
			return { status: response.status, body: response.body };
		}, pki);

	it("has every event that it confirmed, at the root too, and none that it confirmed the end of", async () => {
		const random = seeded(20261123);
		for (let run = 0; run < KILLS; run++) {
			const eventId = `E${run}`;
			const isKilledAtRegistration = random() < 0.5;
			const victim = random() < 0.5 ? ROOT : ALTERNATIVE;
			const delay = random() * 25;
			await repeated("registerEvent", eventId, isKilledAtRegistration ? { victim, delay } : undefined);
			expect(await seenByEuicc(), `${eventId} registered`).toEqual([eventId]);
			await repeated("deleteEvent", eventId, isKilledAtRegistration ? undefined : { victim, delay });
			await expect.poll(seenAtRoot, { timeout: 30_000 }).toEqual([]);
			expect(await seen(ALTERNATIVE), `${eventId} deleted`).toEqual([]);
		}
	}, 240_000);

	/** As an SM-DP+ does it: until it is answered with success; a deletion may have been done the first time. */
	async function repeated(name: string, eventId: string, dying?: { victim: string; delay: number }): Promise<void> {
		const death = dying && killSoon(dying);
		for (let attempt = 0; ; attempt++) {
			const code = await es12(name, eventId).catch(() => "lost");
			if (code === "ok" || (name === "deleteEvent" && attempt > 0 && code === "8.9.5/3.9")) break;
			if (attempt === 400) throw new Error(`${name} of ${eventId} has no success: ${code}`);
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		await death;
	}

	async function killSoon({ victim, delay }: { victim: string; delay: number }): Promise<void> {
		await new Promise((resolve) => setTimeout(resolve, delay));
		await kill(victim);
		await start(victim);
	}

	async function es12(name: string, eventId: string): Promise<string> {
		const header = { functionRequesterIdentifier: "2.999.10", functionCallIdentifier: eventId };
		const event = { eid: pki.eid, eventId, rspServerAddress: "smdp.example.com", forwardingIndicator: true };
		const response = await https.request({
			method: "POST",
			url: `https://${ALTERNATIVE}/gsma/rsp2/es12/${name}`,
			headers: { "Content-Type": "application/json" },
			body: utf8(JSON.stringify({ header, ...event })),
		});
		return codeOf(JSON.parse(new TextDecoder().decode(response.body)) as Answer);
	}

	async function entries(name: string, matchingId?: string) {
		const client = lpa(name);
		const initiated = await client.initiate({ smdpAddress: name });
		const answer = await client.authenticate(initiated, matchingId === undefined ? {} : { matchingId });
		return answer.eventEntries ?? [];
	}

	const seen = async (name: string) => (await entries(name)).map(({ eventId }) => eventId);
	const seenAtRoot = () => seen(ROOT);

	/** From the root to the alternative SM-DS, as an LPA goes; what was registered in vain is taken back after a while. */
	async function seenByEuicc(): Promise<string[]> {
		await expect.poll(async () => (await entries(ROOT)).length, { timeout: 30_000 }).toBe(1);
		const [forwarded] = await entries(ROOT);
		expect(forwarded?.rspServerAddress).toBe(ALTERNATIVE);
		return (await entries(ALTERNATIVE, forwarded?.eventId)).map(({ eventId }) => eventId);
	}
});
