import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../../examples/demo/free-ports.ts";
import { savePki } from "../pki/pki-directory.ts";
import { testPki } from "../rsp-server/test/pki-on-curve.ts";
import { type Answer, codeOf } from "../rsp-server/test/rsp-client.ts";
import { profileYaml } from "./test/bench.ts";
import { DownloadClient } from "./test/download-client.ts";

const program = new URL("../../dist/smdp/main.js", import.meta.url).pathname;
const KILLS = 60;

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

/** The port is known only when the test runs. */
function hostsOf(port: () => number): Record<string, string> {
	return {
		get "smdp.example.com"() {
			return `127.0.0.1:${port()}`;
		},
	};
}

let folder: string;
let port: number;
let benchPort: number;
let running: ChildProcess | undefined;

async function start(): Promise<void> {
	const args = ["run", "--dir", join(folder, "state"), "--pki", join(folder, "pki"), "--port", String(port)];
	const child = spawn(process.execPath, [program, ...args, "--bench-port", String(benchPort), "--log-level", "error"], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	running = child;
	for await (const line of createInterface({ input: child.stdout })) {
		if (line.includes("listening")) return;
	}
	throw new Error("the program ended before it listened");
}

async function kill(): Promise<void> {
	const child = running;
	if (child === undefined) return;
	const gone = once(child, "exit");
	child.kill("SIGKILL");
	await gone;
}

beforeAll(async () => {
	if (!existsSync(program)) throw new Error(`${program} is missing: run npm run test:long, which builds it first`);
	folder = mkdtempSync(join(tmpdir(), "sim-smdp-kill-"));
	savePki(join(folder, "pki"), testPki("P-256"));
	[port, benchPort] = [await freePort(), await freePort()];
	await start();
});
afterAll(async () => {
	await kill();
	rmSync(folder, { recursive: true, force: true });
});

describe(`an SM-DP+ killed ${KILLS} times`, () => {
	const pki = testPki("P-256");
	const https = createHttpClient({
		tls: { kind: "ca", certificates: [certificateToPem(pki.ci.certificate)] },
		hosts: hostsOf(() => port),
		timeout: Seconds(5),
	});
	const http = createHttpClient({ tls: { kind: "none" }, timeout: Seconds(5) });
	const client = new DownloadClient(async ({ path, body }) => {
		const url = `https://smdp.example.com${path}`;
		const response = await https.request({
			method: "POST",
			url,
			headers: { "Content-Type": "application/json" },
			body,
		});
		return { status: response.status, body: response.body };
	}, pki);

	it("completes every download after its restart, and its orders agree with what the eUICC signed", async () => {
		const random = seeded(20261122);
		const phases = new Map<string, number>();
		for (let run = 0; run < KILLS; run++) {
			const iccid = `8900101000${String(run).padStart(9, "0")}`;
			const steps = ["import", "order", "initiate", "authenticate", "package", "notify"];
			const victim = steps[Math.floor(random() * steps.length)] as string;
			const delay = random() * 12;
			phases.set(victim, (phases.get(victim) ?? 0) + 1);
			await download(iccid, victim, delay);
			const profiles = JSON.parse(await benchGet("/bench/v1/profiles")) as { iccid: string; state: string }[];
			expect(profiles.find((profile) => profile.iccid === iccid)?.state, `${iccid} killed in ${victim}`).toBe(
				"installed",
			);
			expect(profiles).toHaveLength(run + 1);
		}
		const notifications = JSON.parse(await benchGet("/bench/v1/notifications")) as { isVerified: boolean }[];
		expect(notifications.filter(({ isVerified }) => isVerified)).toHaveLength(KILLS);
		console.log("killed in", Object.fromEntries(phases));
	}, 240_000);

	/** Each step is repeated until it is answered; the victim's first attempt runs into the kill. */
	async function download(iccid: string, victim: string, delay: number): Promise<void> {
		const step = async <T>(name: string, action: () => Promise<T>): Promise<T> => {
			const dying = name === victim ? killSoon(delay) : undefined;
			let answer: T | undefined;
			try {
				answer = await action();
			} catch (error) {
				if (dying === undefined) throw error;
			}
			await dying;
			return answer ?? (await action());
		};
		await step("import", async () => {
			const path = `/bench/v1/profiles?fileName=p.yaml&profileType=iot`;
			const status = await benchPost(path, profileYaml(iccid));
			expect([201, 409]).toContain(status.status);
		});
		const matchingId = `RUN-${iccid}`;
		await step("order", async () => {
			const header = { functionRequesterIdentifier: "2.999", functionCallIdentifier: iccid };
			expect(codeOf(await es2plus("downloadOrder", { header, iccid }))).toBe("ok");
			expect(codeOf(await es2plus("confirmOrder", { iccid, matchingId, releaseFlag: true }))).toBe("ok");
		});
		const initiated = await step("initiate", () => client.initiate());
		const serverResponse = Buffer.from(client.authenticateServerResponse(initiated, { matchingId })).toString("base64");
		const offer = await step("authenticate", () =>
			client.call("authenticateClient", {
				transactionId: initiated.transactionId,
				authenticateServerResponse: serverResponse,
			}),
		);
		expect(codeOf(offer), `${iccid} killed in ${victim}`).toBe("ok");
		const oneTimeKey = generateKeyPair("P-256");
		const bound = await step("package", () => client.getPackage(offer, oneTimeKey));
		expect(codeOf(bound), `${iccid} killed in ${victim}`).toBe("ok");
		expect(client.open(bound, oneTimeKey).length).toBeGreaterThan(100);
		const result = client.installationResult({
			transactionId: offer.transactionId ?? "",
			iccid: Iccid.toBytes(Iccid(iccid)),
		});
		await step("notify", () => client.notify(result));
	}

	async function killSoon(delay: number): Promise<void> {
		await new Promise((resolve) => setTimeout(resolve, delay));
		await kill();
		await start();
	}

	async function benchGet(path: string): Promise<string> {
		const { body } = await http.request({ method: "GET", url: `http://127.0.0.1:${benchPort}${path}` });
		return new TextDecoder().decode(body);
	}

	async function benchPost(path: string, body: string) {
		return http.request({ method: "POST", url: `http://127.0.0.1:${benchPort}${path}`, body: utf8(body) });
	}

	async function es2plus(name: string, body: unknown): Promise<Answer> {
		const response = await benchPost(`/gsma/rsp2/es2plus/${name}`, JSON.stringify(body));
		return JSON.parse(new TextDecoder().decode(response.body)) as Answer;
	}
});
