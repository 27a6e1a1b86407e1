import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
import { runInThreads } from "./threads.ts";

const SEEDS = 1_000;
/** Others than those of the short test. */
const FIRST = 100_000;

it(`keeps every invariant in ${SEEDS} seeds`, { timeout: 1_200_000 }, async () => {
	const violated: string[] = [];
	let runs = 0;
	await runInThreads({
		seeds: SEEDS,
		seed: FIRST,
		workers: availableParallelism(),
		program: new URL("../../dist/test/simulate/worker.js", import.meta.url),
		onOutcome: ({ violations, schedule }) => {
			runs++;
			if (violations.length > 0) violated.push(schedule);
		},
	});
	expect(violated).toEqual([]);
	expect(runs).toBe(SEEDS);
});
