import path from "node:path";
import type { Duration } from "../util/duration.ts";
import { parseDuration, printDuration } from "./duration-text.ts";
import { nearestName } from "./nearest-name.ts";

/** Thrown by a setting's `parse`; the loader adds key and source. `at` is the place inside the value, as `[0].port`. */
export class SettingProblem extends Error {
	readonly at: string;
	constructor(problem: string, at = "") {
		super(problem);
		this.at = at;
	}
}

/** Where a value comes from, as far as its meaning depends on it. */
export interface ParseContext {
	/** Folder that relative paths start from: that of the YAML file, else the working directory. */
	readonly folder: string;
}

/** One setting: what it is, its bounds in words, and how a raw value (YAML value or text) becomes a typed one. */
export interface Setting<T> {
	readonly kind: string;
	readonly description: string;
	/** Unit or bounds in words, as "1 to 65535"; empty when anything goes. */
	readonly bounds: string;
	readonly isRequired: boolean;
	/** Default as it would stand in YAML; absent when required or optional. */
	readonly defaultYaml?: unknown;
	/** What to write, for the template, where there is no default. */
	readonly example?: unknown;
	/** Settings of the members, for a list of structures. */
	readonly fields?: Settings;
	/** @throws SettingProblem */
	parse(raw: unknown, context: ParseContext): T;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** The typed values of a group of settings, keyed as declared. */
export type Values<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** A value that no log and no JSON shows; `reveal()` gives it to the one place that uses it. */
export class Secret {
	readonly #text: string;
	constructor(text: string) {
		this.#text = text;
	}
	reveal(): string {
		return this.#text;
	}
	toString(): string {
		return "***";
	}
	toJSON(): string {
		return "***";
	}
}

interface Common {
	readonly description: string;
	readonly example?: unknown;
}
/** With `default` the setting always has a value; with `optional` it may be undefined; else it is required. */
type WithDefault<T> = Common & { readonly default: T };
type Optional = Common & { readonly optional: true };
type AnyOptions<D> = Common & { readonly default?: D; readonly optional?: true };

interface Maker<T, Extra, D = T> {
	(options: WithDefault<D> & Extra): Setting<T>;
	(options: Optional & Extra): Setting<T | undefined>;
	(options: Common & Extra): Setting<T>;
}

/** Ties kind, bounds and parser into a maker that takes default, optional or neither. */
function maker<T, Extra, D = T>(
	kind: (extra: Extra) => string,
	bounds: (extra: Extra) => string,
	parse: (raw: unknown, extra: Extra, context: ParseContext) => T,
	yaml: (value: D) => unknown = (value) => value,
): Maker<T, Extra, D> {
	return ((options: AnyOptions<D> & Extra): Setting<T> => ({
		kind: kind(options),
		description: options.description,
		bounds: bounds(options),
		isRequired: options.default === undefined && options.optional !== true,
		...(options.default === undefined ? {} : { defaultYaml: yaml(options.default) }),
		...(options.example === undefined ? {} : { example: options.example }),
		parse: (raw, context) => parse(raw, options, context),
	})) as Maker<T, Extra, D>;
}

interface NumberBounds {
	readonly min?: number;
	readonly max?: number;
	readonly unit?: string;
}
interface DurationBounds {
	readonly min?: Duration;
	readonly max?: Duration;
}

/** The kinds of settings. Text from the environment or the command line is read by the same rules as YAML values. */
export const setting = {
	integer: maker<number, NumberBounds>(
		() => "integer",
		numberBounds,
		(raw, bounds) => inBounds(parseNumber(raw, /^[+-]?\d+$/, "a whole number"), bounds),
	),
	number: maker<number, NumberBounds>(
		() => "number",
		numberBounds,
		(raw, bounds) => inBounds(parseNumber(raw, /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, "a number"), bounds),
	),
	boolean: maker<boolean, object>(
		() => "boolean",
		() => "true or false",
		parseBoolean,
	),
	string: maker<string, { readonly pattern?: RegExp; readonly form?: string }>(
		() => "string",
		(extra) => extra.form ?? "",
		(raw, extra) => {
			const text = parseText(raw);
			if (extra.pattern && !extra.pattern.test(text)) {
				throw new SettingProblem(`"${text}" is not ${extra.form ?? `of the form ${extra.pattern}`}`);
			}
			return text;
		},
	),
	/** A duration as "15s", "500ms", "5min", "2h", "7d"; never a bare number. */
	duration: maker<Duration, DurationBounds>(
		() => "duration",
		(extra) => rangeText(extra.min && printDuration(extra.min), extra.max && printDuration(extra.max)),
		parseDurationIn,
		printDuration,
	),
	/** A path; a relative one starts at the folder of the YAML file, or at the working directory. */
	path: maker<string, object, string>(
		() => "path",
		() => "",
		(raw, _extra, context) => {
			const text = parseText(raw);
			if (text === "") throw new SettingProblem("is an empty path");
			return path.resolve(context.folder, text);
		},
	),
	/** A list of paths, each read as a path; separated by commas. */
	paths: maker<readonly string[], object>(
		() => "list of paths",
		() => "",
		(raw, _extra, context) => Object.freeze(parseStrings(raw).map((text) => path.resolve(context.folder, text))),
	),
	secret: maker<Secret, object, string>(
		() => "secret",
		() => "",
		(raw) => new Secret(parseText(raw)),
	),
	/** A list of strings; in the environment or on the command line separated by commas. */
	strings: maker<readonly string[], object>(
		() => "list of strings",
		() => "",
		parseStrings,
	),
	/** A map of strings; in the environment or on the command line as `name=value`, separated by commas. */
	map: maker<Readonly<Record<string, string>>, object>(
		() => "map of strings",
		() => "",
		parseMap,
	),
	/** One of `values`. */
	choice: <const V extends readonly string[]>(options: AnyChoice<V>): Setting<V[number]> => ({
		kind: "choice",
		description: options.description,
		bounds: options.values.join(" | "),
		isRequired: options.default === undefined,
		...(options.default === undefined ? { example: options.values[0] } : { defaultYaml: options.default }),
		parse: (raw) => {
			const text = parseText(raw);
			if (!options.values.includes(text)) {
				throw new SettingProblem(`"${text}" is none of ${options.values.join(", ")}`);
			}
			return text;
		},
	}),
	/** A list of structures, each with its own settings; in the environment or on the command line as JSON. */
	list: <const S extends Settings>(options: {
		readonly description: string;
		readonly fields: S;
		readonly default?: readonly unknown[];
		readonly example?: unknown;
	}): Setting<readonly Values<S>[]> => ({
		kind: "list",
		description: options.description,
		bounds: "",
		isRequired: options.default === undefined,
		...(options.default === undefined ? {} : { defaultYaml: options.default }),
		...(options.example === undefined ? {} : { example: options.example }),
		fields: options.fields,
		parse: (raw, context) => parseList(raw, options.fields, context),
	}),
};

interface AnyChoice<V extends readonly string[]> {
	readonly values: V;
	readonly description: string;
	readonly default?: V[number];
}

function parseList<S extends Settings>(raw: unknown, fields: S, context: ParseContext): readonly Values<S>[] {
	const list = typeof raw === "string" ? parseJson(raw) : raw;
	if (!Array.isArray(list)) throw new SettingProblem("is not a list");
	return Object.freeze(
		list.map((item, index) => {
			try {
				return parseStructure(item, fields, context);
			} catch (problem) {
				if (!(problem instanceof SettingProblem)) throw problem;
				throw new SettingProblem(problem.message, `[${index}]${problem.at}`);
			}
		}),
	);
}

function parseStructure<S extends Settings>(raw: unknown, fields: S, context: ParseContext): Values<S> {
	if (!isPlainObject(raw)) throw new SettingProblem(`is not a structure of ${Object.keys(fields).join(", ")}`);
	for (const name of Object.keys(raw)) {
		if (fields[name] === undefined) {
			const near = nearestName(name, Object.keys(fields));
			const advice = near === undefined ? `known are ${Object.keys(fields).join(", ")}` : `did you mean ${near}?`;
			throw new SettingProblem(`is unknown; ${advice}`, `.${name}`);
		}
	}
	const out: Record<string, unknown> = {};
	for (const [name, field] of Object.entries(fields)) {
		const value = raw[name] ?? field.defaultYaml;
		if (value === undefined || value === null) {
			if (field.isRequired) throw new SettingProblem("is missing", `.${name}`);
			continue;
		}
		try {
			out[name] = field.parse(value, context);
		} catch (problem) {
			if (!(problem instanceof SettingProblem)) throw problem;
			throw new SettingProblem(problem.message, `.${name}${problem.at}`);
		}
	}
	return Object.freeze(out) as Values<S>;
}

/** True for the objects that YAML and JSON make of mappings. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseText(raw: unknown): string {
	if (typeof raw === "string") return raw;
	if (typeof raw === "number" || typeof raw === "boolean") return String(raw);
	throw new SettingProblem("is not a text");
}

function parseNumber(raw: unknown, form: RegExp, words: string): number {
	const value = typeof raw === "string" && form.test(raw.trim()) ? Number(raw) : raw;
	if (typeof value !== "number" || !Number.isFinite(value) || !form.test(String(value))) {
		throw new SettingProblem(`${JSON.stringify(raw)} is not ${words}`);
	}
	return value;
}

function inBounds(value: number, bounds: NumberBounds): number {
	if (value < (bounds.min ?? -Infinity) || value > (bounds.max ?? Infinity)) {
		throw new SettingProblem(`${value} is outside ${rangeText(bounds.min, bounds.max)}`);
	}
	return value;
}

function numberBounds(bounds: NumberBounds): string {
	return [rangeText(bounds.min, bounds.max), bounds.unit ?? ""].filter((part) => part !== "").join(" ");
}

function rangeText(min: number | string | undefined, max: number | string | undefined): string {
	if (min !== undefined && max !== undefined) return `${min} to ${max}`;
	if (min !== undefined) return `at least ${min}`;
	return max === undefined ? "" : `at most ${max}`;
}

function parseBoolean(raw: unknown): boolean {
	if (typeof raw === "boolean") return raw;
	const text = parseText(raw).trim().toLowerCase();
	if (["true", "yes", "on", "1"].includes(text)) return true;
	if (["false", "no", "off", "0"].includes(text)) return false;
	throw new SettingProblem(`${JSON.stringify(raw)} is not true or false`);
}

function parseDurationIn(raw: unknown, bounds: DurationBounds): Duration {
	const value = parseDuration(parseText(raw));
	if (value === undefined) {
		throw new SettingProblem(`${JSON.stringify(raw)} is not a duration with its unit, as 500ms, 15s, 5min, 2h or 7d`);
	}
	if (value < (bounds.min ?? -Infinity) || value > (bounds.max ?? Infinity)) {
		const range = rangeText(bounds.min && printDuration(bounds.min), bounds.max && printDuration(bounds.max));
		throw new SettingProblem(`${printDuration(value)} is outside ${range}`);
	}
	return value;
}

function parseStrings(raw: unknown): readonly string[] {
	const list = typeof raw === "string" ? splitList(raw) : raw;
	if (!Array.isArray(list)) throw new SettingProblem("is not a list of strings");
	return Object.freeze(list.map(parseText));
}

function parseMap(raw: unknown): Readonly<Record<string, string>> {
	if (isPlainObject(raw)) {
		return Object.freeze(Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, parseText(value)])));
	}
	const list = typeof raw === "string" ? splitList(raw) : raw;
	if (!Array.isArray(list)) throw new SettingProblem("is not a map of strings");
	const pairs = list.map((item): [string, string] => {
		const text = parseText(item);
		const at = text.indexOf("=");
		if (at < 1) throw new SettingProblem(`"${text}" is not name=value`);
		return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
	});
	return Object.freeze(Object.fromEntries(pairs));
}

function splitList(text: string): string[] {
	return text.trim() === "" ? [] : text.split(",").map((item) => item.trim());
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw new SettingProblem("is not JSON");
	}
}
