import { expect, it } from "vitest";
import { focus } from "./focus.ts";
import { printedSchedule, runSeed } from "./run-seed.ts";

/** Seeds that have found something, with what they taught; each fails again when its lesson is unlearnt. */
const LESSONS: readonly (readonly [seed: number, lesson: string, odds?: keyof typeof focus])[] = [
	[
		11,
		"the eIM asks for stored results once: an acknowledgement that is lost leaves them on the card, to be offered again",
	],
	[17, "what runs in the background of a server must survive a full disk, or the whole server ends with it"],
	[53, "that a fallback attribute was set says nothing of whether a profile that is not known yet is enabled"],
	[398, "a download's result that could not be delivered goes before the next poll, not after the next start"],
	[101_106, "a clock that is set back while a rollback waits must not put the rollback off by as much"],
	[
		7,
		"an IPA that loses its life before it has offered the results of a new card has to offer them in the next",
		"forgetfulIpas",
	],
	[
		155,
		"a result that is kept and comes again as a notification is the same result, of the same operation",
		"strangers",
	],
];

it.each(LESSONS)("seed %i: %s", { timeout: 60_000 }, async (seed, _lesson, odds) => {
	const report = await runSeed(seed, odds === undefined ? {} : { focus: focus[odds] });
	expect(report.violations, printedSchedule(report)).toEqual([]);
});
