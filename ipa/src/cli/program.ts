import { type ConfigSources, loadConfig } from "@iot-esim/shared/runtime/config";
import { configTemplate } from "@iot-esim/shared/runtime/config-template";
import type { LoggerFactory, LogLevel } from "@iot-esim/shared/runtime/logger";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import { Command } from "commander";
import { type IpaConfig, ipaConfig } from "../config.ts";
import type { IpaEvent } from "../procedures/ipa-event.ts";
import { openJournal } from "../state/journal.ts";
import { memoryJournalStorage } from "../state/journal-storage.ts";
import { addCard } from "./card-program.ts";
import { IpaCliError } from "./errors.ts";
import { eventText } from "./event-text.ts";
import type { Output } from "./output.ts";
import { journalPath, type RunEffects, runAgent } from "./run.ts";
import { printStatus } from "./status.ts";
import { readStatus } from "./status-file.ts";
import { wakeAgent } from "./wake-socket.ts";

/** What the program needs from outside. */
export interface ProgramEffects extends Omit<RunEffects, "logger" | "onEvent"> {
	readonly environment: ConfigSources["environment"];
	readonly logger: (level: LogLevel) => LoggerFactory;
	readonly printLine: (text: string) => void;
	/** @throws Error when there is no such file; "-" is standard input */
	readonly readFile: (name: string) => Uint8Array;
}

export interface CommonOptions {
	readonly config?: string;
	readonly card?: string;
	readonly json?: boolean;
}

/** `ipa run`, `ipa status`, `ipa wake`, `ipa card ...`, `ipa config template`. */
export function ipaProgram(effects: ProgramEffects): Command {
	const program = new Command("ipa").description("the IPA of an IoT device (GSMA SGP.32)");
	addRun(program, effects);
	addStatus(program, effects);
	addWake(program, effects);
	addCard(program, effects, { withSettings, configOf, outputOf, readGiven });
	program
		.command("config")
		.description("settings of the agent")
		.command("template")
		.description("print every setting with its default")
		.action(() => effects.printLine(configTemplate(ipaConfig).trimEnd()));
	return program;
}

/** Settings may follow as --setting value; they win over the file and the environment. */
function withSettings(command: Command): Command {
	return command
		.option("--config <file>", "YAML file with settings (see `ipa config template`)")
		.option("--card <address>", "vpcd://host:port, vpcd+listen://host:port, pcsc: or pcsc:READER")
		.option("--json", "print for programs");
}

function addRun(program: Command, effects: ProgramEffects): void {
	withSettings(program.command("run"))
		.description("run the agent until SIGTERM; any setting may be given as --name value")
		.option("--json-events", "print each event as a line of JSON")
		.allowUnknownOption()
		.allowExcessArguments()
		.action(async (options: CommonOptions & { jsonEvents?: boolean }, command: Command) => {
			const config = configOf(options, effects, command.args);
			const asJson = options.jsonEvents === true || options.json === true;
			const onEvent = (event: IpaEvent) => printEvent(event, asJson, effects);
			await runAgent(config, { ...effects, logger: effects.logger(logLevel(config)), onEvent });
		});
}

function addStatus(program: Command, effects: ProgramEffects): void {
	withSettings(program.command("status"))
		.description("say what the device is doing")
		.action(async (options: CommonOptions) => {
			const folder = configOf(options, effects)["state.folder"];
			const journal = await openJournal(memoryJournalStorage(readOrEmpty(journalPath(folder), effects)));
			const status = readStatus(folder);
			const isRunning =
				status !== undefined &&
				status.stoppedAt === undefined &&
				effects.processes.identityOf(status.pid) !== undefined;
			printStatus({ folder, isRunning, state: journal.state, status }, outputOf(options, effects));
		});
}

function addWake(program: Command, effects: ProgramEffects): void {
	withSettings(program.command("wake"))
		.description("let the running agent poll now, as far as wake.interval allows")
		.option("--wake-socket <file>", "Unix socket of the agent")
		.action(async (options: CommonOptions & { wakeSocket?: string }) => {
			const flags = options.wakeSocket === undefined ? [] : ["--wake-socket", options.wakeSocket];
			const file = configOf(options, effects, flags)["wake.socket"];
			if (file === undefined) throw new IpaCliError("IPA_WAKE_SOCKET_UNUSABLE", "wake.socket is not configured");
			await wakeAgent(file);
		});
}

function configOf(options: CommonOptions, effects: ProgramEffects, flags: readonly string[] = []): IpaConfig {
	const card = options.card === undefined ? [] : ["--card-address", options.card];
	return loadConfig(ipaConfig, {
		...(options.config === undefined ? {} : { file: options.config }),
		...(effects.environment === undefined ? {} : { environment: effects.environment }),
		flags: [...flags, ...card],
	});
}

function logLevel(config: IpaConfig): LogLevel {
	return config["log.level"] as LogLevel;
}

function outputOf(options: CommonOptions, effects: ProgramEffects): Output {
	return { isJson: options.json === true, line: effects.printLine };
}

function printEvent(event: IpaEvent, asJson: boolean, effects: ProgramEffects): void {
	const at = new Date(effects.clock.now()).toISOString();
	const text = asJson ? JSON.stringify({ at, ...event }) : eventText(event);
	if (text !== undefined) effects.printLine(asJson ? text : `${at} ${text}`);
}

function readGiven(name: string, effects: ProgramEffects): Uint8Array {
	try {
		return effects.readFile(name);
	} catch (cause) {
		throw new IpaCliError("IPA_FILE_INVALID", `${name} cannot be read: ${fileTrouble(cause)}`, { cause });
	}
}

function readOrEmpty(name: string, effects: ProgramEffects): Uint8Array {
	try {
		return effects.readFile(name);
	} catch {
		return new Uint8Array(0);
	}
}
