#!/usr/bin/env node
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { exitCode, Lifecycle, type Part, runUntilSignal } from "@iot-esim/shared/runtime/lifecycle";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { pinoLogger } from "@iot-esim/shared/runtime/pino-logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpsListener, type ServerIdentity } from "@iot-esim/shared/transport/http/server";
import { Seconds } from "@iot-esim/shared/util/duration";
import { declaredErrors, EsimError } from "@iot-esim/shared/util/errors";
import { serverConfig } from "./admin/server-config.ts";
import { buildEim, type Eim } from "./app.ts";
import type { CoapAddresses } from "./bindings/coap-face.ts";
import { LARGEST_ESIPA_BODY } from "./bindings/esipa-face.ts";
import { COAP_PORTS } from "./coap-parts.ts";
import type { EimConfig } from "./config.ts";
import { EimError } from "./errors.ts";
import { requireOwnPorts } from "./ports.ts";

/** `main.js [serve] [--config FILE] [--esipa-port 8443 ...]`; every setting is also an environment variable EIM_... */
function readSettings(argumentsGiven: readonly string[]): EimConfig {
	const flags = argumentsGiven.slice(argumentsGiven[0] === "serve" ? 1 : 0);
	const at = flags.indexOf("--config");
	const file = at < 0 ? undefined : flags.splice(at, 2)[1];
	return serverConfig({ file, environment: process.env, flags });
}

async function run(): Promise<number> {
	const config = readSettings(process.argv.slice(2));
	requireOwnPorts(config);
	const logger = pinoLogger({ level: config["log.level"], program: "eim" });
	const log = logger("eim");
	const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
		version: string;
	};
	const eim = await buildEim(config, { clock: systemClock, random: systemRandom, logger, version });
	const { esipa, former } = listenersOf(eim, log);
	const listening: Record<string, string> = {};
	const lifecycle = new Lifecycle({ clock: systemClock, log, stopTimeout: Seconds(15) })
		.add({ name: "eim", start: () => undefined, stop: () => eim.close() })
		.add({ name: "jobs", start: () => eim.jobs.start(), stop: () => eim.jobs.stop() })
		.add({ name: "housekeeping", start: () => eim.housekeeping.start(), stop: () => eim.housekeeping.stop() })
		.add(apiPart(eim, config, listening))
		.add(esipaPart(eim, esipa, config, listening))
		.add(formerEsipa(former, config, listening))
		.add({
			name: "coap",
			start: async () => void Object.assign(listening, await coapListening(eim, config)),
			stop: () => eim.coap?.close(),
		})
		.add({
			name: "lwm2m",
			start: async () => void Object.assign(listening, await lwm2mListening(eim, config)),
			stop: () => eim.lwm2m?.close(),
		})
		.add({ name: "waking", start: () => eim.waking.start(), stop: () => eim.waking.stop() })
		.add({ name: "mqtt", start: () => eim.mqtt?.start(), stop: () => eim.mqtt?.stop() })
		.add({ name: "health", start: () => undefined, stop: () => eim.health.beginShutdown() });
	process.on("SIGHUP", () => reloadRevocationLists(eim, log));
	let refused: EimError | undefined;
	return runUntilSignal(lifecycle, {
		signals: process,
		// What a setting causes is said once and in one sentence: the whole story is there at level debug.
		log: {
			...log,
			error(phrase, facts) {
				const cause = (facts?.error as Partial<Error> | undefined)?.cause;
				if (!(cause instanceof EimError)) return log.error(phrase, facts);
				refused = cause;
				log.debug(phrase, facts);
			},
		},
		abandon: (code) => process.exit(code),
		complain: (text) => process.stderr.write(`eim: ${refused ? `${refused.message} (${refused.code})` : text}\n`),
		ready: () => tellReady(eim, listening),
	});
}

function apiPart({ api }: Eim, config: EimConfig, listening: Record<string, string>): Part {
	return {
		name: "api",
		async start() {
			const place = { host: config["api.host"], port: config["api.port"] };
			await listenOn("api.port", place, () => api.listen(place));
			const { address, port } = api.server.address() as AddressInfo;
			listening.api = `${config["api.tlsKey"] ? "https" : "http"}://${named(address)}:${port}`;
		},
		stop: () => api.close(),
	};
}

function esipaPart(
	eim: Eim,
	esipa: ReturnType<typeof listenersOf>["esipa"],
	config: EimConfig,
	listening: Record<string, string>,
): Part {
	return {
		name: "esipa",
		async start() {
			const place = { host: config["esipa.host"], port: config["esipa.port"] };
			const { host, port } = await listenOn("esipa.port", place, () => esipa.listen(place));
			eim.setEsipaPort(port);
			listening.esipa = `https://${named(host)}:${port}`;
		},
		stop: () => esipa.close(),
	};
}

/** For devices that have not been told of the new TLS identity yet. */
function formerEsipa(
	former: ReturnType<typeof listenersOf>["former"],
	config: EimConfig,
	listening: Record<string, string>,
): Part {
	return {
		name: "former esipa",
		async start() {
			const port = config["esipa.formerPort"];
			if (former === undefined || port === undefined) return;
			const place = { host: config["esipa.host"], port };
			const bound = await listenOn("esipa.formerPort", place, () => former.listen(place));
			listening.formerEsipa = `https://${named(bound.host)}:${bound.port}`;
		},
		stop: () => former?.close(),
	};
}

function tellReady({ firstApiKey }: Eim, listening: Readonly<Record<string, string>>): void {
	const first = firstApiKey === undefined ? {} : { firstApiKey };
	process.stdout.write(`${JSON.stringify({ listening, ...first })}\n`);
}

function reloadRevocationLists(eim: Eim, log: Logger): void {
	try {
		eim.reloadRevocationLists();
		log.info("revocation lists read again");
	} catch (error) {
		log.error("revocation lists cannot be read", { error });
	}
}

/** For devices as they know this eIM now, and for those that know its server before. */
function listenersOf(eim: Eim, log: Logger) {
	const listenerFor = (identity: ServerIdentity) =>
		createHttpsListener(eim.esipaHttp, {
			identity,
			// Anyone may connect: nothing larger than a message of an IPA is taken in.
			maxBodyBytes: LARGEST_ESIPA_BODY,
			onError: (error) => log.error("request failed", { error }),
		});
	return {
		esipa: listenerFor(eim.tlsIdentity),
		former: eim.formerTlsIdentity && listenerFor(eim.formerTlsIdentity),
	};
}

async function coapListening(eim: Eim, config: EimConfig): Promise<CoapAddresses> {
	const addresses = await eim.coap?.listen((name, open) => {
		const setting = COAP_PORTS[name];
		return listenOn(setting, { host: config["coap.host"], port: config[setting] ?? 0 }, open);
	});
	return addresses ?? {};
}

async function lwm2mListening(eim: Eim, config: EimConfig): Promise<Readonly<Record<string, string>>> {
	const place = { host: config["lwm2m.host"], port: config["lwm2m.port"] ?? 0 };
	return listenOn("lwm2m.port", place, async () => (await eim.lwm2m?.listen()) ?? {});
}

interface Place {
	readonly host: string;
	readonly port: number;
}

/** @throws EimError EIM_PORT_UNUSABLE naming the settings, when another program has the port or it is not ours to take */
async function listenOn<T>(settings: string, { host, port }: Place, listen: () => Promise<T>): Promise<T> {
	try {
		return await listen();
	} catch (cause) {
		const reason = listenReason(cause);
		if (reason === undefined) throw cause;
		throw new EimError("EIM_PORT_UNUSABLE", `${settings}: ${named(host)}:${port} ${reason}`, { cause });
	}
}

function listenReason(error: unknown): string | undefined {
	if (!(error instanceof Error)) return undefined;
	return LISTEN_REASONS[(error as NodeJS.ErrnoException).code ?? ""] ?? listenReason(error.cause);
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
	EADDRINUSE: "is in use by another program; stop that one or choose another port",
	EACCES: "may not be used by this user; choose a port from 1024 on or give the program the right",
	EADDRNOTAVAIL: "is no address of this machine; choose another host",
	ENOTFOUND: "is no name of this machine; choose another host",
};

function named(host: string): string {
	return host.includes(":") ? `[${host}]` : host;
}

/** Codes of errors that only other settings, or other files that they name, put right. */
const SETTINGS_WRONG: readonly string[] = [
	"EIM_FILE_UNREADABLE",
	"EIM_FILES_UNPAIRED",
	"EIM_KEYS_INVALID",
	"KEYS_FILE_UNREADABLE",
	"WAKE_SECRET_INVALID",
	"TRANSPORT_OPTIONS_INVALID",
];

const USAGE = `usage: eim serve [--config FILE] [--<setting> VALUE ...]

Runs the eIM until SIGTERM or SIGINT. Every setting can stand in the YAML file, in the environment as EIM_... or on the
command line; \`eim config template\` prints them all with their meaning.`;

try {
	if (process.argv.includes("--help") || process.argv.includes("-h")) process.stdout.write(`${USAGE}\n`);
	else process.exitCode = await run();
} catch (error) {
	if (!(error instanceof EsimError)) throw error;
	const action = declaredErrors().get(error.code)?.action;
	process.stderr.write(`eim: ${error.message} (${error.code})\n${action === undefined ? "" : `  ${action}\n`}`);
	process.exitCode = SETTINGS_WRONG.includes(error.code) ? 2 : exitCode(error);
}
