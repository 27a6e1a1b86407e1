import { EsimError } from "@iot-esim/shared/util/errors";
import type { Command } from "commander";
import { backUp } from "../../admin/backup.ts";
import { createApiKeyOffline } from "../../admin/create-api-key.ts";
import { migrateDatabase } from "../../admin/migrate.ts";
import { serverConfig } from "../../admin/server-config.ts";
import { type CliContext, group } from "../command-context.ts";
import { CliError } from "../errors.ts";

/** `eim admin ...`: what works without the server, on its database and folder. */
export function adminCommands(program: Command, context: CliContext): void {
	const admin = group(program, "admin", "work on the server's own data, with the settings of the server");
	const offline = (nameAndArguments: string, description: string) =>
		admin
			.command(nameAndArguments)
			.description(`${description}; settings as for eim serve`)
			.option("--config <file>", "YAML file with settings (EIM_CONFIG)")
			.allowUnknownOption()
			.allowExcessArguments();
	const configOf = (command: Command, ownArguments: number) => {
		const { config: file } = command.opts<{ config?: string }>();
		return serverConfig({ file, environment: context.environment, flags: command.args.slice(ownArguments) });
	};

	offline("create-api-key <name>", "make an API key, for whoever has lost the last one").action(
		(name: string, _options, command: Command) =>
			asCliError(async () => {
				const at = context.now();
				context.print(await createApiKeyOffline(configOf(command, 1), { name, at, random: context.random }));
			}),
	);
	offline("backup <folder>", "copy database, keys and certificates into an empty folder").action(
		(folder: string, _options, command: Command) =>
			asCliError(async () => {
				for (const name of backUp(configOf(command, 1), folder)) context.print(name);
			}),
	);
	offline("migrate", "bring the database up to date").action((_options, command: Command) =>
		asCliError(async () => {
			await migrateDatabase(configOf(command, 0));
			context.print("the database is up to date");
		}),
	);
}

async function asCliError(work: () => Promise<void>): Promise<void> {
	try {
		await work();
	} catch (cause) {
		if (!(cause instanceof EsimError)) throw cause;
		throw new CliError("CLI_USAGE", `${cause.message} (${cause.code})`, { cause });
	}
}
