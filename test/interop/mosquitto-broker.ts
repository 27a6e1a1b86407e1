import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "../../examples/demo/free-ports.ts";
import { root } from "../architecture/source-files.ts";
import { requireExternal } from "../support/externals.ts";

const PROGRAMS = ["mosquitto", "mosquitto_pub", "mosquitto_sub", "mosquitto_passwd"];

/** Paths of the programs by name; undefined, said aloud, where they are not installed. */
export const mosquitto = await requireExternal("Mosquitto (apt-get install mosquitto mosquitto-clients)", () => {
	const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin"];
	const found = PROGRAMS.map((name) =>
		folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file)),
	);
	return found.every((file) => file !== undefined)
		? Object.fromEntries(PROGRAMS.map((name, at) => [name, found[at]]))
		: undefined;
});

interface TlsListener {
	readonly ca: string;
	readonly certificate: string;
	readonly key: string;
}

export interface MosquittoOptions {
	/** Passwords by user name; with them goes the access list of examples/mosquitto. */
	readonly users?: Readonly<Record<string, string>>;
	/** PEM of the TLS listener of examples/mosquitto/mosquitto.conf, which asks for certificates; nothing else is asked then. */
	readonly tls?: TlsListener;
	/** PEM of a TLS listener that knows users by their passwords. */
	readonly server?: TlsListener;
	/** Further lines of its configuration. */
	readonly more?: readonly string[];
	/** The port of an instance that ran before. */
	readonly port?: number;
}

/** A Mosquitto of our own on a free port. */
export async function startMosquitto(options: MosquittoOptions = {}) {
	const programs = mosquitto ?? {};
	const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-mosquitto-"));
	const file = (name: string, text: string) => {
		const place = path.join(folder, name);
		writeFileSync(place, text);
		return place;
	};
	const port = options.port ?? (await freePort());
	const lines =
		options.tls === undefined
			? plainConfiguration(port, options, file)
			: [exampleConfiguration(`${port} 127.0.0.1`, options.tls, file)];
	chmodSync(folder, 0o755);
	const child = spawn(
		programs.mosquitto ?? "",
		["-c", file("mosquitto.conf", [...lines, ...(options.more ?? [])].join("\n"))],
		{
			stdio: ["ignore", "ignore", "pipe"],
		},
	);
	let log = "";
	child.stderr.on("data", (chunk) => {
		log += chunk;
	});
	const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	await untilListening(port, () => log);
	return {
		port,
		folder,
		url: `mqtt${(options.tls ?? options.server) === undefined ? "" : "s"}://127.0.0.1:${port}`,
		log: () => log,
		stop: async () => {
			child.kill("SIGTERM");
			await exited;
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

type Write = (name: string, text: string) => string;

function plainConfiguration(port: number, { users, server }: MosquittoOptions, write: Write): string[] {
	const lines = [
		`listener ${port} 127.0.0.1`,
		"persistence false",
		"set_tcp_nodelay true",
		"user root",
		`allow_anonymous ${users === undefined}`,
	];
	if (users !== undefined) {
		const passwords = write("passwords", "");
		for (const [name, password] of Object.entries(users)) {
			execFileSync(mosquitto?.mosquitto_passwd ?? "", ["-b", passwords, name, password]);
		}
		lines.push(`acl_file ${path.join(root, "examples/mosquitto/acl")}`, `password_file ${passwords}`);
	}
	if (server !== undefined) {
		lines.push(`cafile ${write("ca.pem", server.ca)}`);
		lines.push(`certfile ${write("certificate.pem", server.certificate)}`, `keyfile ${write("key.pem", server.key)}`);
	}
	return lines;
}

/** The very file of examples/mosquitto; only where it listens (port and address) and its folder are replaced. */
export function exampleConfiguration(at: string, listener: TlsListener, write: Write): string {
	const example = (name: string) => readFileSync(path.join(root, "examples/mosquitto", name), "utf8");
	const folder = path.dirname(write("ca.pem", listener.ca));
	write("certificate.pem", listener.certificate);
	write("key.pem", listener.key);
	write("acl", example("acl"));
	const text = example("mosquitto.conf");
	const [its, here] = ["listener 8883\n", "/mosquitto/config/"];
	if (!text.includes(its) || !text.includes(here)) throw new Error(`mosquitto.conf without "${its}" or "${here}"`);
	return text.replace(its, `listener ${at}\n`).replaceAll(here, `${folder}/`);
}

async function untilListening(port: number, log: () => string): Promise<void> {
	for (let attempt = 0; attempt < 400; attempt++) {
		const isThere = await new Promise<boolean>((resolve) => {
			const socket = net.connect(port, "127.0.0.1", () => {
				socket.destroy();
				resolve(true);
			});
			socket.once("error", () => setTimeout(() => resolve(false), 50));
		});
		if (isThere) return;
	}
	throw new Error(`Mosquitto does not listen: ${log()}`);
}
