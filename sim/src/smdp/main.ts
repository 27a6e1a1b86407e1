#!/usr/bin/env node
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { pinoLogger } from "@iot-esim/shared/runtime/pino-logger";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { isProcessRunning, processIdentity } from "../rsp-server/process-identity.ts";
import { simSmdpProgram } from "./program.ts";

const program = simSmdpProgram({
	clock: systemClock,
	print: (line) => process.stdout.write(`${line}\n`),
	logger: (level) => pinoLogger({ level, program: "sim-smdp" }),
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
});

try {
	await program.parseAsync(process.argv);
} catch (error) {
	if (!(error instanceof EsimError)) throw error;
	process.stderr.write(`sim-smdp: ${error.message} (${error.code})\n`);
	process.exitCode = 1;
}
