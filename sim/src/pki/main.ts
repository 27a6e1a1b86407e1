#!/usr/bin/env node
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { EsimError } from "@iot-esim/shared/util/errors";
import { simPkiProgram } from "./program.ts";

const program = simPkiProgram({
	random: systemRandom,
	now: () => systemClock.now(),
	print: (line) => process.stdout.write(`${line}\n`),
});

try {
	await program.parseAsync(process.argv);
} catch (error) {
	if (!(error instanceof EsimError)) throw error;
	process.stderr.write(`sim-pki: ${error.message} (${error.code})\n`);
	process.exitCode = 1;
}
