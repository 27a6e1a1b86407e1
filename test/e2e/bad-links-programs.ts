/** eIM, SM-DP+, card and IPA as programs in network namespaces, with the NAT and the relay between device and eIM. */

import type { ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { root } from "../architecture/source-files.ts";
import { exampleConfiguration, mosquitto } from "../interop/mosquitto-broker.ts";
import { brokerPki } from "../interop/mosquitto-certificates.ts";
import { profileDescription, profileOfSize } from "../perf/wire/profile.ts";
import { BadLink, EIM_ADDRESS, type Side } from "../support/netns.ts";
import type { RelayConditions } from "../support/relay.ts";

export type Transport = "https" | "coap" | "coaps+tcp" | "mqtt";

const EIM = "eim.iot.example.com";
const SMDP = "smdp.example.com";
const BROKER = "broker.example.com";
const EID = "89049032000000000000000000000163";
export const BOOTSTRAP = "8900101000000000018";
export const TARGET = "8900101000000000026";
const PORTS = { esipa: 8443, api: 8080, coap: 5684, smdp: 9443, bench: 9080, broker: 8883, reader: 35_963 };

/** Asks the eIM in its namespace, since nobody else reaches it: lines of JSON in, lines of JSON out. */
const HANDS = `
let rest = "";
process.stdin.on("data", async (piece) => {
	rest += piece;
	for (let at = rest.indexOf("\\n"); at >= 0; at = rest.indexOf("\\n")) {
		const { url, ...request } = JSON.parse(rest.slice(0, at));
		rest = rest.slice(at + 1);
		fetch(url, request).then(async (r) => ({ status: r.status, body: Buffer.from(await r.arrayBuffer()).toString("base64") }))
			.catch((error) => ({ status: 0, body: Buffer.from(String(error)).toString("base64") }))
			.then((answer) => console.log(JSON.stringify(answer)));
	}
});
`;

type Json = Record<string, unknown>;

export class BadLinkPrograms {
	readonly link: BadLink;
	readonly #folder: string;
	readonly #hands: Lines;
	readonly events: Json[] = [];
	#apiKey = "";

	private constructor(link: BadLink, folder: string) {
		this.link = link;
		this.#folder = folder;
		this.#hands = new Lines(link.start("eim", process.execPath, ["-e", HANDS], { stdio: ["pipe", "pipe", "inherit"] }));
	}

	/** Everything runs, the device is associated and polls every two seconds. */
	static async start(transport: Transport, conditions: RelayConditions): Promise<BadLinkPrograms> {
		const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-badlink-"));
		const programs = new BadLinkPrograms(await BadLink.open(conditions), folder);
		try {
			await programs.#setUp(transport);
			return programs;
		} catch (error) {
			const logs = programs.logs();
			await programs.close();
			throw new Error(logs, { cause: error });
		}
	}

	/** Orders an operation; its id. */
	async order(order: Json): Promise<string> {
		const { id } = await this.#api("POST", `/api/v1/devices/${EID}/operations`, order);
		return String(id);
	}

	/** Waits for the end of an operation, in real time; its state, with the reason of a failure. */
	async finished(id: string, longest: number): Promise<string> {
		const deadline = Date.now() + longest;
		while (Date.now() < deadline) {
			const { state, reason } = await this.#api("GET", `/api/v1/operations/${id}`);
			const isOver = OVER.includes(String(state));
			if (isOver) return reason === undefined ? String(state) : `${state}: ${reason}`;
			await new Promise((resolve) => setTimeout(resolve, 200));
		}
		throw new Error(`operation ${id} is not over after ${longest} ms\n${this.logs()}`);
	}

	/** Puts a profile of so many octets into the SM-DP+ and orders its download. */
	async orderDownload(octets: number): Promise<string> {
		const file = path.join(this.#folder, `${TARGET}.der`);
		writeFileSync(file, profileOfSize(TARGET, octets));
		this.#tool("smdp", "import", "--dir", this.#in("smdp"), "--address", SMDP, file);
		const bench = `http://127.0.0.1:${PORTS.bench}`;
		const matchingId = "THE-ORDER";
		this.#tool("smdp", "order", "--bench", bench, "--iccid", TARGET, "--matching-id", matchingId);
		return this.order({ type: "download", smdpAddress: SMDP, matchingId });
	}

	/** Profiles as the eIM has them. */
	async profiles(): Promise<Record<string, string>> {
		const { items } = await this.#api("GET", `/api/v1/devices/${EID}/profiles`);
		const list = items as { iccid: string; state: string }[];
		return Object.fromEntries(list.map(({ iccid, state }) => [iccid, state]));
	}

	/** Waits until the device says something; gives it. */
	event(type: string, longest: number): Promise<Json> {
		const from = this.events.length;
		const deadline = Date.now() + longest;
		const look = async (): Promise<Json> => {
			const found = this.events.slice(from).find((one) => one.type === type);
			if (found !== undefined) return found;
			if (Date.now() > deadline) throw new Error(`the device does not say ${type}\n${this.logs()}`);
			await new Promise((resolve) => setTimeout(resolve, 50));
			return look();
		};
		return look();
	}

	/** The last lines that each program has written. */
	logs(): string {
		const names = ["eim", "smdp", "ipa", "card"];
		const last = (name: string) => {
			try {
				return readFileSync(this.#in(`${name}.log`), "utf8").slice(-1500);
			} catch {
				return "nothing";
			}
		};
		return names.map((name) => `--- ${name}\n${last(name)}`).join("\n");
	}

	async close(): Promise<void> {
		await this.link.close();
		rmSync(this.#folder, { recursive: true, force: true });
	}

	async #setUp(transport: Transport): Promise<void> {
		const pki = this.#in("pki");
		const hosts = ["--dp-host", SMDP, "--eim-host", EIM];
		this.#tool("pki", "init", "--dir", pki, "--curve", "P-256", "--eid", EID, ...hosts);
		mkdirSync(this.#in("trust"));
		cpSync(path.join(pki, "ci.pem"), this.#in("trust", "ci.pem"));
		writeFileSync(this.#in("bootstrap.der"), buildProfilePackage(profileDescription(BOOTSTRAP)));
		const card = ["--dir", this.#in("card"), "--pki", pki, "--eid", EID, "--bootstrap", this.#in("bootstrap.der")];
		this.#tool("euicc", "init", ...card);
		const smdp = ["run", "--dir", this.#in("smdp"), "--pki", pki, "--address", SMDP];
		const smdpPorts = ["--port", String(PORTS.smdp), "--bench-port", String(PORTS.bench)];
		await this.#run("eim", "smdp", "sim/dist/smdp/main.js", [...smdp, ...smdpPorts]).line("listening");
		const mqtt = transport === "mqtt" ? await this.#startBroker() : undefined;
		await this.#startEim(mqtt?.eim);
		await this.#api("POST", "/api/v1/devices", { eid: EID });
		await this.#startDevice(transport, mqtt?.device);
	}

	/** Mosquitto beside the eIM; how the eIM and the device reach it. */
	async #startBroker() {
		const pki = brokerPki(BROKER);
		const write = (name: string, text: string) => {
			mkdirSync(this.#in("broker"), { recursive: true });
			writeFileSync(this.#in("broker", name), text);
			return this.#in("broker", name);
		};
		const example = exampleConfiguration(`${PORTS.broker} 0.0.0.0`, pki.server, write);
		const file = write("mosquitto.conf", `${example}\nuser root\n`);
		const child = this.link.start("eim", mosquitto?.mosquitto ?? "", ["-c", file], {
			stdio: ["ignore", "ignore", "pipe"],
		});
		await new Promise<void>((resolve, reject) => {
			child.stderr?.on("data", (chunk) => String(chunk).includes(" running") && resolve());
			child.once("exit", () => reject(new Error("Mosquitto has ended")));
		});
		const settings = (commonName: string) => {
			const { certificate, key } = pki.client(commonName);
			const files = { certificate: write(`${commonName}.pem`, certificate), key: write(`${commonName}.key`, key) };
			return { url: `mqtts://${BROKER}`, caFile: write("ca.pem", pki.caPem), ...files };
		};
		return { eim: settings("eim"), device: settings(EID) };
	}

	async #startEim(mqtt: object | undefined): Promise<void> {
		const config = this.#config("eim", {
			dataFolder: this.#in("eim"),
			eim: { fqdn: EIM },
			esipa: { host: "0.0.0.0", port: PORTS.esipa },
			coap: { host: "0.0.0.0", port: PORTS.coap, tcpPort: PORTS.coap },
			api: { host: "127.0.0.1", port: PORTS.api },
			trust: { folder: this.#in("trust") },
			hosts: { [SMDP]: `127.0.0.1:${PORTS.smdp}`, [BROKER]: `127.0.0.1:${PORTS.broker}` },
			...(mqtt && { mqtt }),
			jobs: { interval: "1s" },
		});
		const ready = await this.#run("eim", "eim", "eim/dist/main.js", ["--config", config]).line("listening");
		this.#apiKey = String(ready.firstApiKey);
	}

	async #startDevice(transport: Transport, mqtt: object | undefined): Promise<void> {
		const { body } = await this.#ask("GET", "/api/v1/eim-configuration?format=der");
		writeFileSync(this.#in("eim.der"), Buffer.from(body, "base64"));
		const config = this.#config("ipa", {
			card: { address: `vpcd+listen://127.0.0.1:${PORTS.reader}`, refreshDelay: "200ms" },
			state: { folder: this.#in("ipa") },
			eim: { transport, timeout: "120s" },
			...(mqtt && { mqtt }),
			hosts: {
				[EIM]: `${EIM_ADDRESS}:${PORTS.coap}`,
				[`${EIM}:${PORTS.esipa}`]: `${EIM_ADDRESS}:${PORTS.esipa}`,
				[BROKER]: `${EIM_ADDRESS}:${PORTS.broker}`,
			},
			poll: { interval: "2s", retryAfter: "1s", retryAtMost: "5s" },
			esipa: { minimizeBytes: true },
			device: { tac: "35000000" },
		});
		const reader = ["run", "--dir", this.#in("card"), "--connect", `127.0.0.1:${PORTS.reader}`];
		this.#run("device", "card", "sim/dist/euicc/main.js", reader);
		const associate = this.#run("device", "ipa", "ipa/dist/main.js", [
			...["card", "add-eim", this.#in("eim.der"), "--config", config, "--json"],
		]);
		await associate.line("added");
		await associate.ended;
		const ipa = this.#run("device", "ipa", "ipa/dist/main.js", ["run", "--config", config, "--json-events"]);
		ipa.onLine = (line) => this.events.push(line);
	}

	async #api(method: string, url: string, body?: Json): Promise<Json> {
		const answer = await this.#ask(method, url, body);
		const text = Buffer.from(answer.body, "base64").toString("utf8");
		if (answer.status < 200 || answer.status >= 300) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
		return JSON.parse(text) as Json;
	}

	/** One request after the other. */
	#ask(method: string, url: string, body?: Json): Promise<{ readonly status: number; readonly body: string }> {
		const headers = { authorization: `Bearer ${this.#apiKey}`, ...(body && { "content-type": "application/json" }) };
		const request = {
			url: `http://127.0.0.1:${PORTS.api}${url}`,
			method,
			headers,
			...(body && { body: JSON.stringify(body) }),
		};
		return this.#hands.ask(request);
	}

	#run(side: Side, name: string, script: string, args: readonly string[]): Lines {
		const log = openSync(this.#in(`${name}.log`), "a");
		const child = this.link.start(side, process.execPath, [path.join(root, script), ...args], {
			stdio: ["ignore", "pipe", log],
		});
		return new Lines(child);
	}

	/** Runs one of the simulators' tools to its end, beside the eIM; what it prints. */
	#tool(part: "pki" | "euicc" | "smdp", ...args: readonly string[]): string {
		return this.link.run("eim", process.execPath, path.join(root, `sim/dist/${part}/main.js`), ...args);
	}

	#config(name: string, settings: object): string {
		const file = this.#in(`${name}.yaml`);
		writeFileSync(file, JSON.stringify(settings));
		return file;
	}

	#in(...parts: string[]): string {
		return path.join(this.#folder, ...parts);
	}
}

const OVER = ["succeeded", "failed", "rolled-back", "expired", "cancelled"];

/** JSON lines of a program. */
class Lines {
	readonly #child: ChildProcess;
	readonly #lines: Json[] = [];
	readonly ended: Promise<void>;
	#isOver = false;
	onLine: ((line: Json) => void) | undefined;
	#waiting: (() => void)[] = [];
	#last: Promise<unknown> = Promise.resolve();

	constructor(child: ChildProcess) {
		this.#child = child;
		let rest = "";
		child.stdout?.on("data", (piece: Buffer) => {
			const lines = (rest + piece.toString("utf8")).split("\n");
			rest = lines.pop() ?? "";
			for (const line of lines) if (line.startsWith("{")) this.#take(JSON.parse(line) as Json);
		});
		this.ended = new Promise((resolve) => child.once("close", () => resolve()));
		void this.ended.then(() => {
			this.#isOver = true;
			this.#wake();
		});
	}

	/** The first line with a member of this name. */
	async line(member: string): Promise<Json> {
		for (;;) {
			const found = this.#lines.find((line) => member in line);
			if (found !== undefined) return found;
			if (this.#isOver) throw new Error(`the program ended before it said "${member}"`);
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
	}

	/** One line in, one out. */
	ask(request: object): Promise<{ readonly status: number; readonly body: string }> {
		const answer = this.#last.then(async () => {
			const at = this.#lines.length;
			this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
			while (this.#lines.length === at) {
				if (this.#isOver) throw new Error("the program that asks the eIM has ended");
				await new Promise<void>((resolve) => this.#waiting.push(resolve));
			}
			return this.#lines[at] as { status: number; body: string };
		});
		this.#last = answer.catch(() => undefined);
		return answer;
	}

	#take(line: Json): void {
		this.#lines.push(line);
		this.onLine?.(line);
		this.#wake();
	}

	#wake(): void {
		for (const wake of this.#waiting.splice(0)) wake();
	}
}
