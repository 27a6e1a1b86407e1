import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { createHttpClient, type HttpClient } from "@iot-esim/shared/transport/http/client";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { savePki } from "../pki/pki-directory.ts";
import type { ServerEffects } from "../rsp-server/process-effects.ts";
import { isProcessRunning, processIdentity } from "../rsp-server/process-identity.ts";
import { testPki } from "../rsp-server/test/pki-on-curve.ts";
import { codeOf, RspClient } from "../rsp-server/test/rsp-client.ts";
import { simSmdpProgram } from "../smdp/program.ts";
import { ICCID, profileYaml } from "../smdp/test/bench.ts";
import { simSmdsProgram } from "./program.ts";

let folder: string;
let stops: (() => void)[];
let clients: HttpClient[];
let runs: Promise<unknown>[];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sim-smds-serve-"));
	[stops, clients, runs] = [[], [], []];
});
afterEach(async () => {
	for (const stop of stops) stop();
	await Promise.all(runs);
	for (const client of clients) client.close();
	rmSync(folder, { recursive: true, force: true });
});

function httpClient(certificates: readonly string[], hosts: Readonly<Record<string, string>> = {}): HttpClient {
	const tls = certificates.length === 0 ? ({ kind: "none" } as const) : ({ kind: "ca", certificates } as const);
	const client = createHttpClient({ tls, hosts, timeout: Seconds(10) });
	clients.push(client);
	return client;
}

interface Printed {
	readonly listening?: { readonly https: string; readonly bench: string };
	readonly ordered?: { readonly activationCode: string };
}

/** Runs a command line until it has printed its first line. */
function started(make: (effects: ServerEffects) => Command, ...args: string[]): Promise<Printed> {
	return new Promise((resolve, reject) => {
		const effects: ServerEffects = {
			clock: systemClock,
			print: (line) => resolve(JSON.parse(line) as Printed),
			logger: () => silentLogger,
			httpClient,
			self: processIdentity(process.pid),
			isRunning: isProcessRunning,
			untilStopped: () => new Promise((stop) => stops.push(stop)),
		};
		const run = make(effects).exitOverride().parseAsync(args, { from: "user" });
		runs.push(run.catch(() => undefined));
		run.catch(reject);
	});
}

const portOf = ({ listening }: Printed) => listening?.https.replace("https://", "") ?? "";

describe("sim-smds run", () => {
	it.each(["P-256", "brainpoolP256r1"] as const)(
		"takes an event from sim-smdp over TLS on %s and tells it to the eUICC",
		async (curve) => {
			const pki = testPki(curve);
			savePki(join(folder, "pki"), pki);
			const common = ["--pki", join(folder, "pki"), "--port", "0", "--log-level", "error"];
			const smds = await started(simSmdsProgram, "run", "--dir", join(folder, "ds"), ...common);
			const hosts = { "smds.example.com": portOf(smds) };
			const hostsOption = `smds.example.com=${portOf(smds)}`;
			const dp = join(folder, "dp");
			const smdp = await started(simSmdpProgram, "run", "--dir", dp, "--hosts", hostsOption, ...common);
			writeFileSync(join(folder, "p.yaml"), profileYaml(ICCID));
			await started(simSmdpProgram, "import", join(folder, "p.yaml"), "--dir", dp, "--profile-type", "iot");
			const ordering = ["--eid", pki.eid, "--smds", "smds.example.com", "--profile-type", "iot"];
			const bench = smdp.listening?.bench ?? "";
			const { ordered } = await started(simSmdpProgram, "order", "--bench", bench, ...ordering);
			const https = httpClient([certificateToPem(pki.ci.certificate)], hosts);
			const lpa = new RspClient(async ({ path, body }) => {
				const headers = { "Content-Type": "application/json" };
				const url = `https://smds.example.com${path}`;
				const response = await https.request({ method: "POST", url, headers, body });
				return { status: response.status, body: response.body };
			}, pki);
			const retrieved = async () => {
				const answer = await lpa.authenticate(await lpa.initiate({ smdpAddress: "smds.example.com" }));
				expect(codeOf(answer)).toBe("ok");
				return answer.eventEntries?.map(({ eventId, rspServerAddress }) => `1$${rspServerAddress}$${eventId}`);
			};
			await expect.poll(retrieved, { timeout: 10_000 }).toEqual([ordered?.activationCode]);
		},
	);

	it("refuses a folder that is in use, and options that it does not know", async () => {
		savePki(join(folder, "pki"), testPki("P-256"));
		const run = (...args: string[]) =>
			started(simSmdsProgram, "run", "--dir", join(folder, "ds"), "--pki", join(folder, "pki"), "--port", "0", ...args);
		await run();
		await expect(run()).rejects.toMatchObject({ code: "RSP_SERVER_STATE_IN_USE" });
		for (const wrong of [
			["--root", "http://root/"],
			["--hosts", "root.example.com"],
			["--event-lifetime", "soon"],
		]) {
			await expect(run(...wrong)).rejects.toMatchObject({ code: "RSP_SERVER_OPTION" });
		}
	});
});
