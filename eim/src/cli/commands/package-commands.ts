/** The commands of eUICC packages on the command line: one for each operation, and several in one package. */

import { toBase64 } from "@iot-esim/shared/util/bytes";
import { Command, CommanderError, Option } from "commander";
import type { CliContext } from "../command-context.ts";
import { CliError } from "../errors.ts";

type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

interface PackageCommand {
	readonly name: string;
	/** Behind the EID. */
	readonly operands: string;
	readonly description: string;
	readonly options: readonly (readonly [flags: string, description: string])[];
	/** What the API is told, as far as it is given; undefined members are left out. */
	body(operands: readonly (string | undefined)[], options: Options, context: CliContext): object;
}

const onProfile = (name: string, description: string): PackageCommand => ({
	name,
	operands: "<iccid>",
	description,
	options: [],
	body: ([iccid]) => ({ iccid }),
});
const alone = (name: string, description: string): PackageCommand => ({
	name,
	operands: "",
	description,
	options: [],
	body: () => ({}),
});

const commands: readonly PackageCommand[] = [
	{
		...onProfile("enable", "enable a profile"),
		options: [["--no-rollback", "the device may not go back by itself when it finds no network"]],
		body: ([iccid], { rollback }) => ({ iccid, rollback }),
	},
	onProfile("disable", "disable a profile"),
	onProfile("delete", "delete a disabled profile"),
	{
		...alone("list-profiles", "ask the eUICC for its profiles"),
		options: [
			["--iccid <iccid>", "only the profile with this ICCID"],
			["--aid <hex>", "only the profile with this ISD-P AID"],
			["--class <class>", "only profiles of a class: operational, provisioning, test"],
			["--tags <hex...>", "only these members of ProfileInfo, as 5A 9F70 90 (else all that the eIM keeps)"],
		],
		body: (_, { iccid, aid, class: profileClass, tags }) => {
			const search = present({ iccid, isdpAid: aid, profileClass });
			return { search: Object.keys(search).length === 0 ? undefined : search, tags };
		},
	},
	alone("get-rat", "ask the eUICC for its Rules Authorisation Table"),
	{
		...alone("configure-immediate-enable", "let the device enable a profile right after its download"),
		options: [
			["--deny", "take the leave away"],
			["--smdp-oid <oid>", "only profiles of the SM-DP+ with this OID"],
			["--smdp <address>", "only profiles of the SM-DP+ at this address"],
		],
		body: (_, { deny, smdpOid, smdp }) => ({ allowed: deny !== true, smdpOid, smdpAddress: smdp }),
	},
	onProfile("set-fallback-attribute", "make a profile the fallback profile"),
	alone("unset-fallback-attribute", "leave the eUICC without a fallback profile"),
	{
		name: "set-default-dp-address",
		operands: "[address]",
		description: "set the default SM-DP+ of the eUICC",
		options: [["--none", "take the address away"]],
		body([address], { none }) {
			if ((address === undefined) === (none === true)) return { smdpAddress: none === true ? null : address };
			throw new CliError("CLI_USAGE", "give the address of the SM-DP+, or --none to take it away");
		},
	},
	{
		name: "add-eim",
		operands: "<file>",
		description: "add another eIM to the eUICC, by the configuration that it gives out (der, pem or json)",
		options: [],
		body: ([file = ""], _options, context) => ({ configuration: configurationIn(context, file) }),
	},
	{
		name: "delete-eim",
		operands: "<eim-id>",
		description: "remove an eIM from the eUICC; removing this one releases the device",
		options: [],
		body: ([eimId]) => ({ eimId }),
	},
	{
		...alone("update-eim", "tell the eUICC what this eIM is now: signing key, TLS trust, address"),
		options: [["--configuration <file>", "of another eIM, as it gives it out (der, pem or json)"]],
		body: (_, { configuration }, context) =>
			typeof configuration === "string" ? { configuration: configurationIn(context, configuration) } : {},
	},
	alone("list-eims", "ask the eUICC for the eIMs that it knows"),
];

/** Adds a command for each; `send` orders it. */
export function packageCommands(
	context: CliContext,
	order: (nameAndArguments: string, description: string) => Command,
	send: (eid: string, body: object, command: Command) => Promise<void>,
): void {
	for (const one of commands) {
		withOptions(order(`${one.name} <eid> ${one.operands}`.trim(), one.description), one).action(
			(eid: string, ...given: unknown[]) => {
				const command = given.pop() as Command;
				const options = given.pop() as Options;
				return send(eid, bodyOf(one, given as string[], options, context), command);
			},
		);
	}
	order("euicc-package <eid>", "order several commands in one package, executed up to the first failure")
		.addOption(
			new Option("--command <command...>", 'one of the commands here with its operands, as "enable 8949..."')
				.makeOptionMandatory()
				.argParser((text, before: string[] = []) => [...before, text]),
		)
		.action((eid: string, options: { command: readonly string[] }, command: Command) =>
			send(eid, { type: "euiccPackage", commands: options.command.map((text) => parsed(text, context)) }, command),
		);
}

/** `enable 8949... --no-rollback` as the API wants it. */
function parsed(text: string, context: CliContext): object {
	const program = new Command("package");
	let body: object | undefined;
	for (const one of commands) {
		withOptions(program.command(`${one.name} ${one.operands}`.trim()), one).action((...given: unknown[]) => {
			given.pop();
			const options = given.pop() as Options;
			body = bodyOf(one, given as string[], options, context);
		});
	}
	const quiet = (command: Command) => command.exitOverride().configureOutput({ writeErr: () => undefined });
	for (const command of [program, ...program.commands]) quiet(command);
	try {
		program.parse(text.trim().split(/\s+/), { from: "user" });
	} catch (error) {
		if (!(error instanceof CommanderError)) throw error;
		throw new CliError("CLI_USAGE", `--command "${text}": ${error.message.replace(/^error: /, "")}`);
	}
	if (body === undefined) throw new CliError("CLI_USAGE", `--command "${text}" is no command`);
	return body;
}

function withOptions(command: Command, { options }: PackageCommand): Command {
	for (const [flags, description] of options) command.option(flags, description);
	return command;
}

function bodyOf(one: PackageCommand, operands: readonly string[], options: Options, context: CliContext): object {
	return present({ type: apiName(one.name), ...one.body(operands, options, context) });
}

/** `list-profiles`, as the commands call it, is `listProfiles` of the API. */
export const apiName = (text: string) => text.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

function present(values: object): object {
	return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Base64 of the octets in a file that `eim configuration` has written, in whichever of its formats. */
function configurationIn(context: CliContext, file: string): string {
	const octets = context.readFile(file);
	if (octets[0] === 0xbf || octets[0] === 0x30) return toBase64(octets);
	const text = new TextDecoder().decode(octets);
	if (text.trimStart().startsWith("{")) {
		const { der } = JSON.parse(text) as { der?: unknown };
		if (typeof der === "string") return der;
	}
	const base64 = text.replace(/-----[A-Z ]+-----/g, "").replace(/\s+/g, "");
	if (/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return base64;
	throw new CliError(
		"CLI_USAGE",
		`${file} holds no eIM configuration; write one with \`eim configuration --format der\``,
	);
}
