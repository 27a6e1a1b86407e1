import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Curve, parseCurve } from "@iot-esim/shared/crypto/curve";
import { CryptoError } from "@iot-esim/shared/crypto/errors";
import { type CertificateList, parseCrl } from "@iot-esim/shared/pki/crl";
import { PkiError } from "@iot-esim/shared/pki/errors";
import { parseDuration } from "@iot-esim/shared/runtime/duration-text";
import { LOG_LEVELS, type LogLevel } from "@iot-esim/shared/runtime/logger";
import type { Duration } from "@iot-esim/shared/util/duration";
import { loadPki } from "../pki/pki-directory.ts";
import type { SmdpPolicy } from "./context.ts";
import { credentialsOf, type SmdpCredentials } from "./credentials.ts";
import { SmdpError } from "./errors.ts";

/** `sim-smdp run`, checked. */
export interface RunOptions {
	readonly stateFolder: string;
	readonly pkiFolders: readonly string[];
	readonly crlFiles: readonly string[];
	readonly curves: readonly Curve[];
	readonly tlsCurve?: Curve;
	readonly addresses: readonly string[];
	readonly listenAddress: string;
	readonly port: number;
	readonly benchPort: number;
	readonly progressUrl?: string;
	readonly progressCa?: string;
	readonly sessionLifetime: Duration;
	readonly policy: SmdpPolicy;
	readonly isEs2plusPublic: boolean;
	readonly logLevel: LogLevel;
}

/** @throws SmdpError SMDP_OPTION */
export function runOptions(options: Readonly<Record<string, string | boolean>>): RunOptions {
	const text = (name: string) => {
		const value = options[name];
		return typeof value === "string" ? value : undefined;
	};
	const orderLifetime = text("orderLifetime");
	const tlsCurve = text("tlsCurve");
	const progressUrl = text("progressUrl");
	const progressCa = text("progressCa");
	const curve = text("curve") ?? "both";
	const level = text("logLevel") ?? "info";
	if (!LOG_LEVELS.includes(level as LogLevel)) {
		throw new SmdpError("SMDP_OPTION", `--log-level is one of ${LOG_LEVELS.join(", ")}, not "${level}"`);
	}
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
		...(progressUrl === undefined ? {} : { progressUrl }),
		...(progressCa === undefined ? {} : { progressCa }),
		sessionLifetime: durationOption("--session-lifetime", text("sessionLifetime") ?? "1h"),
		policy: {
			confirmationAttempts: numberOption("--confirmation-attempts", text("confirmationAttempts"), 1, 1000),
			downloadAttempts: numberOption("--download-attempts", text("downloadAttempts"), 1, 1_000_000),
			isRebindingAllowed: options.rebinding !== false,
			...(orderLifetime === undefined ? {} : { orderLifetime: durationOption("--order-lifetime", orderLifetime) }),
		},
		isEs2plusPublic: options.publicEs2plus !== false,
		logLevel: level as LogLevel,
	};
}

/**
 * The credentials in the folders, on the wanted curves. A folder of our own has one curve, one of SGP.26 may have both.
 * @throws SmdpError SMDP_OPTION when nothing fits; SimPkiError SIM_PKI_MISSING
 */
export function credentialsFromFolders(
	folders: readonly string[],
	curves: readonly Curve[],
	crls: readonly CertificateList[] = [],
): SmdpCredentials[] {
	const credentials = folders.flatMap((folder) => {
		const isOwnLayout = existsSync(join(folder, "ci.pem"));
		const stored = isOwnLayout ? [loadPki(folder)] : curves.flatMap((curve) => sgp26(folder, curve));
		return stored.filter(({ curve }) => curves.includes(curve)).map((pki) => credentialsOf(pki, crls));
	});
	if (credentials.length === 0) {
		throw new SmdpError("SMDP_OPTION", `${folders.join(", ")} holds no PKI on ${curves.join(" or ")}`);
	}
	return credentials;
}

/**
 * Revocation lists from files in DER.
 * @throws SmdpError SMDP_OPTION when a file is missing or holds none
 */
export function crlsFromFiles(files: readonly string[]): CertificateList[] {
	return files.map((file) => {
		if (!existsSync(file)) throw new SmdpError("SMDP_OPTION", `--crl: there is no file ${file}`);
		try {
			return parseCrl(new Uint8Array(readFileSync(file)));
		} catch (error) {
			if (error instanceof PkiError) throw new SmdpError("SMDP_OPTION", `--crl: ${file}: ${error.message}`);
			throw error;
		}
	});
}

function sgp26(folder: string, curve: Curve) {
	const suffix = curve === "P-256" ? "NIST" : "BRP";
	const hasCi = ["CI_ECDSA", "CI_SIG"].some((name) => existsSync(join(folder, `CERT_${name}_${suffix}.der`)));
	return hasCi ? [loadPki(folder, { curve })] : [];
}

function list(text = ""): string[] {
	return text
		.split(",")
		.map((part) => part.trim())
		.filter((part) => part !== "");
}

function numberOption(name: string, text: string | undefined, min: number, max: number): number {
	const value = Number(text);
	if (text === undefined || !/^\d+$/.test(text) || value < min || value > max) {
		throw new SmdpError("SMDP_OPTION", `${name} is a number from ${min} to ${max}, not "${text}"`);
	}
	return value;
}

function durationOption(name: string, text: string): Duration {
	const duration = parseDuration(text);
	if (duration === undefined)
		throw new SmdpError("SMDP_OPTION", `${name} is a duration such as 30s or 7d, not "${text}"`);
	return duration;
}

function curveOption(name: string, text: string): Curve {
	try {
		return parseCurve(text);
	} catch (error) {
		if (error instanceof CryptoError) throw new SmdpError("SMDP_OPTION", `${name}: ${error.message}`);
		throw error;
	}
}
