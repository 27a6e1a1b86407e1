import { parentPort, workerData } from "node:worker_threads";
import { printedSchedule, runSeed } from "./run-seed.ts";

/** Every `step`-th seed from `first` on, below `end`. */
export interface SeedTask {
	readonly first: number;
	readonly step: number;
	readonly end: number;
}

export interface SeedOutcome {
	readonly seed: number;
	readonly violations: readonly string[];
	/** Empty when all is well. */
	readonly schedule: string;
}

const { first, step, end } = workerData as SeedTask;
for (let seed = first; seed < end; seed += step) {
	const outcome: SeedOutcome = await outcomeOf(seed);
	parentPort?.postMessage(outcome);
}

async function outcomeOf(seed: number): Promise<SeedOutcome> {
	try {
		const report = await runSeed(seed);
		const { violations } = report;
		return { seed, violations, schedule: violations.length > 0 ? printedSchedule(report) : "" };
	} catch (error) {
		const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
		return { seed, violations: [`the run broke off: ${why}`], schedule: `seed ${seed}: the run broke off: ${why}` };
	}
}
