import type { Command } from "commander";
import { configTemplate } from "../../admin/config-template.ts";
import { queryText } from "../api-client.ts";
import type { ApiKeyJson, AuditJson, EventJson, Page } from "../api-types.ts";
import { type CliContext, globalOptions, group, subcommand } from "../command-context.ts";
import { CliError, EXIT } from "../errors.ts";
import { ago, tableOf } from "../output.ts";
import { wholeNumber } from "./device.ts";

/** Commands about the eIM itself. */
export function eimCommands(program: Command, context: CliContext): void {
	serveCommand(program, context);
	group(program, "config", "settings of the server (what cards are given: eim configuration)")
		.command("template")
		.description("print every setting with its meaning and default, as YAML")
		.action(() => context.print(configTemplate()));
	eventCommand(program, context);
	auditCommand(program, context);
	configurationCommand(program, context);
	apiKeyCommands(program, context);
}

function serveCommand(program: Command, context: CliContext): void {
	program
		.command("serve")
		.description("run the eIM; every setting can be given as --setting-name (see eim config template)")
		.option("--config <file>", "YAML file with settings (EIM_CONFIG)")
		.allowUnknownOption()
		.allowExcessArguments()
		.action(async (options, command: Command) => {
			const config = options.config === undefined ? [] : ["--config", options.config];
			const code = await context.serve([...config, ...command.args]);
			// The server has said why by itself.
			const why = code === EXIT.usage ? "CLI_USAGE" : "CLI_OPERATION_UNSUCCESSFUL";
			if (code !== EXIT.ok) throw new CliError(why, `the eIM ended with exit code ${code}`);
		});
}

function eventCommand(program: Command, context: CliContext): void {
	subcommand(program, "events", "show what happened")
		.option("--follow", "go on with what happens")
		.option("--after <id>", "begin behind this event", wholeNumber)
		.option("--eid <eid>", "of one device")
		.option("--types <types>", "only these types, separated by commas")
		.option("--limit <number>", "at most so many, without --follow", wholeNumber, 200)
		.action(async (options, command: Command) => {
			const asked = globalOptions(command, context);
			const { follow, after, eid, types, limit } = options;
			const client = context.client(asked);
			const print = (event: EventJson) => context.print(asked.json ? JSON.stringify(event) : eventLine(event));
			if (!follow) {
				const query = queryText({ after, eid, types, limit });
				const page = await client.json<Page<EventJson>>("GET", `/api/v1/events${query}`);
				for (const event of page.items) print(event);
				const last = page.items.at(-1);
				if (last === undefined) context.note("no events");
				else if (page.items.length === limit) context.note(`more: --after ${last.id}`);
				return;
			}
			for await (const event of client.events({ after, eid, types }, context.signal)) print(event);
		});
}

function eventLine({ id, at, type, eid, operationId, facts }: EventJson): string {
	const more = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
	return [String(id).padStart(6), at, type, eid, operationId, ...more].filter(Boolean).join("  ");
}

function auditCommand(program: Command, context: CliContext): void {
	subcommand(program, "audit", "show who changed what, newest first")
		.option("--subject <id>", "an EID, operation id or key id")
		.option("--limit <number>", "at most so many", wholeNumber, 50)
		.action(async (options, command: Command) => {
			const asked = globalOptions(command, context);
			const query = queryText({ subject: options.subject, limit: options.limit });
			const page = await context.client(asked).json<Page<AuditJson>>("GET", `/api/v1/audit${query}`);
			if (asked.json) return context.print(JSON.stringify(page));
			const columns = {
				WHEN: (row: AuditJson) => row.at,
				WHO: (row: AuditJson) => row.actor,
				WHAT: (row: AuditJson) => row.action,
				SUBJECT: (row: AuditJson) => row.subject,
				FACTS: (row: AuditJson) => JSON.stringify(row.facts),
			};
			context.print(tableOf(page.items, columns, "nothing", context.columns));
		});
}

function configurationCommand(program: Command, context: CliContext): void {
	const formats: Readonly<Record<string, string>> = { der: "der", pem: "pem", qr: "qr-text", svg: "qr", json: "json" };
	subcommand(program, "configuration", "what a card must be given to belong to this eIM")
		.option("--format <format>", `${Object.keys(formats).join(", ")}`, "pem")
		.action(async (options, command: Command) => {
			const asked = globalOptions(command, context);
			const format = asked.json ? "json" : formats[options.format];
			if (format === undefined) {
				throw new CliError("CLI_USAGE", `--format ${options.format}: it is one of ${Object.keys(formats).join(", ")}`);
			}
			context.printOctets(await context.client(asked).octets(`/api/v1/eim-configuration?format=${format}`));
		});
}

function apiKeyCommands(program: Command, context: CliContext): void {
	const apiKey = group(program, "api-key", "keys of the API");
	subcommand(apiKey, "create <name>", "make a key; it is shown this once")
		.option("--read-only", "the key may not change anything")
		.action(async (name: string, options, command: Command) => {
			const asked = globalOptions(command, context);
			const body = { name, readOnly: options.readOnly === true };
			const made = await context.client(asked).json<ApiKeyJson & { key: string }>("POST", "/api/v1/api-keys", body);
			context.print(asked.json ? JSON.stringify(made) : made.key);
		});
	subcommand(apiKey, "list", "list keys, without the keys themselves").action(async (_options, command: Command) => {
		const asked = globalOptions(command, context);
		const page = await context.client(asked).json<Page<ApiKeyJson>>("GET", "/api/v1/api-keys");
		if (asked.json) return context.print(JSON.stringify(page));
		const columns = {
			ID: (row: ApiKeyJson) => row.id,
			NAME: (row: ApiKeyJson) => row.name,
			MAY: (row: ApiKeyJson) => (row.readOnly ? "read" : "change"),
			MADE: (row: ApiKeyJson) => ago(row.createdAt, context.now()),
			"LAST USED": (row: ApiKeyJson) => ago(row.lastUsedAt, context.now()) ?? "never",
			REVOKED: (row: ApiKeyJson) => ago(row.revokedAt, context.now()),
		};
		context.print(tableOf(page.items, columns, "no keys", context.columns));
	});
	subcommand(apiKey, "revoke <id>", "revoke a key at once").action(async (id: string, _options, command: Command) => {
		const asked = globalOptions(command, context);
		await context.client(asked).json("DELETE", `/api/v1/api-keys/${encodeURIComponent(id)}`);
		context.print(asked.json ? JSON.stringify({ id, revoked: true }) : `revoked ${id}`);
	});
}
