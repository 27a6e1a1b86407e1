import { describe, expect, it } from "vitest";
import { printed } from "./record.ts";
import { printedSchedule, runSeed } from "./run-seed.ts";

const SEEDS = 30;
const FIRST = 1;

describe("the chain under a seed", () => {
	it(`keeps every invariant in the first ${SEEDS} seeds`, { timeout: 120_000 }, async () => {
		for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
			const report = await runSeed(seed);
			expect(report.violations, printedSchedule(report)).toEqual([]);
		}
	});

	it("gives the same log for the same seed, whatever was run before", async () => {
		const first = (await runSeed(9)).entries.map(printed);
		await runSeed(5);
		const second = (await runSeed(9)).entries.map(printed);
		expect(first.length).toBeGreaterThan(100);
		expect(first.some((line) => line.startsWith("!"))).toBe(true);
		expect(second).toEqual(first);
	});

	it("gives another log for another seed", async () => {
		const [one, other] = [await runSeed(9), await runSeed(10)];
		expect(one.entries.map(printed)).not.toEqual(other.entries.map(printed));
	});
});
