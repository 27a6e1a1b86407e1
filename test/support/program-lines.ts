import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { apiClient } from "@iot-esim/eim/cli/api-client";
import { runCli } from "@iot-esim/eim/cli/program";
import { eimConfig } from "@iot-esim/eim/config";
import { ipaProgram, type ProgramEffects } from "@iot-esim/ipa/cli/program";
import { ipaConfig } from "@iot-esim/ipa/config";
import { type ConfigSchema, environmentName, loadConfig, type Settings } from "@iot-esim/shared/runtime/config";
import { type SimEuiccEffects, simEuiccProgram } from "@iot-esim/sim/euicc/program";
import { networkConfig } from "@iot-esim/sim/network/config";
import { type SimPkiEffects, simPkiProgram } from "@iot-esim/sim/pki/program";
import type { ServerEffects } from "@iot-esim/sim/rsp-server/process-effects";
import { type SimSmdpEffects, simSmdpProgram } from "@iot-esim/sim/smdp/program";
import { runOptions } from "@iot-esim/sim/smdp/run-options";
import { simSmdsProgram } from "@iot-esim/sim/smds/program";
import { smdsOptions } from "@iot-esim/sim/smds/run-options";
import type { Command } from "commander";
import { projectRoot } from "./compose.ts";

type Environment = Readonly<Record<string, string>>;

/** What a program's own parser made of a command line. */
export interface UnderstoodLine {
	readonly program: string;
	/** Subcommands, as ["card", "add-eim"]. */
	readonly command: readonly string[];
	/** Ports it would listen on. */
	readonly ports: readonly number[];
}

/**
 * Gives a command line (`node SCRIPT ...`) to the parser of the program that it names, without running it.
 * @throws Error as the program would say, or when there is no such program
 */
export async function understand(line: readonly string[], environment: Environment = {}): Promise<UnderstoodLine> {
	const [, script = "", ...args] = line[0] === "deploy/eim" ? ["node", "eim/dist/cli/eim.js", ...line.slice(1)] : line;
	if (line[0] !== "node" && line[0] !== "deploy/eim") throw new Error(`${line.join(" ")} does not run node`);
	if (!existsSync(path.join(projectRoot, sourceOf(script)))) throw new Error(`there is no program ${script}`);
	const reader = READERS[script];
	if (reader === undefined) return { program: script, command: [], ports: [] };
	return { program: script, ...(await reader(args, environment)) };
}

/** The TypeScript source of a compiled program. */
export function sourceOf(script: string): string {
	return script
		.replace(/^dist\//, "")
		.replace("/dist/", "/src/")
		.replace(/\.js$/, ".ts");
}

type Reader = (args: readonly string[], environment: Environment) => Promise<Omit<UnderstoodLine, "program">>;

const READERS: Readonly<Record<string, Reader>> = {
	"eim/dist/main.js": async (args, environment) => {
		const { EIM_CONFIG: _secrets, ...variables } = environment;
		const config = settings(eimConfig, args, variables);
		return { command: [], ports: [config["esipa.port"], config["api.port"]] };
	},
	"eim/dist/cli/eim.js": async (args) => ({ command: await eimLine(args), ports: [] }),
	"ipa/dist/main.js": async (args, environment) => {
		const found = parsed(ipaProgram({} as ProgramEffects), args);
		const { config, card } = found.options as { config?: string; card?: string };
		const flags = [...found.operands.filter((word) => word.startsWith("--"))];
		// What init.sh makes is not there yet.
		const file = config?.startsWith("/var/lib/") ? undefined : config;
		settings(ipaConfig, [...flags, ...(card ? ["--card-address", card] : [])], environment, file);
		return { command: found.path, ports: [] };
	},
	"sim/dist/network/main.js": async (args, environment) => {
		const [command = "", flag, file] = args;
		if (command !== "run" || flag !== "--config" || file === undefined)
			throw new Error(`sim-network: ${args.join(" ")}`);
		const config = settings(networkConfig, args.slice(3), environment, file);
		const devices = config.devices.flatMap(({ cardPort, ipaPort, proxyPort }) => [cardPort, ipaPort, proxyPort]);
		return { command: [command], ports: [config["control.port"], ...devices] };
	},
	"sim/dist/euicc/main.js": async (args) => simulator(simEuiccProgram({} as SimEuiccEffects), args),
	"sim/dist/pki/main.js": async (args) => simulator(simPkiProgram({} as SimPkiEffects), args),
	"sim/dist/smdp/main.js": async (args) => {
		const { path: command, options } = parsed(simSmdpProgram({} as SimSmdpEffects), args);
		if (command.join() !== "run") return { command, ports: [] };
		const { port, benchPort } = runOptions(options as Record<string, string | boolean>);
		return { command, ports: [port, benchPort] };
	},
	"sim/dist/smds/main.js": async (args) => {
		const { path: command, options } = parsed(simSmdsProgram({} as ServerEffects), args);
		const { port, benchPort } = smdsOptions(options as Record<string, string | boolean>);
		return { command, ports: [port, benchPort] };
	},
};

function simulator(program: Command, args: readonly string[]) {
	return { command: parsed(program, args).path, ports: [] };
}

/** Reads settings as the program would; its variables must be known, not only near to none. */
function settings<S extends Settings>(
	schema: ConfigSchema<S>,
	flags: readonly string[],
	environment: Environment,
	file?: string,
) {
	const known = Object.keys(schema.settings).map((key) => environmentName(schema, key));
	for (const variable of Object.keys(environment)) {
		if (!variable.startsWith(`${schema.prefix}_`) || known.includes(variable)) continue;
		throw new Error(`${variable} is no setting of ${schema.prefix}`);
	}
	return loadConfig(schema, {
		flags,
		environment,
		workingFolder: projectRoot,
		...(file === undefined ? {} : { file }),
	});
}

interface ParsedLine {
	readonly path: readonly string[];
	readonly options: Readonly<Record<string, unknown>>;
	readonly operands: readonly string[];
}

/** Commander's own reading of a command line, with every action taken out. */
function parsed(program: Command, args: readonly string[]): ParsedLine {
	let found: ParsedLine | undefined;
	const disarm = (command: Command, names: readonly string[]) => {
		command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
		if (command.commands.length === 0) {
			command.action(() => {
				found = { path: names, options: command.opts(), operands: command.args };
			});
		}
		for (const sub of command.commands) disarm(sub, [...names, sub.name()]);
	};
	disarm(program, []);
	program.parse([...args], { from: "user" });
	if (found === undefined) throw new Error(`${program.name()} ${args.join(" ")} names no command`);
	return found;
}

class WouldAsk extends Error {}

/** The eIM's command line up to its first request: whatever is wrong with it has been said by then. */
async function eimLine(args: readonly string[]): Promise<string[]> {
	const said: string[] = [];
	let hasAsked = false;
	const fetch = () => {
		hasAsked = true;
		throw new WouldAsk();
	};
	await runCli(args, {
		client: () => apiClient({ url: "http://eim", apiKey: "key", fetch, pause: async () => undefined }),
		print: (text) => said.push(text),
		printOctets: () => undefined,
		note: (text) => said.push(text),
		environment: {},
		now: () => 0,
		random: { bytes: (length) => new Uint8Array(length) },
		// Octets that begin as those of an eIM configuration.
		readFile: () => Uint8Array.of(0x30, 0),
		pause: async () => undefined,
		signal: new AbortController().signal,
		serve: async () => 0,
	});
	if (!hasAsked) throw new Error(`eim ${args.join(" ")}: ${said.join("\n")}`);
	const firstOther = args.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
	return firstOther === -1 ? [...args] : args.slice(0, firstOther);
}

/** A text file of the project. */
export function projectText(file: string): string {
	return readFileSync(path.join(projectRoot, file), "utf8");
}
