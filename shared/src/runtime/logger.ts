import { toHex } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";
export const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];

/** Facts beside the phrase: ids, codes, durations. Octets are printed as hex, errors with code and causes, secrets as ***. */
export type LogFacts = Readonly<Record<string, unknown>>;

/** `log.info("package sent", { eid, counter })`: a fixed lower-case phrase, the facts as fields. */
export interface Logger {
	trace(phrase: string, facts?: LogFacts): void;
	debug(phrase: string, facts?: LogFacts): void;
	info(phrase: string, facts?: LogFacts): void;
	warn(phrase: string, facts?: LogFacts): void;
	error(phrase: string, facts?: LogFacts): void;
	/** The same component with facts that every line carries. */
	with(facts: LogFacts): Logger;
}

/** Gives the logger of a component, as in `logger("eim.esipa")`. Passed in by the main program or by the test. */
export type LoggerFactory = (component: string) => Logger;

/** One line before it is written: what a destination gets. */
export interface LogEntry {
	readonly level: LogLevel;
	readonly component: string;
	readonly phrase: string;
	readonly facts: Record<string, unknown>;
}

/** Builds a factory over any destination; masking is done here, so no destination ever sees a secret. */
export function loggerTo(write: (entry: LogEntry) => void, minimum: LogLevel = "trace"): LoggerFactory {
	const threshold = LOG_LEVELS.indexOf(minimum);
	const make = (component: string, base: LogFacts): Logger => {
		const at = (level: LogLevel) => {
			if (LOG_LEVELS.indexOf(level) < threshold) return nothing;
			return (phrase: string, facts: LogFacts = {}) =>
				write({ level, component, phrase, facts: maskedFacts({ ...base, ...facts }) });
		};
		return {
			trace: at("trace"),
			debug: at("debug"),
			info: at("info"),
			warn: at("warn"),
			error: at("error"),
			with: (facts) => make(component, { ...base, ...facts }),
		};
	};
	const made = new Map<string, Logger>();
	return (component) => {
		const known = made.get(component) ?? make(component, {});
		made.set(component, known);
		return known;
	};
}

const nothing = () => undefined;

/** Writes nothing. */
export const silentLogger: LoggerFactory = loggerTo(() => undefined, "error");

/** Keeps every line, for tests that look at them or show them after a failure. */
export function memoryLogger(): { logger: LoggerFactory; entries: LogEntry[] } {
	const entries: LogEntry[] = [];
	return { logger: loggerTo((entry) => entries.push(entry)), entries };
}

const SECRET_NAMES = new Set(
	"k ki op opc topc pin pin1 pin2 puk puk1 puk2 adm password passphrase secret apikey token authorization cookie confirmationcode privatekey signingkey"
		.split(" ")
		.concat(["ck", "ik", "kc", "senc", "smac", "ppkenc", "ppkcmac", "psk", "databaseurl"]),
);

/** True for field names whose value never reaches a log: keys of the SIM, PINs, passwords, tokens, session keys. */
export function isSecretName(name: string): boolean {
	const plain = name.toLowerCase().replace(/[^a-z0-9]/g, "");
	return SECRET_NAMES.has(plain) || /(password|secret|apikey|privatekey|passphrase)$/.test(plain);
}

const MASK = "***";
const MAX_OCTETS = 256;
const MAX_DEPTH = 5;

function maskedFacts(facts: LogFacts): Record<string, unknown> {
	const out: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(facts)) {
		if (value !== undefined) out[name] = isSecretName(name) ? MASK : printable(value, 0);
	}
	return out;
}

function printable(value: unknown, depth: number): unknown {
	if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
		return value;
	if (typeof value === "bigint") return value.toString();
	if (value instanceof Uint8Array) return clippedHex(value);
	if (value instanceof Error) return printableError(value, depth);
	if (value instanceof Date) return value.toISOString();
	if (typeof value !== "object") return String(value);
	if (depth >= MAX_DEPTH) return "…";
	if (Array.isArray(value)) return value.map((item) => printable(item, depth + 1));
	if (value instanceof Map) return printable(Object.fromEntries(value), depth);
	if (value instanceof Set) return printable([...value], depth);
	if ("toJSON" in value && typeof value.toJSON === "function") return printable(value.toJSON(), depth + 1);
	const out: Record<string, unknown> = {};
	for (const [name, item] of Object.entries(value)) {
		if (item !== undefined) out[name] = isSecretName(name) ? MASK : printable(item, depth + 1);
	}
	return out;
}

function printableError(error: Error, depth: number): Record<string, unknown> {
	const out: Record<string, unknown> = { name: error.name, message: error.message };
	if (error instanceof EsimError) {
		out.code = error.code;
		if (Object.keys(error.context).length > 0) out.context = printable(error.context, depth + 1);
	} else {
		if ("code" in error && typeof error.code === "string") out.code = error.code;
		if (error.stack !== undefined) out.stack = error.stack;
	}
	if (error.cause !== undefined && depth < MAX_DEPTH) out.cause = printable(error.cause, depth + 1);
	return out;
}

function clippedHex(bytes: Uint8Array): string {
	if (bytes.length <= MAX_OCTETS) return toHex(bytes);
	return `${toHex(bytes.subarray(0, MAX_OCTETS))}… (${bytes.length} octets)`;
}
