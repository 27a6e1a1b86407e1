import { expect, it } from "vitest";
import { focus } from "./focus.ts";
import { printedSchedule, runSeed } from "./run-seed.ts";

interface Lesson {
	readonly seed: number;
	/** What it taught. */
	readonly lesson: string;
	readonly odds?: keyof typeof focus;
}

/** Seeds that have found something; each fails again when its lesson is unlearnt. */
const LESSONS: readonly Lesson[] = [
	{
		seed: 11,
		lesson: "the eIM asks for stored results once: a lost acknowledgement leaves them on the card, to be offered again",
	},
	{ seed: 17, lesson: "what runs in the background of a server must survive a full disk, or the server ends with it" },
	{ seed: 53, lesson: "that a fallback attribute was set says nothing of whether an unknown profile is enabled" },
	{
		seed: 398,
		lesson: "a download's result that was not delivered goes before the next poll, not after the next start",
	},
	{ seed: 101_106, lesson: "a clock that is set back while a rollback waits must not put the rollback off by as much" },
	{
		seed: 303_317,
		lesson:
			"a result that came as a notification, and for its download only after the expiry, still ends that download",
	},
	{
		seed: 704_885,
		lesson:
			"of the simulation: a device that the last order moves to return from its fallback profile has yet to say so",
	},
	{
		seed: 7,
		odds: "forgetfulIpas",
		lesson: "an IPA that dies before it has offered the results of a new card has to offer them in its next life",
	},
	{
		seed: 155,
		odds: "strangers",
		lesson: "a result that is kept and comes again as a notification is the same result, of the same operation",
	},
];

it.each(LESSONS)("seed $seed: $lesson", { timeout: 60_000 }, async ({ seed, odds }) => {
	const report = await runSeed(seed, odds === undefined ? {} : { focus: focus[odds] });
	expect(report.violations, printedSchedule(report)).toEqual([]);
});
