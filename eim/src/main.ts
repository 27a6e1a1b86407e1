#!/usr/bin/env node
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { exitCode, Lifecycle, runUntilSignal } from "@iot-esim/shared/runtime/lifecycle";
import { pinoLogger } from "@iot-esim/shared/runtime/pino-logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpsListener } from "@iot-esim/shared/transport/http/server";
import { Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { serverConfig } from "./admin/server-config.ts";
import { buildEim } from "./app.ts";
import { LARGEST_ESIPA_BODY } from "./bindings/esipa-face.ts";
import type { EimConfig } from "./config.ts";

/** `main.js [--config FILE] [--esipa-port 8443 ...]`; every setting is also an environment variable EIM_... */
function readSettings(argumentsGiven: readonly string[]): EimConfig {
	const flags = [...argumentsGiven];
	const at = flags.indexOf("--config");
	const file = at < 0 ? undefined : flags.splice(at, 2)[1];
	return serverConfig({ file, environment: process.env, flags });
}

async function run(): Promise<number> {
	const config = readSettings(process.argv.slice(2));
	const logger = pinoLogger({ level: config["log.level"], program: "eim" });
	const log = logger("eim");
	const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
		version: string;
	};
	const eim = await buildEim(config, { clock: systemClock, random: systemRandom, logger, version });
	const esipa = createHttpsListener(eim.esipaHttp, {
		identity: eim.tlsIdentity,
		// Anyone may connect: nothing larger than a message of an IPA is taken in.
		maxBodyBytes: LARGEST_ESIPA_BODY,
		onError: (error) => log.error("request failed", { error }),
	});
	const listening: Record<string, string> = {};
	const lifecycle = new Lifecycle({ clock: systemClock, log, stopTimeout: Seconds(15) })
		.add({ name: "eim", start: () => undefined, stop: () => eim.close() })
		.add({ name: "jobs", start: () => eim.jobs.start(), stop: () => eim.jobs.stop() })
		.add({ name: "housekeeping", start: () => eim.housekeeping.start(), stop: () => eim.housekeeping.stop() })
		.add({
			name: "api",
			async start() {
				await eim.api.listen({ host: config["api.host"], port: config["api.port"] });
				const { address, port } = eim.api.server.address() as AddressInfo;
				listening.api = `${config["api.tlsKey"] ? "https" : "http"}://${named(address)}:${port}`;
			},
			stop: () => eim.api.close(),
		})
		.add({
			name: "esipa",
			async start() {
				const { host, port } = await esipa.listen({ host: config["esipa.host"], port: config["esipa.port"] });
				eim.setEsipaPort(port);
				listening.esipa = `https://${named(host)}:${port}`;
			},
			stop: () => esipa.close(),
		})
		.add({ name: "health", start: () => undefined, stop: () => eim.health.beginShutdown() });
	process.on("SIGHUP", () => {
		try {
			eim.reloadRevocationLists();
			log.info("revocation lists read again");
		} catch (error) {
			log.error("revocation lists cannot be read", { error });
		}
	});
	return runUntilSignal(lifecycle, {
		signals: process,
		log,
		abandon: (code) => process.exit(code),
		complain: (text) => process.stderr.write(`eim: ${text}\n`),
		ready: () => {
			const first = eim.firstApiKey === undefined ? {} : { firstApiKey: eim.firstApiKey };
			process.stdout.write(`${JSON.stringify({ listening, ...first })}\n`);
		},
	});
}

function named(host: string): string {
	return host.includes(":") ? `[${host}]` : host;
}

const USAGE = `usage: eim serve [--config FILE] [--<setting> VALUE ...]

Runs the eIM until SIGTERM or SIGINT. Every setting can stand in the YAML file, in the environment as EIM_... or on the
command line; \`eim config template\` prints them all with their meaning.`;

try {
	if (process.argv.includes("--help") || process.argv.includes("-h")) process.stdout.write(`${USAGE}\n`);
	else process.exitCode = await run();
} catch (error) {
	if (!(error instanceof EsimError)) throw error;
	process.stderr.write(`eim: ${error.message} (${error.code})\n`);
	process.exitCode = exitCode(error);
}
