import { existsSync, readFileSync } from "node:fs";
import { type Curve, parseCurve } from "@iot-esim/shared/crypto/curve";
import { CryptoError } from "@iot-esim/shared/crypto/errors";
import { type CertificateList, parseCrl } from "@iot-esim/shared/pki/crl";
import { PkiError } from "@iot-esim/shared/pki/errors";
import { parseDuration } from "@iot-esim/shared/runtime/duration-text";
import { LOG_LEVELS, type LogLevel } from "@iot-esim/shared/runtime/logger";
import type { Duration } from "@iot-esim/shared/util/duration";
import { RspServerError } from "./errors.ts";

/** Options as commander gives them. */
export type OptionTexts = Readonly<Record<string, string | boolean>>;

/** The options that `sim-smdp run` and `sim-smds run` have in common, checked. */
export interface ServerOptions {
	readonly stateFolder: string;
	readonly pkiFolders: readonly string[];
	readonly crlFiles: readonly string[];
	readonly curves: readonly Curve[];
	readonly tlsCurve?: Curve;
	readonly addresses: readonly string[];
	readonly listenAddress: string;
	readonly port: number;
	readonly benchPort: number;
	readonly sessionLifetime: Duration;
	/** `name[:port]` → `host:port` for the requests of the server itself. */
	readonly hosts: Readonly<Record<string, string>>;
	readonly logLevel: LogLevel;
}

/** @throws RspServerError RSP_SERVER_OPTION */
export function serverOptions(options: OptionTexts): ServerOptions {
	const text = (name: string) => optionText(options, name);
	const tlsCurve = text("tlsCurve");
	const curve = text("curve") ?? "both";
	return {
		stateFolder: text("dir") ?? "",
		pkiFolders: list(text("pki")),
		crlFiles: list(text("crl")),
		curves: curve === "both" ? ["P-256", "brainpoolP256r1"] : [curveOption("--curve", curve)],
		...(tlsCurve === undefined ? {} : { tlsCurve: curveOption("--tls-curve", tlsCurve) }),
		addresses: list(text("address")),
		listenAddress: text("listen") ?? "127.0.0.1",
		port: numberOption("--port", text("port"), 0, 65535),
		benchPort: numberOption("--bench-port", text("benchPort"), 0, 65535),
		sessionLifetime: durationOption("--session-lifetime", text("sessionLifetime") ?? "1h"),
		hosts: hostsOption(text("hosts")),
		logLevel: levelOption(text("logLevel") ?? "info"),
	};
}

export function optionText(options: OptionTexts, name: string): string | undefined {
	const value = options[name];
	return typeof value === "string" ? value : undefined;
}

/** @throws RspServerError RSP_SERVER_OPTION */
export function numberOption(name: string, text: string | undefined, min: number, max: number): number {
	const value = Number(text);
	if (text === undefined || !/^\d+$/.test(text) || value < min || value > max) {
		throw new RspServerError("RSP_SERVER_OPTION", `${name} is a number from ${min} to ${max}, not "${text}"`);
	}
	return value;
}

/** @throws RspServerError RSP_SERVER_OPTION */
export function durationOption(name: string, text: string): Duration {
	const duration = parseDuration(text);
	if (duration !== undefined) return duration;
	throw new RspServerError("RSP_SERVER_OPTION", `${name} is a duration such as 30s or 7d, not "${text}"`);
}

/**
 * Revocation lists from files in DER.
 * @throws RspServerError RSP_SERVER_OPTION when a file is missing or holds none
 */
export function crlsFromFiles(files: readonly string[]): CertificateList[] {
	return files.map((file) => {
		if (!existsSync(file)) throw new RspServerError("RSP_SERVER_OPTION", `--crl: there is no file ${file}`);
		try {
			return parseCrl(new Uint8Array(readFileSync(file)));
		} catch (error) {
			if (error instanceof PkiError) throw new RspServerError("RSP_SERVER_OPTION", `--crl: ${file}: ${error.message}`);
			throw error;
		}
	});
}

function levelOption(level: string): LogLevel {
	if (LOG_LEVELS.includes(level as LogLevel)) return level as LogLevel;
	throw new RspServerError("RSP_SERVER_OPTION", `--log-level is one of ${LOG_LEVELS.join(", ")}, not "${level}"`);
}

function curveOption(name: string, text: string): Curve {
	try {
		return parseCurve(text);
	} catch (error) {
		if (error instanceof CryptoError) throw new RspServerError("RSP_SERVER_OPTION", `${name}: ${error.message}`);
		throw error;
	}
}

function hostsOption(text = ""): Record<string, string> {
	const entries = list(text).map((entry) => {
		const [name = "", target = "", ...others] = entry.split("=");
		if (name !== "" && target.includes(":") && others.length === 0) return [name, target] as const;
		throw new RspServerError("RSP_SERVER_OPTION", `--hosts is name=host:port, not "${entry}"`);
	});
	return Object.fromEntries(entries);
}

function list(text = ""): string[] {
	return text
		.split(",")
		.map((part) => part.trim())
		.filter((part) => part !== "");
}
