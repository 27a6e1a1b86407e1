import type { Command } from "commander";
import { queryText } from "../api-client.ts";
import type { AcceptedJson, CommandOutcomeJson, OperationJson, Page } from "../api-types.ts";
import { type CliContext, type GlobalOptions, globalOptions, group, subcommand } from "../command-context.ts";
import { CliError } from "../errors.ts";
import { ago, listOf, tableOf } from "../output.ts";
import { waitForOperation } from "../wait.ts";
import { wholeNumber } from "./device.ts";
import { downloadBody, euiccDataBody, withDownloadOptions, withEuiccDataOptions } from "./download-options.ts";
import { apiName, packageCommands } from "./package-commands.ts";

/** `eim operation ...` */
export function operationCommands(program: Command, context: CliContext): void {
	const operation = group(program, "operation", "what devices are ordered to do");
	createCommands(operation, context);
	readCommands(operation, context);
	cancelCommand(operation, context);
}

function createCommands(operation: Command, context: CliContext): void {
	const create = group(operation, "create", "order something from a device");
	const order = (nameAndArguments: string, description: string) =>
		subcommand(create, nameAndArguments, description)
			.option("--wait", "wait for the end; exit code 0 only on success")
			.option("--timeout <seconds>", "wait at most so long", wholeNumber)
			.option(
				"--expires-in <seconds>",
				"give up after so long without a result (else the server's operations.expiry)",
				wholeNumber,
			)
			.option("--idempotency-key <key>", "a repetition under the same key orders nothing again");
	const send = async (eid: string, body: object, command: Command) => {
		const { wait, timeout, expiresIn, idempotencyKey } = command.opts();
		const asked = globalOptions(command, context);
		const client = context.client(asked);
		const path = `/api/v1/devices/${encodeURIComponent(eid)}/operations`;
		const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
		const accepted = await client.json<AcceptedJson>("POST", path, { ...body, expiresIn }, headers);
		for (const warning of accepted.warnings ?? []) context.note(`warning: ${warning}`);
		if (!wait) {
			const text = `${accepted.id} is ${accepted.state}: it is carried out when the device polls`;
			return context.print(asked.json ? JSON.stringify(accepted) : text);
		}
		finish(await waitForOperation(client, accepted.id, context, timeout), asked, context);
	};

	withDownloadOptions(
		order("download <eid>", "download a profile, by activation code, SM-DP+, default SM-DP+ or SM-DS"),
	).action((eid: string, options, command: Command) => send(eid, downloadBody(options), command));
	packageCommands(context, order, send);
	withEuiccDataOptions(
		order("read-euicc-data <eid>", "ask the IPA for certificates, capabilities, notifications and results"),
	).action((eid: string, options, command: Command) => send(eid, euiccDataBody(options), command));
}

function readCommands(operation: Command, context: CliContext): void {
	subcommand(operation, "list", "list operations, newest first")
		.option("--eid <eid>", "of one device")
		.option("--state <states>", "in these states, separated by commas")
		.option("--type <types>", "of these types, separated by commas")
		.option("--limit <number>", "at most so many", wholeNumber, 50)
		.option("--cursor <cursor>", "go on behind the page before")
		.action(async (options, command: Command) => {
			const asked = globalOptions(command, context);
			const { eid, state, type, limit, cursor } = options;
			const query = queryText({ eid, state, type: type && apiName(type), limit, cursor });
			const page = await context.client(asked).json<Page<OperationJson>>("GET", `/api/v1/operations${query}`);
			if (asked.json) return context.print(JSON.stringify(page));
			const columns = {
				ID: (row: OperationJson) => row.id,
				EID: (row: OperationJson) => row.eid,
				TYPE: (row: OperationJson) => (row.origin === "eim" ? `${row.type} (eIM)` : row.type),
				STATE: (row: OperationJson) => row.state,
				CREATED: (row: OperationJson) => ago(row.createdAt, context.now()),
				// The code of what was undone is that of the undoing, which went well.
				REASON: (row: OperationJson) => (row.state === "failed" ? (row.code ?? row.reason) : row.reason),
			};
			context.print(tableOf(page.items, columns, "no operations", context.columns));
			if (page.next) context.note(`more: --cursor ${page.next}`);
		});
	subcommand(operation, "show <id>", "show an operation")
		.option("--wait", "wait for its end; exit code 0 only on success")
		.option("--timeout <seconds>", "wait at most so long", wholeNumber)
		.action(async (id: string, options, command: Command) => {
			const asked = globalOptions(command, context);
			const client = context.client(asked);
			if (options.wait) return finish(await waitForOperation(client, id, context, options.timeout), asked, context);
			show(await client.json<OperationJson>("GET", `/api/v1/operations/${encodeURIComponent(id)}`), asked, context);
		});
}

function cancelCommand(operation: Command, context: CliContext): void {
	subcommand(operation, "cancel <id>", "cancel an operation that no device has been given").action(
		async (id: string, _options, command: Command) => {
			const asked = globalOptions(command, context);
			const path = `/api/v1/operations/${encodeURIComponent(id)}/cancel`;
			const cancelled = await context.client(asked).json<OperationJson>("POST", path);
			context.print(asked.json ? JSON.stringify(cancelled) : `${cancelled.id} is ${cancelled.state}`);
		},
	);
}

function show(operation: OperationJson, asked: GlobalOptions, context: CliContext): void {
	if (asked.json) {
		context.print(JSON.stringify(operation));
		return;
	}
	const { commands, ...outcome } = operation.outcome ?? {};
	context.print(
		listOf({
			id: operation.id,
			EID: operation.eid,
			type: operation.type,
			"ordered by": operation.origin === "eim" ? "the eIM itself" : undefined,
			parameters: factsText(operation.parameters),
			state: operation.state,
			reason: operation.reason,
			code: operation.code,
			outcome: factsText(outcome),
			created: operation.createdAt,
			sent: operation.sentAt,
			finished: operation.finishedAt,
			expires: operation.finishedAt ? undefined : operation.expiresAt,
		}),
	);
	if (Array.isArray(commands)) context.print(`\n${commandTable(commands as readonly CommandOutcomeJson[], context)}`);
}

function commandTable(commands: readonly CommandOutcomeJson[], context: CliContext): string {
	const numbered = commands.map((command, index) => ({ ...command, number: index + 1 }));
	const columns = {
		"#": (row: (typeof numbered)[number]) => row.number,
		COMMAND: (row: (typeof numbered)[number]) => row.type,
		STATE: (row: (typeof numbered)[number]) => row.state,
		ANSWER: ({ number: _number, type: _type, state: _state, text: _text, ...facts }: (typeof numbered)[number]) =>
			factsText(facts),
	};
	return tableOf(numbered, columns, "no commands", context.columns);
}

/** `name=value name=value`; undefined for nothing. */
function factsText(facts: Readonly<Record<string, unknown>>): string | undefined {
	const shown = Object.entries(facts).map(([name, value]) => {
		const text = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
		return `${name}=${text}`;
	});
	return shown.length === 0 ? undefined : shown.join(" ");
}

const ENDS: Readonly<Record<string, string>> = {
	failed: "has failed",
	expired: "has expired",
	cancelled: "was cancelled",
	"rolled-back": "was rolled back",
};

const endText = (state: string) => ENDS[state] ?? `is ${state}`;

/** Shows the end; anything but success is an error, so that scripts stop. */
function finish(operation: OperationJson, asked: GlobalOptions, context: CliContext): void {
	show(operation, asked, context);
	if (operation.state === "succeeded") return;
	const why = operation.reason ? `: ${operation.reason}` : "";
	const code = operation.code ? ` [${operation.code}]` : "";
	throw new CliError("CLI_OPERATION_UNSUCCESSFUL", `${operation.type} ${endText(operation.state)}${why}${code}`);
}
