import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { DemoPlan } from "./plan.ts";
import { Program, runToEnd } from "./program.ts";

export type PartName = "smdp" | "smds" | "eim" | "broker" | "network" | "card" | "ipa";

/** The parts of the demo as processes that can be started, killed and started again on the same ports and folders. */
export class Parts {
	readonly plan: DemoPlan;
	readonly #running = new Map<PartName, Program>();
	readonly #passing = new Set<Program>();
	#isOver = false;
	#apiKey: string | undefined;

	constructor(plan: DemoPlan) {
		this.plan = plan;
	}

	get(name: PartName): Program {
		const program = this.#running.get(name);
		if (!program) throw new Error(`${name} was not started`);
		return program;
	}

	/** The operator's key, known once the eIM has started for the first time. */
	get apiKey(): string {
		if (this.#apiKey === undefined) throw new Error("the eIM has not printed its first API key");
		return this.#apiKey;
	}

	/** Certificates of all roles under one CI, in `pki`. */
	async makePki(): Promise<void> {
		const { plan } = this;
		await this.once("pki", "sim/dist/pki/main.js", [
			...["init", "--dir", this.in("pki"), "--curve", plan.curve, "--eid", plan.eid],
			...["--dp-host", `${plan.smdpName},localhost`, "--ds-host", plan.smdsName, "--eim-host", plan.eimName],
		]);
		copyFileSync(this.in("pki", "ci.pem"), this.in("trust", "ci.pem"));
	}

	async startSmdp(): Promise<void> {
		const { plan } = this;
		await this.#start("smdp", "sim/dist/smdp/main.js", [
			...["run", "--dir", this.in("smdp"), "--pki", this.in("pki"), "--address", plan.smdpName],
			...["--port", String(plan.ports.smdp), "--bench-port", String(plan.ports.smdpBench)],
			...["--hosts", `${plan.smdsName}=127.0.0.1:${plan.ports.smds}`],
		]);
		await this.#listening("smdp");
	}

	async startSmds(): Promise<void> {
		const { plan } = this;
		await this.#start("smds", "sim/dist/smds/main.js", [
			...["run", "--dir", this.in("smds"), "--pki", this.in("pki"), "--address", plan.smdsName],
			...["--port", String(plan.ports.smds), "--bench-port", String(plan.ports.smdsBench)],
		]);
		await this.#listening("smds");
	}

	async startEim(): Promise<void> {
		const program = await this.#start("eim", "eim/dist/main.js", ["--config", this.#config("eim", this.#eimConfig())]);
		const ready = await program.line("it listens", (line) => ("listening" in line ? line : undefined));
		if (typeof ready.firstApiKey === "string") this.#apiKey = ready.firstApiKey;
		// It shows the eIM's own certificate, which the eIM has made now, and stays when the eIM is killed.
		if (this.plan.transport === "mqtt" && !this.#running.has("broker")) await this.startBroker();
	}

	/** The MQTT broker under the eIM's name, with a password for the eIM and one for the device. */
	async startBroker(): Promise<void> {
		const users = this.#config("users", this.#passwords());
		const ofEim = (name: string) => this.in("eim", name);
		await this.#start("broker", "dist/examples/demo/broker.js", [
			...["--port", String(this.plan.ports.broker), "--users", users],
			...["--key", ofEim("tls-key.pem"), "--certificate", ofEim("tls-certificate.pem")],
		]);
		await this.#listening("broker");
	}

	/** Makes the card with the bootstrap profile enabled. */
	async makeCard(): Promise<void> {
		const { plan } = this;
		await this.once("card-init", "sim/dist/euicc/main.js", [
			...["init", "--dir", this.in("card"), "--pki", this.in("pki"), "--eid", plan.eid, "--mode", "iot"],
			...["--bootstrap", plan.bootstrap.file, "--bootstrap-name", "Bootstrap"],
		]);
	}

	async startNetwork(): Promise<void> {
		await this.#start("network", "sim/dist/network/main.js", [
			...["run", "--config", this.#config("network", this.#networkConfig())],
		]);
		await this.#listening("network");
	}

	async startCard(): Promise<void> {
		const connect = `127.0.0.1:${this.plan.ports.card}`;
		await this.#start("card", "sim/dist/euicc/main.js", ["run", "--dir", this.in("card"), "--connect", connect]);
	}

	/** @param download the only way in which it shall download; the one that the eIM offers when absent */
	async startIpa(download?: "direct"): Promise<void> {
		const config = this.#config("ipa", this.#ipaConfig(download));
		await this.#start("ipa", "ipa/dist/main.js", ["run", "--config", config, "--json-events"]);
	}

	async start(name: PartName): Promise<void> {
		const starts = {
			smdp: "startSmdp",
			smds: "startSmds",
			eim: "startEim",
			broker: "startBroker",
			network: "startNetwork",
			card: "startCard",
			ipa: "startIpa",
		} as const;
		await this[starts[name]]();
	}

	/** Runs one of our programs to its end and gives the JSON lines it printed. */
	async once(name: string, script: string, args: readonly string[]): Promise<readonly Record<string, unknown>[]> {
		const program = this.#program(name, script, args);
		this.#passing.add(program);
		try {
			return await runToEnd(program);
		} finally {
			this.#passing.delete(program);
		}
	}

	/** `ipa card ...` through the modem, while the agent does not run. */
	ipaCard(...args: string[]): Promise<readonly Record<string, unknown>[]> {
		const config = this.#config("ipa", this.#ipaConfig());
		return this.once("ipa-card", "ipa/dist/main.js", ["card", ...args, "--config", config, "--json"]);
	}

	/** Paths in the demo's folder. */
	in(...parts: string[]): string {
		return path.join(this.plan.folder, ...parts);
	}

	running(): Program[] {
		return [...this.#running.values()].filter((program) => program.isRunning);
	}

	/** Ends every process; nothing can be started afterwards, also not by a story that is still under way. */
	async stopAll(): Promise<void> {
		this.#isOver = true;
		for (const program of this.#passing) await program.stop();
		for (const name of ["ipa", "eim", "broker", "smdp", "smds", "network", "card"] as const)
			await this.#running.get(name)?.stop();
	}

	async #start(name: PartName, script: string, args: readonly string[]): Promise<Program> {
		if (this.#running.get(name)?.isRunning) throw new Error(`${name} runs already`);
		const program = this.#program(name, script, args);
		this.#running.set(name, program);
		return program;
	}

	#program(name: string, script: string, args: readonly string[]): Program {
		if (this.#isOver) throw new Error(`${name} is not started: all parts were ended`);
		return new Program({ name, script, args, logFolder: this.in("logs") });
	}

	async #listening(name: PartName): Promise<void> {
		await this.get(name).line("it listens", (line) => ("listening" in line ? true : undefined));
	}

	#config(name: string, settings: object): string {
		const file = this.in(`${name}.yaml`);
		// JSON is YAML.
		writeFileSync(file, `${JSON.stringify(settings, null, 2)}\n`);
		return file;
	}

	#eimConfig() {
		const { ports, detours, eimName, smdpName, smdsName, curve } = this.plan;
		return {
			dataFolder: this.in("eim"),
			eim: { fqdn: eimName },
			es9plus: { timeout: "10s" },
			esipa: { host: "127.0.0.1", port: ports.esipa },
			api: { host: "127.0.0.1", port: ports.api },
			keys: { curve: curve === "brainpool" ? "brainpoolP256r1" : "P-256" },
			trust: { folder: this.in("trust") },
			hosts: {
				[smdpName]: `127.0.0.1:${detours?.smdp ?? ports.smdp}`,
				[smdsName]: `127.0.0.1:${ports.smds}`,
				[`${eimName}:8883`]: `127.0.0.1:${ports.broker}`,
			},
			jobs: { interval: "1s" },
			...this.#eimMqtt(),
			...this.#eimCoap(),
		};
	}

	/** The embedded broker has neither MQTT 5 nor shared subscriptions. */
	#eimMqtt() {
		const { transport, eimName } = this.plan;
		if (transport !== "mqtt") return {};
		const login = { username: "eim", password: this.#passwords().eim };
		return { mqtt: { url: `mqtts://${eimName}`, version: "3.1.1", shareGroup: "", ...login } };
	}

	#eimCoap() {
		const { transport, ports } = this.plan;
		const port = { coap: "port", "coaps+tcp": "tcpPort", https: undefined, mqtt: undefined }[transport];
		return port === undefined ? {} : { coap: { host: "127.0.0.1", [port]: ports.coap } };
	}

	/** Of the demo's broker alone, which listens on this machine only. */
	#passwords(): Readonly<Record<string, string>> {
		return { eim: "password-of-the-eim", [this.plan.eid]: "password-of-the-device" };
	}

	#networkConfig() {
		const { ports, detours, eimName, smdpName, smdsName, bootstrap, target, unreachable, transport } = this.plan;
		// 00102 is the operator of the example scripts, which may follow on a demo with another profile.
		const plmns = [...new Set([bootstrap.plmn, target.plmn, unreachable.plmn, "00102"])];
		return {
			control: { port: ports.control },
			hss: {
				smdpBench: `http://127.0.0.1:${ports.smdpBench}`,
				uppFiles: [bootstrap.file],
				stateFile: this.in("hss.json"),
			},
			modem: { searchInterval: "200ms", attachTime: "100ms" },
			// SM-DP+ and SM-DS for direct downloads.
			proxy: { allow: [eimName, smdpName, smdsName] },
			hosts: {
				[eimName]: `127.0.0.1:${detours?.esipa ?? ports.esipa}`,
				[`${eimName}:8883`]: `127.0.0.1:${ports.broker}`,
				[`${eimName}:5684`]: `127.0.0.1:${ports.coap}`,
				[smdpName]: `127.0.0.1:${ports.smdp}`,
				[smdsName]: `127.0.0.1:${ports.smds}`,
			},
			operators: plmns.map((plmn) => ({ plmn, name: `Network ${plmn}` })),
			coverage: { rules: [{ plmn: unreachable.plmn, place: "home", covered: false }] },
			devices: [
				{
					name: "device",
					place: "home",
					cardPort: ports.card,
					ipaPort: ports.ipa,
					proxyPort: ports.proxy,
					...(transport === "coap" ? { udpPort: ports.udp, udpTo: `${eimName}:5684` } : {}),
				},
			],
		};
	}

	#ipaConfig(download?: "direct") {
		const { ports, detours, rollbackAfter, transport, eid, eimName } = this.plan;
		return {
			card: { address: `vpcd://127.0.0.1:${detours?.ipa ?? ports.ipa}`, refreshDelay: "200ms", refreshTimeout: "20s" },
			state: { folder: this.in("ipa") },
			proxy: `http://127.0.0.1:${ports.proxy}`,
			eim: { timeout: "10s", transport },
			...(transport === "mqtt" ? { mqtt: { version: "3.1.1", password: this.#passwords()[eid] } } : {}),
			// Datagrams go through the modem's own way, as everything else goes through its proxy.
			...(transport === "coap" ? { hosts: { [`${eimName}:5684`]: `127.0.0.1:${ports.udp}` } } : {}),
			poll: { interval: "1s", retryAfter: "1s", retryAtMost: "2s" },
			rollback: { after: rollbackAfter, deliveryRetry: "1s" },
			// Whom the device believes when it speaks to SM-DP+ and SM-DS itself; as long as indirect downloads are allowed,
			// it takes that way, because the eIM offers it.
			rsp: { ciCertificates: this.in("trust", "ci.pem") },
			...(download === "direct" ? { download: { indirect: false } } : {}),
			device: { tac: "35000000", imei: "350000000000006" },
		};
	}
}
