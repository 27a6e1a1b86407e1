import { type Clock, systemClock } from "@iot-esim/shared/runtime/clock";
import { endOfProgram, withUsageHints } from "@iot-esim/shared/runtime/command-line";
import type { LoggerFactory, LogLevel } from "@iot-esim/shared/runtime/logger";
import { pinoLogger } from "@iot-esim/shared/runtime/pino-logger";
import { createHttpClient, type HttpClient } from "@iot-esim/shared/transport/http/client";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { Command } from "commander";
import { isProcessRunning, processIdentity } from "./process-identity.ts";
import type { ProcessIdentity } from "./store/folder-lock.ts";

/** What the programs of SM-DP+ and SM-DS need from outside. */
export interface ServerEffects {
	readonly clock: Clock;
	readonly print: (line: string) => void;
	readonly logger: (level: LogLevel) => LoggerFactory;
	/** A client that trusts these CAs (PEM), with `name[:port]` → `host:port`. */
	readonly httpClient: (certificates: readonly string[], hosts?: Readonly<Record<string, string>>) => HttpClient;
	readonly self: ProcessIdentity;
	readonly isRunning: (other: ProcessIdentity) => boolean;
	/** Resolves when the program shall end. */
	readonly untilStopped: () => Promise<void>;
}

/** The machine itself; for a `main.ts`. */
export function processEffects(program: string): ServerEffects {
	return {
		clock: systemClock,
		print: (line) => process.stdout.write(`${line}\n`),
		logger: (level) => pinoLogger({ level, program }),
		httpClient: (certificates, hosts = {}) =>
			createHttpClient({
				hosts,
				tls: certificates.length === 0 ? { kind: "none" } : { kind: "ca", certificates },
				timeout: Seconds(10),
			}),
		self: processIdentity(process.pid),
		isRunning: isProcessRunning,
		untilStopped: () =>
			new Promise((resolve) => {
				for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
			}),
	};
}

/** Runs a program by its command line; what its user can mend is told in one line. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
	try {
		await withUsageHints(program).parseAsync([...argv]);
	} catch (error) {
		process.exitCode = endOfProgram(program.name(), error, (text) => process.stderr.write(`${text}\n`));
	}
}
