import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, createWriteStream, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { freePorts } from "../../examples/demo/free-ports.ts";
import { type ComposeFile, healthCommand, projectRoot } from "../support/compose.ts";

/** Ports inside of docker-compose.yml; here each becomes a free one, since all containers become one machine. */
const PORTS = [8443, 8080, 8444, 8081, 8445, 8082, 7100, 7111, 7112, 7113, 7121, 7122, 7123, 7131, 7132, 7133, 1883];
const HOSTS = "eim|mosquitto|smdp|smds|modem|127\\.0\\.0\\.1";

interface Ended {
	readonly code: number;
	readonly output: string;
}

/** The services of docker-compose.yml as processes on this machine: same commands, variables, healthchecks and files. */
export class ComposeRun {
	readonly #compose: ComposeFile;
	readonly #folder: string;
	readonly #ports: ReadonlyMap<number, number>;
	readonly #database: string;
	readonly #running = new Map<string, ChildProcess>();

	private constructor(compose: ComposeFile, folder: string, ports: ReadonlyMap<number, number>, database: string) {
		this.#compose = compose;
		this.#folder = folder;
		this.#ports = ports;
		this.#database = database;
	}

	/** @param database host:port/name that stands for `postgres:5432/eim` */
	static async prepare(compose: ComposeFile, folder: string, database: string): Promise<ComposeRun> {
		const free = await freePorts(PORTS.length);
		const ports = new Map(PORTS.map((port, index) => [port, free[index] ?? 0]));
		const run = new ComposeRun(compose, folder, ports, database);
		for (const volume of ["eim", "sim", "trust", "secrets", "broker", "logs"]) mkdirSync(path.join(folder, volume));
		mkdirSync(run.app);
		for (const part of ["shared", "eim", "ipa", "sim", "dist", "examples", "node_modules", "package.json"]) {
			symlinkSync(path.join(projectRoot, part), path.join(run.app, part));
		}
		cpSync(path.join(projectRoot, "deploy"), path.join(run.app, "deploy"), { recursive: true });
		for (const file of ["network.yaml", "devices.txt"]) {
			const text = readFileSync(path.join(projectRoot, "deploy", file), "utf8");
			writeFileSync(path.join(run.app, "deploy", file), run.moved(text));
		}
		return run;
	}

	/** The working folder, /app in the image. */
	get app(): string {
		return path.join(this.#folder, "app");
	}

	/** Where a volume is here. */
	volume(name: string, ...parts: string[]): string {
		return path.join(this.#folder, name, ...parts);
	}

	/** A text of the Compose file with folders, names and ports as they are here. */
	moved(text: string): string {
		const ports = [...this.#ports.keys()].join("|");
		return text
			.replaceAll("postgres:5432/eim", this.#database)
			.replaceAll("/var/lib/", `${this.#folder}/`)
			.replace(new RegExp(`(?<![\\d.])((?:${HOSTS}):)?(${ports})(?!\\d)`, "g"), (_all, host, port) => {
				return `${host === undefined ? "" : "127.0.0.1:"}${this.#ports.get(Number(port))}`;
			});
	}

	/** Runs a command in the place of a service to its end, as `docker compose exec` or a one-shot service does. */
	async exec(service: string, words: readonly string[]): Promise<Ended> {
		const child = this.#spawn(service, words);
		let output = "";
		for (const stream of [child.stdout, child.stderr]) {
			stream?.on("data", (chunk) => {
				output += chunk;
			});
		}
		const code = await new Promise<number>((resolve, reject) => {
			child.once("error", reject);
			child.once("close", (status) => resolve(status ?? 128));
		});
		return { code, output };
	}

	/** Starts a service and waits for what its dependants wait for: its end or its health. */
	async up(name: string): Promise<void> {
		const service = this.#compose.services[name];
		if (service?.restart === "no") {
			const { code, output } = await this.exec(name, service.command ?? []);
			if (code !== 0) throw new Error(`${name} ended with ${code}:\n${output}`);
			return;
		}
		const child = this.#spawn(name, service?.command ?? []);
		const log = createWriteStream(this.volume("logs", `${name}.log`));
		for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => log.write(chunk));
		this.#running.set(name, child);
		await this.healthy(name);
	}

	/** Asks the service's own healthcheck until it is well. */
	async healthy(name: string): Promise<void> {
		const service = this.#compose.services[name];
		const check = service && healthCommand(service);
		if (check === undefined) throw new Error(`${name} has no healthcheck`);
		const deadline = Date.now() + 60_000;
		for (;;) {
			const { code, output } = await this.exec(name, check);
			if (code === 0) return;
			const hasEnded = this.#running.get(name)?.exitCode !== null;
			if (!hasEnded && Date.now() < deadline) {
				await new Promise((resolve) => setTimeout(resolve, 200));
				continue;
			}
			const log = readFileSync(this.volume("logs", `${name}.log`), "utf8");
			throw new Error(`${name} ${hasEnded ? "ended" : "is not well"}: ${output}\n${log}`);
		}
	}

	async down(): Promise<void> {
		const all = [...this.#running.values()].filter((child) => child.exitCode === null && child.signalCode === null);
		const ends = all.map((child) => new Promise((resolve) => child.once("exit", resolve)));
		for (const child of all) child.kill("SIGTERM");
		const force = setTimeout(() => all.map((child) => child.kill("SIGKILL")), 5_000);
		await Promise.all(ends);
		clearTimeout(force);
	}

	#spawn(service: string, words: readonly string[]): ChildProcess {
		const [program = "", ...args] = words.map((word) => this.moved(word));
		const environment = Object.entries(this.#compose.services[service]?.environment ?? {});
		return spawn(program === "node" ? process.execPath : program, args, {
			cwd: this.app,
			stdio: ["ignore", "pipe", "pipe"],
			env: {
				PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
				...Object.fromEntries(environment.map(([name, value]) => [name, this.moved(String(value))])),
			},
		});
	}
}
