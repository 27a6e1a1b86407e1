import { Command, CommanderError, Help, type Option } from "commander";
import type { CliContext } from "./command-context.ts";
import { adminCommands } from "./commands/admin.ts";
import { deviceCommands } from "./commands/device.ts";
import { eimCommands } from "./commands/eim.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { keyCommands } from "./commands/key.ts";
import { operationCommands } from "./commands/operation.ts";
import { CliError, cliErrors, EXIT } from "./errors.ts";

/** Runs one command line (without the program's own name); resolves with the exit code. */
export async function runCli(commandLine: readonly string[], context: CliContext): Promise<number> {
	const program = new Command("eim").description("eIM for IoT eSIM (GSMA SGP.32): the server and its command line");
	program.addHelpText(
		"after",
		`
Exit codes: ${EXIT.ok} done, ${EXIT.unsuccessful} the operation waited for ended without success, ${EXIT.usage} wrong usage or setting,
            ${EXIT.unreachable} the eIM does not answer, ${EXIT.refused} the eIM refused the request.
Environment: EIM_URL and EIM_API_KEY stand for --url and --api-key.`,
	);
	if (context.version !== undefined) program.version(context.version, "--version", "show the version of this program");
	eimCommands(program, context);
	adminCommands(program, context);
	deviceCommands(program, context);
	operationCommands(program, context);
	keyCommands(program, context);
	inspectCommand(program, context);
	const quiet = (command: Command): void => {
		command.exitOverride();
		command.showHelpAfterError("Run it with --help to see what there is.");
		command.configureHelp({ visibleOptions: ownOptionsFirst });
		command.configureOutput({
			writeOut: (text) => context.print(text.trimEnd()),
			writeErr: (text) => context.note(text.trimEnd()),
		});
		command.commands.forEach(quiet);
	};
	quiet(program);
	try {
		await program.parseAsync([...commandLine], { from: "user" });
		return EXIT.ok;
	} catch (error) {
		if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
		if (!(error instanceof CliError)) throw error;
		const action = error.code === "CLI_SERVER_UNREACHABLE" || error.code === "CLI_KEY_MISSING";
		context.note(`eim: ${error.message}${action ? `\n  ${cliErrors[error.code].action}` : ""}`);
		return error.exitCode;
	}
}

const OF_ALL_COMMANDS = ["--json", "--url", "--api-key", "--help"];

/** What a command can do stands before what all of them take. */
function ownOptionsFirst(command: Command): Option[] {
	const isCommon = (option: Option) => OF_ALL_COMMANDS.includes(option.long ?? "");
	const all = new Help().visibleOptions(command);
	return [...all.filter((option) => !isCommon(option)), ...all.filter(isCommon)];
}
