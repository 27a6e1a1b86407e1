#!/usr/bin/env node
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { endOfProgram, withUsageHints } from "@iot-esim/shared/runtime/command-line";
import { pinoLogger } from "@iot-esim/shared/runtime/pino-logger";
import { simEuiccProgram } from "./program.ts";

const program = simEuiccProgram({
	clock: systemClock,
	logger: pinoLogger({ level: "info", program: "sim-euicc" }),
	print: (line) => process.stdout.write(`${line}\n`),
	untilStopped: () =>
		new Promise((resolve) => {
			for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
		}),
	crash: () => process.kill(process.pid, "SIGKILL"),
});

try {
	await withUsageHints(program).parseAsync(process.argv);
} catch (error) {
	process.exitCode = endOfProgram("sim-euicc", error, (text) => process.stderr.write(`${text}\n`));
}
