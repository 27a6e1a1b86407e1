#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { endOfProgram, withUsageHints } from "@iot-esim/shared/runtime/command-line";
import { outputTo } from "@iot-esim/shared/runtime/line-output";
import { pinoLogger } from "@iot-esim/shared/runtime/pino-logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { ipaProgram } from "./cli/program.ts";

const output = outputTo(1);
const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) {
	process.on(signal, () => {
		if (stopping.signal.aborted) process.exit(130);
		stopping.abort(new Error(`stopped by ${signal}`));
	});
}

const program = ipaProgram({
	clock: systemClock,
	random: systemRandom,
	environment: process.env,
	logger: (level) => pinoLogger({ level, program: "ipa" }),
	interfaces: networkInterfaces,
	processes: { ownPid: process.pid, identityOf },
	signal: stopping.signal,
	printLine: (text) => output.write(`${text}\n`),
	readFile: (name) => new Uint8Array(readFileSync(name === "-" ? 0 : name)),
});

try {
	await withUsageHints(program).parseAsync(process.argv);
} catch (error) {
	process.exitCode = endOfProgram("ipa", error, (text) => process.stderr.write(`${text}\n`));
}

/** The start time that Linux keeps of a process; elsewhere that it runs must do. */
function identityOf(pid: number): string | undefined {
	try {
		process.kill(pid, 0);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
	}
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
	} catch {
		return "running";
	}
}
