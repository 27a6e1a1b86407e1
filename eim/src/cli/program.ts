import { Command, CommanderError } from "commander";
import type { CliContext } from "./command-context.ts";
import { adminCommands } from "./commands/admin.ts";
import { deviceCommands } from "./commands/device.ts";
import { eimCommands } from "./commands/eim.ts";
import { operationCommands } from "./commands/operation.ts";
import { CliError, EXIT } from "./errors.ts";

/** Runs one command line (without the program's own name); resolves with the exit code. */
export async function runCli(commandLine: readonly string[], context: CliContext): Promise<number> {
	const program = new Command("eim").description("eIM for IoT eSIM (GSMA SGP.32): the server and its command line");
	eimCommands(program, context);
	adminCommands(program, context);
	deviceCommands(program, context);
	operationCommands(program, context);
	const quiet = (command: Command): void => {
		command.exitOverride();
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
		context.note(`eim: ${error.message}`);
		return error.exitCode;
	}
}
