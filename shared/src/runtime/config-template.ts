import { stringify } from "yaml";
import { type ConfigSchema, environmentName, flagName } from "./config.ts";
import type { Setting, Settings } from "./setting.ts";

/** One line of the reference page of a program's settings. */
export interface ConfigReferenceRow {
	readonly key: string;
	readonly environment: string;
	readonly flag: string;
	readonly kind: string;
	readonly bounds: string;
	/** Default as YAML; "required" or "none" where there is none. */
	readonly default: string;
	readonly description: string;
}

/** Every setting as a row, in the order declared; members of a list follow it as `devices[].place`. */
export function configReference(schema: ConfigSchema<Settings>): ConfigReferenceRow[] {
	return Object.entries(schema.settings).flatMap(([key, one]) => [
		row(key, one, environmentName(schema, key), flagName(key)),
		...memberRows(key, one),
	]);
}

function memberRows(key: string, one: Setting<unknown>): ConfigReferenceRow[] {
	return Object.entries(one.fields ?? {}).flatMap(([name, member]) => [
		row(`${key}[].${name}`, member, "", ""),
		...memberRows(`${key}[].${name}`, member),
	]);
}

function row(key: string, one: Setting<unknown>, environment: string, flag: string): ConfigReferenceRow {
	const { kind, bounds, description } = one;
	return { key, environment, flag, kind, bounds, default: defaultText(one), description };
}

function defaultText(one: Setting<unknown>): string {
	if (one.defaultYaml !== undefined) return JSON.stringify(one.defaultYaml);
	return one.isRequired ? "required" : "none";
}

/**
 * A full commented YAML file: settings with a default carry it, the others stand as a comment with an example.
 * Read back as it is, it changes nothing.
 */
export function configTemplate(schema: ConfigSchema<Settings>): string {
	const lines: string[] = [];
	let open: string[] = [];
	for (const [key, one] of grouped(schema.settings)) {
		const path = key.split(".");
		const name = path.pop() ?? key;
		let same = 0;
		while (same < path.length && path[same] === open[same]) same++;
		if (path.length < open.length && same === path.length) lines.push("");
		for (let depth = same; depth < path.length; depth++) lines.push("", `${"  ".repeat(depth)}${path[depth]}:`);
		open = path;
		const indent = "  ".repeat(path.length);
		lines.push(...settingLines(schema, key, name, one).map((line) => indent + line));
	}
	return `${lines.join("\n").trimStart()}\n`;
}

/** Settings of one group must stand together, as YAML allows a key only once. */
function grouped(settings: Settings): [string, Setting<unknown>][] {
	const order = new Map<string, number>();
	for (const key of Object.keys(settings)) {
		const parts = key.split(".");
		for (let n = 1; n <= parts.length; n++) {
			const prefix = parts.slice(0, n).join(".");
			if (!order.has(prefix)) order.set(prefix, order.size);
		}
	}
	const place = (key: string) => key.split(".").map((_, n, parts) => order.get(parts.slice(0, n + 1).join(".")) ?? 0);
	return Object.entries(settings).sort(([a], [b]) => {
		const [left, right] = [place(a), place(b)];
		for (let n = 0; n < Math.min(left.length, right.length); n++) {
			const difference = (left[n] ?? 0) - (right[n] ?? 0);
			if (difference !== 0) return difference;
		}
		return left.length - right.length;
	});
}

function settingLines(schema: ConfigSchema<Settings>, key: string, name: string, one: Setting<unknown>): string[] {
	const bounds = [one.kind, one.bounds].filter((part) => part !== "").join(", ");
	const lines = [`# ${one.description}`, `# ${bounds}; ${environmentName(schema, key)} or ${flagName(key)}`];
	for (const member of memberRows("", one)) {
		const form = [member.kind, member.bounds].filter((part) => part !== "").join(", ");
		lines.push(`#   ${member.key.slice(3)}: ${member.description} (${form}, default ${member.default})`);
	}
	const value = one.defaultYaml ?? one.example ?? (one.isRequired ? "REQUIRED" : "");
	const text = stringify({ [name]: value }, { lineWidth: 0 })
		.trimEnd()
		.split("\n");
	const isComment = one.defaultYaml === undefined;
	return [...lines, ...text.map((line) => (isComment ? `# ${line}` : line))];
}
