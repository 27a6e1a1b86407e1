import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { makeTestPki, type TestPki } from "@iot-esim/sim/pki/test-pki";
import Database from "libsql";
import { Program } from "../../examples/demo/program.ts";
import { type BenchReport, figure } from "./bench.ts";
import { cpuTime } from "./cpu-time.ts";
import {
	contains,
	cycleOnce,
	type FleetDevice,
	inParallel,
	makeFleet,
	Poster,
	pollOnce,
	provideCertificates,
} from "./cycle-fleet.ts";

const DEVICES = 1000;
const CONNECTIONS = 32;
const ROUNDS = 3;
const TARGET = 0.4;
const ICCID = "8900102000000000023";

interface Round {
	readonly ratio: number;
	readonly eimMs: number;
	readonly bareMs: number;
	readonly cyclesPerSecond: number;
}

/** The eIM as a process, its fleet, and what a test has to know of both. */
class CycleScene {
	readonly folder = mkdtempSync(path.join(tmpdir(), "iot-esim-cycle-"));
	readonly pki: TestPki = makeTestPki({ curve: "P-256", random: systemRandom, now: Date.now() });
	readonly fleet = makeFleet(this.pki, DEVICES);
	#eim: Program | undefined;
	#api = "";
	#key = "";
	#poster: Poster | undefined;

	async open(): Promise<void> {
		const trust = path.join(this.folder, "trust");
		mkdirSync(trust);
		writeFileSync(path.join(trust, "ci.pem"), certificateToPem(this.pki.ci.certificate));
		const config = path.join(this.folder, "eim.yaml");
		const settings = {
			dataFolder: path.join(this.folder, "eim"),
			eim: { fqdn: "localhost" },
			esipa: { host: "127.0.0.1", port: 0 },
			api: { port: 0, requestsPerMinute: 10_000_000 },
			trust: { folder: trust },
			log: { level: "error" },
		};
		writeFileSync(config, JSON.stringify(settings));
		this.#eim = new Program({
			name: "eim",
			script: "eim/dist/main.js",
			args: ["--config", config],
			logFolder: this.folder,
		});
		const ready = await this.#eim.line("it listens", (line) => ("listening" in line ? line : undefined));
		const { esipa, api } = ready.listening as { esipa: string; api: string };
		this.#api = api;
		this.#key = String(ready.firstApiKey);
		this.#poster = new Poster(Number(new URL(esipa).port), CONNECTIONS);
		await inParallel(this.fleet, 16, (device) => this.#call("/api/v1/devices", { eid: device.eid }));
		await this.#order({ type: "readEuiccData" });
		await inParallel(this.fleet, CONNECTIONS, (device) => provideCertificates(this.poster, device, this.pki));
	}

	get pid(): number {
		return this.#eim?.pid ?? 0;
	}

	get poster(): Poster {
		if (!this.#poster) throw new Error("the scene is not open");
		return this.#poster;
	}

	/** Queues one enable for each device; what the eIM asks for itself is worked off before. */
	async prepareRound(): Promise<void> {
		await inParallel(this.fleet, CONNECTIONS, async (device) => {
			const waiting = await pollOnce(this.poster, device);
			if (waiting !== undefined) throw new Error(`the eIM still wants ${Object.keys(waiting).join()} of ${device.eid}`);
		});
		await this.#order({ type: "enable", iccid: ICCID, rollback: false });
	}

	/** Every package and result of the round stands in the database, durable and verified. */
	verifyDatabase(): void {
		const database = new Database(path.join(this.folder, "eim", "eim.db"), { readonly: true });
		try {
			const packages = database.prepare("SELECT bytes FROM packages WHERE eid = ? ORDER BY seq DESC LIMIT 1");
			const results = database.prepare(
				"SELECT bytes, verification FROM received_results WHERE eid = ? ORDER BY seq DESC LIMIT 1",
			);
			for (const device of this.fleet) {
				const sent = packages.get(device.eid) as { bytes: ArrayBuffer } | undefined;
				const got = results.get(device.eid) as { bytes: ArrayBuffer; verification: string } | undefined;
				if (!sent || !contains(device.lastPackage, new Uint8Array(sent.bytes))) {
					throw new Error(`the package of ${device.eid} is not in the database`);
				}
				if (got?.verification !== "verified" || !contains(new Uint8Array(got.bytes), device.lastResult)) {
					throw new Error(`the verified result of ${device.eid} is not in the database`);
				}
			}
		} finally {
			database.close();
		}
	}

	async close(): Promise<void> {
		this.#poster?.close();
		await this.#eim?.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}

	#order(order: object): Promise<void> {
		return inParallel(this.fleet, 16, (device) => this.#call(`/api/v1/devices/${device.eid}/operations`, order));
	}

	async #call(apiPath: string, body: object): Promise<void> {
		const headers = { authorization: `Bearer ${this.#key}`, "content-type": "application/json" };
		const response = await fetch(this.#api + apiPath, { method: "POST", headers, body: JSON.stringify(body) });
		const text = await response.text();
		if (!response.ok) throw new Error(`POST ${apiPath}: ${response.status} ${text}`);
	}
}

/** CPU time of the bare server for as many pairs of POSTs with octets of the same sizes. */
async function bareBound(scene: CycleScene, sample: FleetDevice): Promise<number> {
	const options = {
		key: path.join(scene.folder, "eim", "tls-key.pem"),
		certificate: path.join(scene.folder, "eim", "tls-certificate.pem"),
		packageOctets: sample.lastPackage.length,
		acknowledgementOctets: 8,
		signedOctets: sample.lastPackage.length - 75,
		verifiedOctets: sample.lastResult.length - 75,
	};
	const args = [JSON.stringify(options)];
	const bare = new Program({ name: "bare", script: "dist/test/perf/bare-bound.js", args, logFolder: scene.folder });
	const port = await bare.line("it listens", (line) =>
		typeof line.listening === "number" ? line.listening : undefined,
	);
	const poster = new Poster(port, CONNECTIONS);
	const result = new Uint8Array(sample.lastResult.length + 22);
	const pair = async (device: FleetDevice) => {
		await poster.post("/poll", device.poll);
		await poster.post("/result", result);
	};
	try {
		await inParallel(scene.fleet, CONNECTIONS, pair);
		const before = cpuTime(bare.pid);
		await inParallel(scene.fleet, CONNECTIONS, pair);
		return cpuTime(bare.pid) - before;
	} finally {
		poster.close();
		await bare.stop();
	}
}

/** One round: CPU time of the eIM for 1,000 cycles, and of the bare bound for as many. */
async function measure(scene: CycleScene): Promise<Round> {
	await scene.prepareRound();
	const before = cpuTime(scene.pid);
	const start = performance.now();
	await inParallel(scene.fleet, CONNECTIONS, (device) => cycleOnce(scene.poster, device));
	const seconds = (performance.now() - start) / 1000;
	const eimMs = cpuTime(scene.pid) - before;
	scene.verifyDatabase();
	const bareMs = await bareBound(scene, scene.fleet[0] as FleetDevice);
	return { ratio: bareMs / eimMs, eimMs, bareMs, cyclesPerSecond: DEVICES / seconds };
}

/**
 * CPU time of a bare bound over the CPU time of the eIM's process, all its threads, for one whole operation cycle over
 * 1,000 devices with their own keys, on the embedded database with synchronous FULL. Both are warm; best of three.
 */
export async function cycle(): Promise<BenchReport> {
	const scene = new CycleScene();
	try {
		await scene.open();
		// The bare bound serves 1,000 pairs before it is measured; so does the eIM.
		await measure(scene);
		const rounds: Round[] = [];
		for (let i = 0; i < ROUNDS; i++) rounds.push(await measure(scene));
		const best = rounds.reduce((a, b) => (b.ratio > a.ratio ? b : a));
		return {
			name: "cycle",
			ratio: figure(best.ratio),
			target: TARGET,
			figures: {
				devices: DEVICES,
				eimCpuMsPerCycle: figure(best.eimMs / DEVICES),
				bareCpuMsPerCycle: figure(best.bareMs / DEVICES),
				cyclesPerSecond: figure(best.cyclesPerSecond),
				ratios: rounds.map((round) => figure(round.ratio)).join(", "),
			},
		};
	} finally {
		await scene.close();
	}
}
