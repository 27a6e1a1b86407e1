#!/usr/bin/env node
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { EsimError } from "@iot-esim/shared/util/errors";
import { simEuiccProgram } from "./program.ts";

const program = simEuiccProgram({
	clock: systemClock,
	print: (line) => process.stdout.write(`${line}\n`),
	untilStopped: () =>
		new Promise((resolve) => {
			for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
		}),
	crash: () => process.kill(process.pid, "SIGKILL"),
});

try {
	await program.parseAsync(process.argv);
} catch (error) {
	if (!(error instanceof EsimError)) throw error;
	process.stderr.write(`sim-euicc: ${error.message} (${error.code})\n`);
	process.exitCode = 1;
}
