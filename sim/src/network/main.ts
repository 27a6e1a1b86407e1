#!/usr/bin/env node
import { readFile } from "node:fs/promises";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { endOfProgram, withUsageHints } from "@iot-esim/shared/runtime/command-line";
import { loadConfig } from "@iot-esim/shared/runtime/config";
import { configTemplate } from "@iot-esim/shared/runtime/config-template";
import { Lifecycle, runUntilSignal } from "@iot-esim/shared/runtime/lifecycle";
import { pinoLogger } from "@iot-esim/shared/runtime/pino-logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { Seconds } from "@iot-esim/shared/util/duration";
import { Command } from "commander";
import { networkConfig } from "./config.ts";
import { addNetwork, NetworkProgram } from "./network-program.ts";

const program = new Command("sim-network").description("modems with their cards, a mobile network and its HSS");

program
	.command("run")
	.description("run until SIGTERM or SIGINT; prints one JSON line when everything listens")
	.option("--config <file>", "YAML file; `sim-network config` prints a template")
	.allowUnknownOption()
	.allowExcessArguments()
	.action(async (options: { config?: string }, command: Command) => {
		process.exitCode = await run(options.config, command.args);
	});

program
	.command("config")
	.description("print a YAML file with every setting, its default and its meaning")
	.action(() => {
		process.stdout.write(configTemplate(networkConfig));
	});

async function run(file: string | undefined, flags: readonly string[]): Promise<number> {
	const config = loadConfig(networkConfig, {
		...(file === undefined ? {} : { file }),
		environment: process.env,
		flags,
		workingFolder: process.cwd(),
	});
	const logger = pinoLogger({ level: config["log.level"], program: "sim-network" });
	const log = logger("sim.network");
	const lifecycle = new Lifecycle({ clock: systemClock, log, stopTimeout: Seconds(5) });
	const deps = { clock: systemClock, random: systemRandom, logger, readFile: (path: string) => readFile(path) };
	addNetwork(
		lifecycle,
		() => NetworkProgram.create(config, deps),
		(listening) => process.stdout.write(`${JSON.stringify({ listening })}\n`),
	);
	return runUntilSignal(lifecycle, {
		signals: process,
		log,
		abandon: (code) => process.exit(code),
		complain: (text) => process.stderr.write(`sim-network: ${text}\n`),
	});
}

try {
	await withUsageHints(program).parseAsync(process.argv);
} catch (error) {
	process.exitCode = endOfProgram("sim-network", error, (text) => process.stderr.write(`${text}\n`));
}
