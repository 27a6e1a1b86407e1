import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { Command, type OptionValues } from "commander";
import type { ApiClient } from "./api-client.ts";

/** What comes from outside of a command. */
export interface CliContext {
	/** The client for the address and key of this call. */
	client(options: GlobalOptions): ApiClient;
	/** What was asked for, to standard output. */
	print(text: string): void;
	printOctets(octets: Uint8Array): void;
	/** What happens meanwhile, to standard error. */
	note(text: string): void;
	/** Width of the terminal that `print` goes to; undefined when it goes elsewhere. */
	readonly columns?: number | undefined;
	readonly version?: string;
	readonly random: RandomSource;
	/** @throws CliError CLI_USAGE when it cannot be read */
	readFile(file: string): Uint8Array;
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** Milliseconds since 1970. */
	now(): number;
	pause(milliseconds: number): Promise<void>;
	/** Ends what follows or waits. */
	readonly signal: AbortSignal;
	/** Runs the program of the server; resolves with its exit code. */
	serve(flags: readonly string[]): Promise<number>;
}

export interface GlobalOptions {
	readonly url: string;
	readonly apiKey: string | undefined;
	readonly json: boolean;
}

export function globalOptions(command: Command, context: CliContext): GlobalOptions {
	const { url, apiKey, json } = command.optsWithGlobals<OptionValues>();
	return {
		url: (url as string | undefined) ?? context.environment.EIM_URL ?? "http://127.0.0.1:8080",
		apiKey: (apiKey as string | undefined) ?? context.environment.EIM_API_KEY,
		json: json === true,
	};
}

/** A command with the options that all have. */
export function subcommand(parent: Command, nameAndArguments: string, description: string): Command {
	return parent
		.command(nameAndArguments)
		.description(description)
		.option("--json", "print JSON instead of tables")
		.option("--url <url>", "address of the API (EIM_URL, else http://127.0.0.1:8080)")
		.option("--api-key <key>", "API key (EIM_API_KEY)");
}

/** A group of commands about one noun. */
export function group(parent: Command, noun: string, description: string): Command {
	const made = new Command(noun).description(description);
	parent.addCommand(made);
	return made;
}
