import { availableParallelism } from "node:os";
import { printedSchedule, runSeed } from "./run-seed.ts";
import { runInThreads } from "./threads.ts";
import type { SeedOutcome } from "./worker.ts";

/** `--seeds 100 --seed 1 --workers 2 --verbose`. */
interface Arguments {
	readonly seeds: number;
	readonly seed: number;
	readonly workers: number;
	readonly isVerbose: boolean;
}

const USAGE = `npm run simulate -- [--seeds N] [--seed S] [--workers W] [--verbose]
  --seeds N    how many seeds are run, one after the other from S on; 100 when absent, 1 with --verbose
  --seed S     the first seed; 1 when absent
  --workers W  threads; as many as the machine has processors when absent
  --verbose    prints the schedule and the log of each run, with what the parts log`;

function argumentsOf(given: readonly string[]): Arguments | undefined {
	const values: Record<string, number> = {};
	const isVerbose = given.includes("--verbose");
	const rest = given.filter((one) => one !== "--verbose");
	for (let i = 0; i < rest.length; i += 2) {
		const name = /^--(seeds|seed|workers)$/.exec(rest[i] ?? "")?.[1];
		const value = Number(rest[i + 1]);
		if (name === undefined || !Number.isSafeInteger(value) || value < 0) return undefined;
		values[name] = value;
	}
	const { seeds = isVerbose ? 1 : 100, seed = 1, workers = availableParallelism() } = values;
	return { seeds, seed, workers: Math.max(1, Math.min(workers, seeds)), isVerbose };
}

/** Runs the seeds; gives those that failed. */
async function runAll({ seeds, seed, workers }: Arguments): Promise<SeedOutcome[]> {
	const failed: SeedOutcome[] = [];
	let done = 0;
	const start = performance.now();
	const program = new URL("./worker.js", import.meta.url);
	const onOutcome = (outcome: SeedOutcome) => {
		done++;
		if (outcome.violations.length > 0) {
			failed.push(outcome);
			console.log(outcome.schedule);
		}
		if (done % 100 === 0 || done === seeds) console.log(progress(done, failed.length, performance.now() - start));
	};
	await runInThreads({ seeds, seed, workers, program, onOutcome });
	return failed;
}

function progress(done: number, failed: number, ms: number): string {
	return `${done} seeds, ${failed} with violations, ${Math.round(done / (ms / 60_000))} a minute`;
}

async function run(): Promise<number> {
	const options = argumentsOf(process.argv.slice(2));
	if (options === undefined) {
		console.error(USAGE);
		return 2;
	}
	if (options.isVerbose) {
		let isWell = true;
		for (let seed = options.seed; seed < options.seed + options.seeds; seed++) {
			const report = await runSeed(seed, { isVerbose: true });
			console.log(printedSchedule(report));
			isWell &&= report.violations.length === 0;
		}
		return isWell ? 0 : 1;
	}
	const failed = await runAll(options);
	for (const { seed, violations } of failed) console.log(`seed ${seed}: ${violations[0]}`);
	return failed.length === 0 ? 0 : 1;
}

process.exitCode = await run();
