import { InspectError } from "@iot-esim/shared/inspect/errors";
import { type InspectInput, readFileOctets, readText } from "@iot-esim/shared/inspect/input";
import { INSPECT_KINDS, inspect } from "@iot-esim/shared/inspect/inspect";
import { type Ink, renderInspection } from "@iot-esim/shared/inspect/render";
import type { Command } from "commander";
import type { CliContext } from "../command-context.ts";
import { CliError } from "../errors.ts";

/** Where no terminal says how wide it is. */
const DEFAULT_WIDTH = 120;
const STANDARD_INPUT = "-";

interface InspectFlags {
	readonly as?: string;
	readonly json?: boolean;
	readonly secrets?: boolean;
	readonly full?: boolean;
}

/** `eim inspect`: needs no server. */
export function inspectCommand(program: Command, context: CliContext): void {
	program
		.command("inspect <input>")
		.description("show a message, package, certificate or APDU as a tree: hex, base64, a file, or - for standard input")
		.option("--as <type>", `read it as this type (EuiccPackageRequest, sgp22:..., ${INSPECT_KINDS.join(", ")})`)
		.option("--full", "show all octets, not their beginning")
		.option("--json", "print the tree as JSON")
		.option("--secrets", "show keys, PINs and codes, which are masked otherwise")
		.addHelpText(
			"after",
			`
Examples:
  eim inspect BF3E035C015A
  eim inspect profile.der --as UPP
  openssl x509 -in certificate.pem -outform DER | eim inspect -`,
		)
		.action((given: string, flags: InspectFlags) => {
			const options = { showSecrets: flags.secrets === true, ...(flags.as === undefined ? {} : { as: flags.as }) };
			const inspection = understood(() => inspect(inputOf(given, context), options));
			if (flags.json) return context.print(JSON.stringify(inspection));
			const width = context.columns ?? DEFAULT_WIDTH;
			const paint = paintOf(context);
			const isFull = flags.full === true;
			context.print(renderInspection(inspection, { width, allOctets: isFull, ...(paint ? { paint } : {}) }));
		});
}

/** A text that is hex, base64, PEM or JSON itself; otherwise the name of a file. */
function inputOf(given: string, context: CliContext): InspectInput {
	if (given === STANDARD_INPUT) return readFileOctets(context.readFile("/dev/stdin"));
	const looksLikeOctets = /^(0x)?[0-9A-Fa-f\s:]+$/.test(given) || /^\s*[[{]/.test(given);
	const direct = looksLikeOctets ? readText(given) : undefined;
	if (direct !== undefined) return direct;
	const file = tryRead(given, context);
	const input = file === undefined ? readText(given) : readFileOctets(file);
	if (input !== undefined) return input;
	throw new CliError("CLI_USAGE", `there is no file ${given}, and it is neither hex nor base64 nor JSON`);
}

/** Undefined when there is no such file. */
function tryRead(file: string, { readFile }: CliContext): Uint8Array | undefined {
	try {
		return readFile(file);
	} catch (error) {
		const { cause } = error as { readonly cause?: unknown };
		const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
		if (code === "ENOENT" || code === "ENAMETOOLONG" || code === "ENOTDIR") return undefined;
		throw error;
	}
}

function understood<T>(run: () => T): T {
	try {
		return run();
	} catch (error) {
		if (error instanceof InspectError) throw new CliError("CLI_USAGE", error.message);
		throw error;
	}
}

/** Select Graphic Rendition of ECMA-48. */
const COLOURS: Readonly<Record<Ink, string | undefined>> = {
	title: "1",
	name: undefined,
	type: "2",
	value: "36",
	tag: "2",
	hex: "2",
	guide: "2",
	note: "33",
	error: "31;1",
	masked: "35",
};

/** Colours only for a terminal, and only when nobody said otherwise (no-color.org). */
function paintOf({ columns, environment }: CliContext): ((text: string, ink: Ink) => string) | undefined {
	if (columns === undefined || (environment.NO_COLOR ?? "") !== "" || environment.TERM === "dumb") return undefined;
	return (text, ink) => {
		const code = COLOURS[ink];
		return code === undefined || text === "" ? text : `\u001b[${code}m${text}\u001b[0m`;
	};
}
