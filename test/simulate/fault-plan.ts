import type { Draws } from "./draws.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A machine with a disk or a clock of its own. */
export type Machine = "eim" | "smdp" | "smds" | "ipa";

/** What happens to a message on its way. */
export interface MessageRates {
	readonly loseRequest: number;
	readonly loseAnswer: number;
	/** A second copy arrives too, perhaps long after the first. */
	readonly duplicate: number;
	/** Takes seconds or minutes instead of milliseconds, so that later messages overtake it. */
	readonly delay: number;
}

/** A stretch of time on one machine. Times are milliseconds from the start of the run. */
export interface Stretch {
	readonly machine: Machine;
	readonly from: number;
	readonly until: number;
}

/** What goes wrong in one run, as far as it is known before; all of it ends at `until`. */
export interface FaultPlan {
	readonly until: number;
	readonly messages: MessageRates;
	/** Steps from one death of a process to the next, on average; 0 means that it lives. */
	readonly deaths: Readonly<Record<Machine, number>>;
	/** How many deaths of an IPA take the power of its whole device with them. */
	readonly deviceShare: number;
	/** Writes of the card's memory from one cut of its power to the next, on average; 0 means none. */
	readonly powerCuts: number;
	readonly fullDisks: readonly Stretch[];
	readonly jumps: readonly { readonly machine: Machine; readonly at: number; readonly offset: number }[];
	/** How long the eIM's database and a card may take for each step, in milliseconds at most. */
	readonly slowest: { readonly store: number; readonly card: number };
	/** Starts of an IPA that find an empty journal in the place of its own. */
	readonly lostJournals: number;
	/** Mean time in milliseconds between losses of coverage anywhere; 0 means none. */
	readonly coverageLosses: number;
}

const MACHINES: readonly Machine[] = ["eim", "smdp", "smds", "ipa"];
const DISKS: readonly Machine[] = ["eim", "smdp", "smds", "ipa"];

/** How far the clock of a machine may be off: servers have a time service, a device may wake up in 1970. */
const FARTHEST: Readonly<Record<Machine, number>> = { eim: HOUR, smdp: HOUR, smds: HOUR, ipa: 400 * DAY };

/** Each run has a few kinds of faults, since too many at once hide what each does. */
export function drawFaultPlan(draws: Draws): FaultPlan {
	const until = draws.between(60, 240) * MINUTE;
	const isQuiet = draws.chance(0.05);
	// In a storm nearly everything comes together.
	const isStorm = draws.chance(0.4);
	const has = (probability: number) => !isQuiet && draws.chance(Math.min(1, isStorm ? 2 * probability : probability));
	const rate = (probability: number, most: number) => (has(probability) ? draws.next() * most : 0);
	const mean = (probability: number, least: number, most: number) =>
		has(probability) ? draws.between(least, most) : 0;
	return {
		until,
		messages: {
			loseRequest: rate(0.5, 0.3),
			loseAnswer: rate(0.5, 0.3),
			duplicate: rate(0.4, 0.25),
			delay: rate(0.4, 0.25),
		},
		deaths: {
			eim: mean(0.5, 40, 400),
			smdp: mean(0.3, 8, 60),
			smds: mean(0.3, 8, 60),
			ipa: mean(0.5, 60, 800),
		},
		deviceShare: draws.next(),
		powerCuts: mean(0.45, 2, 50),
		fullDisks: DISKS.flatMap((machine) => {
			if (!has(0.2)) return [];
			const from = draws.below(until);
			return [{ machine, from, until: Math.min(until, from + draws.between(1, 40) * MINUTE) }];
		}),
		jumps: MACHINES.flatMap((machine) => {
			if (!has(0.25)) return [];
			return Array.from({ length: draws.between(1, 3) }, () => ({
				machine,
				at: draws.below(until),
				offset: Math.round((draws.next() * 2 - 1) * FARTHEST[machine] * draws.next()),
			}));
		}),
		slowest: { store: mean(0.25, 10, 3_000), card: mean(0.15, 5, 60) },
		lostJournals: rate(0.1, 0.2),
		coverageLosses: mean(0.4, 10 * MINUTE, 90 * MINUTE),
	};
}
