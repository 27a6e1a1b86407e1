import { readFileSync } from "node:fs";
import path from "node:path";
import { type Document, parseDocument, visit } from "yaml";
import { fileTrouble } from "../util/errors.ts";
import { ConfigError } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";
import { isPlainObject, type Setting, SettingProblem, type Settings, type Values } from "./setting.ts";

export { Secret, type Setting, type Settings, setting, type Values } from "./setting.ts";

/** The settings of one program, keyed by dotted name as "esipa.port". */
export interface ConfigSchema<S extends Settings> {
	readonly settings: S;
	/** Prefix of the environment variables: "EIM" makes EIM_ESIPA_PORT of "esipa.port". */
	readonly prefix: string;
}

/** The typed, frozen configuration of a schema: `config["esipa.port"]`. */
export type Config<C extends ConfigSchema<Settings>> = Values<C["settings"]>;

/** Declares the settings of a program. Keys are dotted camelCase names; a key may not be the group of another. */
export function defineConfig<const S extends Settings>(
	settings: S,
	options: { readonly prefix: string },
): ConfigSchema<S> {
	const keys = Object.keys(settings);
	for (const key of keys) {
		if (!/^[a-z][a-zA-Z0-9]*(\.[a-z][a-zA-Z0-9]*)*$/.test(key)) throw new TypeError(`"${key}" is not a dotted name`);
		const group = keys.find((other) => key.startsWith(`${other}.`));
		if (group !== undefined) throw new TypeError(`"${group}" is a setting and the group of "${key}"`);
	}
	return Object.freeze({ settings, prefix: options.prefix });
}

/** Sources in rising order of precedence; all of them may be absent. */
export interface ConfigSources {
	/** Text of a YAML file; `name` is for messages, `folder` is where its relative paths start. */
	readonly yaml?: { readonly text: string; readonly name: string; readonly folder: string };
	readonly environment?: Readonly<Record<string, string | undefined>>;
	/** Command line after the command, as ["--esipa-port", "8443", "--no-tls-enabled"]. */
	readonly flags?: readonly string[];
	/** Where relative paths of environment and flags start. */
	readonly workingFolder?: string;
}

interface RawValue {
	readonly raw: unknown;
	readonly source: string;
	readonly folder: string;
}

/**
 * Reads YAML, environment and flags against the schema.
 * @throws ConfigError CONFIG_KEY_UNKNOWN, CONFIG_VALUE_INVALID, CONFIG_VALUE_MISSING, CONFIG_FILE_UNREADABLE
 */
export function readConfig<S extends Settings>(schema: ConfigSchema<S>, sources: ConfigSources): Values<S> {
	const raws = new Map<string, RawValue>();
	const here = sources.workingFolder ?? ".";
	if (sources.yaml) {
		const { name, folder } = sources.yaml;
		for (const [key, raw] of fromYaml(schema, sources.yaml)) raws.set(key, { raw, source: name, folder });
	}
	for (const [key, raw, variable] of fromEnvironment(schema, sources.environment ?? {})) {
		raws.set(key, { raw, source: `environment ${variable}`, folder: here });
	}
	for (const [key, raw, flag] of fromFlags(schema, sources.flags ?? [])) {
		raws.set(key, { raw, source: `command line ${flag}`, folder: here });
	}
	const values: Record<string, unknown> = {};
	for (const [key, one] of Object.entries(schema.settings))
		values[key] = typedValue(schema, key, one, raws.get(key), here);
	return Object.freeze(values) as Values<S>;
}

/** As `readConfig`, with the YAML file read from disk. For main programs. */
export function loadConfig<S extends Settings>(
	schema: ConfigSchema<S>,
	sources: Omit<ConfigSources, "yaml"> & { readonly file?: string },
): Values<S> {
	const { file, ...others } = sources;
	if (file === undefined) return readConfig(schema, others);
	const absolute = path.resolve(others.workingFolder ?? ".", file);
	let text: string;
	try {
		text = readFileSync(absolute, "utf8");
	} catch (cause) {
		throw new ConfigError(
			"CONFIG_FILE_UNREADABLE",
			`the configuration file ${absolute} cannot be read: ${fileTrouble(cause)}`,
			{ cause },
		);
	}
	return readConfig(schema, { ...others, yaml: { text, name: file, folder: path.dirname(absolute) } });
}

/** "esipa.tlsPort" with prefix EIM is EIM_ESIPA_TLS_PORT. */
export function environmentName(schema: ConfigSchema<Settings>, key: string): string {
	return `${schema.prefix}_${words(key).join("_").toUpperCase()}`;
}

/** "esipa.tlsPort" is --esipa-tls-port. */
export function flagName(key: string): string {
	return `--${words(key).join("-")}`;
}

function words(key: string): string[] {
	return key
		.replace(/([a-z0-9])([A-Z])/g, "$1.$2")
		.toLowerCase()
		.split(".");
}

function typedValue(
	schema: ConfigSchema<Settings>,
	key: string,
	one: Setting<unknown>,
	given: RawValue | undefined,
	here: string,
): unknown {
	const value = given ?? { raw: one.defaultYaml, source: "default", folder: here };
	if (value.raw === undefined || value.raw === null) {
		if (!one.isRequired) return undefined;
		const ways = `"${key}" in the YAML file, ${environmentName(schema, key)} or ${flagName(key)}`;
		throw new ConfigError("CONFIG_VALUE_MISSING", `${key} has no value: set ${ways} (${one.description})`, {
			context: { key },
		});
	}
	try {
		return one.parse(value.raw, { folder: value.folder });
	} catch (problem) {
		if (!(problem instanceof SettingProblem)) throw problem;
		const bounds = one.bounds === "" ? one.kind : `${one.kind}, ${one.bounds}`;
		const shown = one.kind === "secret" ? "is not a text" : problem.message;
		throw new ConfigError("CONFIG_VALUE_INVALID", `${key}${problem.at} (${value.source}): ${shown} [${bounds}]`, {
			context: { key, source: value.source },
		});
	}
}

function* fromYaml(
	schema: ConfigSchema<Settings>,
	yaml: { readonly text: string; readonly name: string },
): Generator<[string, unknown]> {
	const document = parseDocument(yaml.text, { prettyErrors: true });
	const mistake = document.errors[0];
	if (mistake) throw new ConfigError("CONFIG_FILE_UNREADABLE", `${yaml.name}: ${mistake.message}`, { cause: mistake });
	keepDigits(document);
	const root: unknown = document.toJS();
	if (root === null || root === undefined) return;
	if (!isPlainObject(root))
		throw new ConfigError("CONFIG_FILE_UNREADABLE", `${yaml.name}: is not a mapping of settings`);
	yield* leaves(schema, root, "", yaml.name);
}

/** YAML reads 00101 as 101 and rounds an ICCID: where a number does not print as it was written, the text is kept. */
function keepDigits(document: Document.Parsed): void {
	visit(document, {
		Scalar: (_key, scalar) => {
			const { source, value } = scalar;
			if (typeof value === "number" && source !== undefined && String(value) !== source) scalar.value = source;
		},
	});
}

function* leaves(
	schema: ConfigSchema<Settings>,
	group: Record<string, unknown>,
	prefix: string,
	source: string,
): Generator<[string, unknown]> {
	for (const [name, value] of Object.entries(group)) {
		const key = prefix === "" ? name : `${prefix}.${name}`;
		if (schema.settings[key]) {
			yield [key, value];
		} else if (Object.keys(schema.settings).some((known) => known.startsWith(`${key}.`)) && (value ?? null) === null) {
			// A group whose members are all commented out.
		} else if (isPlainObject(value) && Object.keys(schema.settings).some((known) => known.startsWith(`${key}.`))) {
			yield* leaves(schema, value, key, source);
		} else {
			throw unknownKey(key, source, Object.keys(schema.settings));
		}
	}
}

/**
 * An unknown variable is refused only when it is a near miss of a known one: container platforms put variables of
 * their own beside ours (EIM_PORT_8000_TCP and the like). An empty variable counts as absent.
 */
function* fromEnvironment(
	schema: ConfigSchema<Settings>,
	environment: Readonly<Record<string, string | undefined>>,
): Generator<[string, string, string]> {
	const keys = new Map(Object.keys(schema.settings).map((key) => [environmentName(schema, key), key]));
	for (const [variable, text] of Object.entries(environment)) {
		if (text === undefined || text === "" || !variable.startsWith(`${schema.prefix}_`)) continue;
		const key = keys.get(variable);
		if (key !== undefined) yield [key, text, variable];
		else if (nearestName(variable, [...keys.keys()], 2) !== undefined) {
			throw unknownKey(variable, "environment", [...keys.keys()]);
		}
	}
}

/** Kinds whose flag may be given several times. */
const COLLECTED = ["list of strings", "list of paths", "map of strings"];

function* fromFlags(schema: ConfigSchema<Settings>, flags: readonly string[]): Generator<[string, unknown, string]> {
	const keys = new Map(Object.keys(schema.settings).map((key) => [flagName(key), key]));
	const collected = new Map<string, string[]>();
	for (let i = 0; i < flags.length; i++) {
		const argument = flags[i] ?? "";
		const [flag = "", inline] = splitOnce(argument, "=");
		const negated = keys.get(flag.replace(/^--no-/, "--"));
		const key = keys.get(flag);
		if (key === undefined && negated !== undefined && schema.settings[negated]?.kind === "boolean") {
			yield [negated, false, flag];
			continue;
		}
		if (key === undefined) throw unknownKey(argument, "command line", [...keys.keys()]);
		const kind = schema.settings[key]?.kind;
		if (kind === "boolean" && inline === undefined) {
			yield [key, true, flag];
			continue;
		}
		const text = inline ?? flags[++i];
		if (text === undefined) throw new ConfigError("CONFIG_VALUE_MISSING", `${flag} needs a value after it`);
		if (!COLLECTED.includes(kind ?? "")) yield [key, text, flag];
		else {
			collected.set(key, [...(collected.get(key) ?? []), ...text.split(",")]);
			yield [key, collected.get(key), flag];
		}
	}
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
	const at = text.indexOf(separator);
	return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** More names than that in an error hide what it says. */
const MOST_LISTED = 12;

function unknownKey(key: string, source: string, known: readonly string[]): ConfigError {
	const near = nearestName(key, known);
	const all =
		known.length > MOST_LISTED ? `none of its ${known.length} is spelled nearly so` : `known are ${known.join(", ")}`;
	const advice = near === undefined ? all : `did you mean ${near}?`;
	return new ConfigError("CONFIG_KEY_UNKNOWN", `${key} (${source}) is not a setting of this program; ${advice}`, {
		context: { key, source },
	});
}
