#!/usr/bin/env node
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { endOfProgram, withUsageHints } from "@iot-esim/shared/runtime/command-line";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { simPkiProgram } from "./program.ts";

const program = simPkiProgram({
	random: systemRandom,
	now: () => systemClock.now(),
	print: (line) => process.stdout.write(`${line}\n`),
});

try {
	await withUsageHints(program).parseAsync(process.argv);
} catch (error) {
	process.exitCode = endOfProgram("sim-pki", error, (text) => process.stderr.write(`${text}\n`));
}
