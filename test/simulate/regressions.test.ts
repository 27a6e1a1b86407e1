import { expect, it } from "vitest";
import { printedSchedule, runSeed } from "./run-seed.ts";

/** Seeds that have found something, with what they taught; each fails again when its lesson is unlearnt. */
const LESSONS: readonly (readonly [seed: number, lesson: string])[] = [
	[11, "the eIM asks for stored results once: when its acknowledgement is lost, the IPA has to offer them by itself"],
	[17, "what runs in the background of a server must survive a full disk, or the whole server ends with it"],
	[53, "a setFallbackAttribute that was carried out says nothing of whether a profile that is not known is enabled"],
	[
		398,
		"a download's result that could not be delivered waits on the card: it goes before the next poll, not after the next start",
	],
	[
		101_106,
		"a clock that is set back while a rollback waits must not put it off by as much: the device was in a network that is nowhere",
	],
];

it.each(LESSONS)("seed %i: %s", { timeout: 60_000 }, async (seed) => {
	const report = await runSeed(seed);
	expect(report.violations, printedSchedule(report)).toEqual([]);
});
