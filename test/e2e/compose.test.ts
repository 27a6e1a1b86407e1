import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { loadConfig } from "@iot-esim/shared/runtime/config";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { networkConfig } from "@iot-esim/sim/network/config";
import { NetworkProgram } from "@iot-esim/sim/network/network-program";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
	type ComposeService,
	healthCommand,
	hostNames,
	isOurs,
	projectRoot,
	readCompose,
	scriptCommands,
	startOrder,
} from "../support/compose.ts";
import { projectText, sourceOf, understand } from "../support/program-lines.ts";

const compose = readCompose();
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => isOurs(service));
const named = (name: string) => compose.services[name] as ComposeService;
const SCRIPTS = ["deploy/init.sh", "deploy/associate.sh", "deploy/eim"];

/** What the images of others listen on, from their documentation. */
const PORTS_OF_OTHERS: Readonly<Record<string, readonly number[]>> = { postgres: [5432], mosquitto: [1883] };

/** Ports by the name under which a service is found, modems under that of the SM-DP+. */
async function portsByHost(): Promise<Map<string, Set<number>>> {
	const found = new Map<string, Set<number>>();
	for (const [name, service] of services) {
		const at = service.network_mode?.replace(/^service:/, "") ?? name;
		const isProgram = isOurs(service) && service.command?.[0] === "node";
		const ports = isProgram
			? (await understand(service.command ?? [], service.environment)).ports
			: (PORTS_OF_OTHERS[name] ?? []);
		for (const host of hostNames(compose, at)) {
			const known = found.get(host) ?? new Set();
			for (const port of ports) known.add(port);
			found.set(host, known);
		}
	}
	return found;
}

describe("docker-compose.yml", () => {
	it("names services that exist, in an order that ends", () => {
		expect(startOrder(compose)).toHaveLength(services.length);
		for (const [name, service] of services) {
			for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
				if (condition === "service_healthy")
					expect(named(other).healthcheck, `${name} waits for ${other}`).toBeDefined();
				if (condition === "service_completed_successfully") expect(named(other).restart, other).toBe("no");
			}
			// `up --wait` takes the end of a one-shot service for a failure unless a service that stays waits for it.
			const waits = services.filter(([, other]) => other.depends_on?.[name] && other.restart !== "no");
			if (service.restart === "no") expect(waits, `nobody waits for ${name}`).not.toEqual([]);
			if (service.network_mode) expect(Object.keys(compose.services)).toContain(service.network_mode.slice(8));
			expect(service.restart === "no" || service.healthcheck, `${name} has no healthcheck`).toBeTruthy();
		}
		expect(Object.keys(compose.services)).toEqual(
			expect.arrayContaining(["init", "eim", "postgres", "mosquitto", "smdp", "modem", "card-1", "ipa-1"]),
		);
	});

	it.each(ours)("service %s runs a program that takes its command and its variables", async (_name, service) => {
		const [first, script] = service.command ?? [];
		if (first === "sh") {
			expect(SCRIPTS).toContain(script);
			const text = projectText(script ?? "");
			for (const variable of Object.keys(service.environment ?? {})) {
				// EIM_URL is read by the command line itself.
				const read = text.includes("deploy/eim ") ? `${text}${projectText("deploy/eim")}$EIM_URL` : text;
				expect(read.includes(`$${variable}`), `${script} does not read ${variable}`).toBe(true);
			}
		} else {
			await understand(service.command ?? [], service.environment);
		}
	});

	it("a mistyped flag, command, variable or value does not get through this test", async () => {
		const smdp = named("smdp").command ?? [];
		await expect(understand([...smdp, "--benchport=1"])).rejects.toThrow("unknown option");
		await expect(understand(smdp.map((word) => word.replace("8444", "84440")))).rejects.toThrow("--port");
		await expect(understand(["node", "sim/dist/euicc/main.js", "start"])).rejects.toThrow("unknown command");
		await expect(understand(["node", "sim/dist/card/main.js"])).rejects.toThrow("no program");
		await expect(understand(named("eim").command ?? [], { EIM_ESIPA_PROT: "1" })).rejects.toThrow("no setting");
		await expect(understand(named("ipa-1").command ?? [], { IPA_POLL_INTERVAL: "10" })).rejects.toThrow("duration");
		await expect(understand(["deploy/eim", "device", "ad", "1"])).rejects.toThrow("unknown command");
	});

	it("every command of the scripts is one that the program takes, and the scripts are valid shell", async () => {
		for (const script of SCRIPTS) {
			execFileSync("sh", ["-n", script], { cwd: projectRoot });
			expect(statSync(path.join(projectRoot, script)).mode & 0o100, `${script} can be executed`).toBeTruthy();
		}
		const init = await Promise.all(scriptCommands("deploy/init.sh").map((line) => understand(line)));
		expect(init.map(({ program, command }) => [program, ...command].join(" "))).toEqual([
			"sim/dist/pki/main.js init",
			"sim/dist/pki/main.js euicc",
			"dist/examples/build-profile.js",
			"sim/dist/euicc/main.js init",
			"sim/dist/smdp/main.js import",
		]);
		const lines = scriptCommands("deploy/associate.sh");
		const associate = await Promise.all(lines.map((line) => understand(line)));
		expect(associate.map(({ command }) => command.join(" "))).toEqual([
			"configuration",
			"device show",
			"device add",
			"card add-eim",
		]);
	});

	it("publishes and asks for ports that somebody listens on", async () => {
		const listening = await portsByHost();
		const wrong: string[] = [];
		const check = (host: string, port: string, where: string) => {
			if (!listening.get(host)?.has(Number(port))) wrong.push(`${where}: ${host}:${port}`);
		};
		for (const [name, service] of services) {
			for (const text of service.ports ?? []) check(name, text.split(":").at(-1) ?? "", `ports of ${name}`);
			const words = [...(service.command ?? []), ...Object.values(service.environment ?? {})];
			const home = service.network_mode?.replace(/^service:/, "") ?? name;
			for (const word of [...words, ...(healthCommand(service) ?? [])].map(String)) {
				for (const [, host = "", port = ""] of word.matchAll(/([a-z][\w.-]*|127\.0\.0\.1):(\d{2,5})\b/g)) {
					check(host === "127.0.0.1" ? home : host, port, name);
				}
			}
		}
		for (const file of ["deploy/network.yaml", "deploy/devices.txt"]) {
			for (const [, host = "", port = ""] of projectText(file).matchAll(/([a-z][\w-]*|127\.0\.0\.1):(\d{2,5})\b/g)) {
				check(host === "127.0.0.1" ? "smdp" : host, port, file);
			}
		}
		expect(wrong).toEqual([]);
		expect([...(listening.get("modem") ?? [])]).toEqual(expect.arrayContaining([7100, 7111, 7112, 7113]));
	});

	it("keeps state in declared volumes, on folders that the image's user owns", () => {
		const dockerfile = projectText("Dockerfile");
		const owned = /chown node:node ([^\n]+)/.exec(dockerfile)?.[1]?.split(" ") ?? [];
		const used = new Set<string>();
		for (const [name, service] of services) {
			const mounts = (service.volumes ?? []).map((text) => text.split(":"));
			for (const [volume = "", target = ""] of mounts) {
				used.add(volume);
				if (isOurs(service)) expect(owned, `${name} mounts ${target}`).toContain(target);
			}
			if (!isOurs(service)) continue;
			// What a service says about /var/lib lies in one of its volumes.
			const texts = [...(service.command ?? []), ...Object.values(service.environment ?? {})];
			for (const text of texts.flatMap((word) => String(word).match(/\/var\/lib\/\w+/g) ?? [])) {
				expect(
					mounts.map(([, target]) => target),
					`${name} uses ${text}`,
				).toContain(text);
			}
		}
		expect([...used].sort()).toEqual(Object.keys(compose.volumes).sort());
	});

	it("holds no secret", () => {
		for (const [name, service] of services) {
			for (const [variable, value] of Object.entries(service.environment ?? {})) {
				const isSecret = /PASSWORD|SECRET|KEY|TOKEN|DATABASE_URL/.test(variable) && !/_(FILE|FOLDER)$/.test(variable);
				expect(isSecret, `${name}: ${variable}`).toBe(false);
				expect(String(value)).not.toMatch(/:\/\/[^/\s]+:[^/\s]+@/);
			}
		}
	});

	it("says the same about the devices everywhere", () => {
		const devices = projectText("deploy/devices.txt")
			.trim()
			.split("\n")
			.map((line) => line.split(" "));
		const config = loadConfig(networkConfig, { file: path.join(projectRoot, "deploy/network.yaml") });
		expect(config.devices.map(({ name, ipaPort }) => `${name} modem:${ipaPort}`)).toEqual(
			devices.map(([name, , modem]) => `${name} ${modem}`),
		);
		for (const [index, [name]] of devices.entries()) {
			const card = named(`card-${index + 1}`).command?.join(" ");
			expect(card).toContain(`/cards/${name} `);
			expect(card).toContain(`:${config.devices[index]?.cardPort}`);
			const ipa = named(`ipa-${index + 1}`).environment;
			expect(ipa?.IPA_CARD_ADDRESS).toBe(`vpcd://modem:${config.devices[index]?.ipaPort}`);
			expect(ipa?.IPA_PROXY).toBe(`http://modem:${config.devices[index]?.proxyPort}`);
			expect(ipa?.IPA_STATE_FOLDER).toContain(name);
			expect(config["hss.uppFiles"]).toContain(`/var/lib/sim/upp/${name}.der`);
			expect(existsSync(path.join(projectRoot, `deploy/profiles/bootstrap-${name}.yaml`))).toBe(true);
		}
		const operators = readdirSync(path.join(projectRoot, "deploy/profiles")).filter((file) =>
			file.startsWith("operator"),
		);
		for (const file of operators) expect(projectText("deploy/init.sh")).toContain(`deploy/profiles/${file}`);
	});
});

describe("Dockerfile", () => {
	const lines = projectText("Dockerfile")
		.replace(/\\\n\s*/g, " ")
		.split("\n");
	const copied = lines.flatMap((line) => /^COPY --from=build \/app\/(\S+) (\S+)$/.exec(line)?.slice(1) ?? []);

	it("runs scripts of package.json and copies what every workspace and every command needs", async () => {
		const { scripts, workspaces } = JSON.parse(projectText("package.json")) as {
			scripts: Record<string, string>;
			workspaces: string[];
		};
		for (const [, name = ""] of lines.join("\n").matchAll(/npm run (\S+)/g)) expect(scripts).toHaveProperty(name);
		for (const workspace of workspaces) {
			expect(lines).toContain(`COPY ${workspace}/package.json ${workspace}/package.json`);
			expect(copied).toEqual(expect.arrayContaining([`${workspace}/package.json`, `${workspace}/dist`]));
		}
		const used = [...services.map(([, service]) => service.command ?? []), ...SCRIPTS.flatMap(scriptCommands)]
			.concat(services.flatMap(([, service]) => [healthCommand(service) ?? []]))
			.flat()
			.flatMap((word) => /^(?:\.\/)?((?:dist|deploy|(?:eim|ipa|sim)\/dist)\/[\w./-]+)/.exec(word)?.[1] ?? []);
		expect(used.length).toBeGreaterThan(10);
		for (const file of used.filter((name) => !name.includes("$"))) {
			expect(
				copied.some((folder) => file.startsWith(`${folder}/`)),
				`the image lacks ${file}`,
			).toBe(true);
			if (file.endsWith(".js")) expect(existsSync(path.join(projectRoot, sourceOf(file))), file).toBe(true);
		}
	});

	it("does not run as root, and leaves no folder of the build behind", () => {
		expect(lines.lastIndexOf("USER node")).toBeGreaterThan(lines.findLastIndex((line) => line.startsWith("RUN ")));
		const ignored = projectText(".dockerignore").split("\n");
		expect(ignored).toEqual(expect.arrayContaining([".git", "**/node_modules", "**/dist", "**/*.pem"]));
	});

	it("starts with the eIM", async () => {
		const command = JSON.parse(lines.find((line) => line.startsWith("CMD "))?.slice(4) ?? "[]") as string[];
		const { ports } = await understand(command);
		const exposed = lines
			.find((line) => line.startsWith("EXPOSE "))
			?.split(" ")
			.slice(1)
			.map(Number);
		expect([...ports].sort()).toEqual([...(exposed ?? [])].sort());
	});
});

describe("healthchecks", () => {
	const folder = mkdtempSync(path.join(tmpdir(), "compose-"));
	const closers: (() => Promise<unknown> | unknown)[] = [];
	const children: ChildProcess[] = [];
	afterEach(async () => {
		for (const child of children.splice(0)) child.kill("SIGKILL");
		for (const close of closers.splice(0).reverse()) await close();
	});
	afterAll(() => rmSync(folder, { recursive: true, force: true }));

	/** Runs a healthcheck as it stands, with the address of the service replaced by where the test runs it. */
	async function check(service: string, from: RegExp, to: string): Promise<number> {
		const [program = "", ...args] = healthCommand(named(service)) ?? [];
		expect(program).toBe("node");
		expect(args.some((word) => from.test(word))).toBe(true);
		const moved = args.map((word) => word.replace(from, to));
		return promisify(execFile)(process.execPath, moved, { cwd: projectRoot }).then(
			() => 0,
			(error: { code: number }) => error.code,
		);
	}

	/** Starts a program and gives the addresses of its first line. */
	function listening(script: string, args: readonly string[]): Promise<Record<string, string>> {
		const child = spawn(process.execPath, [path.join(projectRoot, script), ...args], { cwd: folder });
		children.push(child);
		return new Promise((resolve, reject) => {
			let text = "";
			child.stdout.on("data", (chunk) => {
				text += chunk;
				const line = text.split("\n").find((one) => one.includes('"listening"'));
				if (line !== undefined && text.includes("\n")) resolve(JSON.parse(line).listening);
			});
			child.once("exit", (code) => reject(new Error(`${script} ended with ${code}: run "npm run build"`)));
		});
	}

	it("that of the eIM is answered by the eIM, and fails when it is gone", async () => {
		const at = await listening("eim/dist/main.js", ["--data-folder", folder, "--esipa-port", "0", "--api-port", "0"]);
		expect(await check("eim", /^http:\/\/127\.0\.0\.1:8080/, at.api ?? "")).toBe(0);
		children.splice(0).forEach((child) => void child.kill("SIGKILL"));
		expect(await check("eim", /^http:\/\/127\.0\.0\.1:8080/, at.api ?? "")).toBe(1);
	});

	it("that of the SM-DP+ is answered by its bench face", async () => {
		const pki = path.join(folder, "pki");
		execFileSync(process.execPath, [path.join(projectRoot, "sim/dist/pki/main.js"), "init", "--dir", pki]);
		const args = ["run", "--dir", path.join(folder, "smdp"), "--pki", pki, "--port", "0", "--bench-port", "0"];
		const at = await listening("sim/dist/smdp/main.js", args);
		expect(await check("smdp", /^http:\/\/127\.0\.0\.1:8081/, at.bench ?? "")).toBe(0);
	});

	it("those of the modem and of the cards are answered by the modem", async () => {
		const written = loadConfig(networkConfig, { file: path.join(projectRoot, "deploy/network.yaml") });
		const config = {
			...written,
			"listen.host": "127.0.0.1",
			"control.port": 0,
			"hss.uppFiles": [],
			"hss.stateFile": undefined,
			devices: written.devices.map((device) => ({ ...device, cardPort: 0, ipaPort: 0, proxyPort: 0 })),
		};
		const deps = { clock: systemClock, random: systemRandom, logger: silentLogger };
		const program = await NetworkProgram.create(config, { ...deps, readFile: async () => new Uint8Array() });
		const { control } = await program.start();
		closers.push(() => program.stop());
		expect(await check("modem", /^http:\/\/127\.0\.0\.1:7100/, control)).toBe(0);
		// Without a card nothing is attached: the path is there, the text is not.
		const [program_, ...words] = healthCommand(named("card-1")) ?? [];
		expect([program_, words.at(-1)]).toEqual(["node", '"attached":true']);
		const status = await fetch((words[1] ?? "").replace("http://modem:7100", control));
		expect(await status.json()).toMatchObject({ device: "meter-1", attached: false });
		expect(await check("card-1", /^http:\/\/modem:7100/, control)).toBe(1);
	});
});
