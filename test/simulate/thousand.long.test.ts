import { expect, it } from "vitest";
import { printedSchedule, runSeed } from "./run-seed.ts";

const SEEDS = 1_000;
/** Others than those of the short test. */
const FIRST = 100_000;

it(`keeps every invariant in ${SEEDS} seeds`, { timeout: 1_200_000 }, async () => {
	for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
		const report = await runSeed(seed);
		expect(report.violations, printedSchedule(report)).toEqual([]);
	}
});
