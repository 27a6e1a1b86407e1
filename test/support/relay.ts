/**
 * A bad link: what stands between two sides drops, delays, doubles and reorders what passes, by a seed, and counts it. It
 * knows nothing of sockets: `relay-network.ts` puts it between two ends of one process, `netns.ts` between network namespaces.
 */

import type { Clock } from "@iot-esim/shared/runtime/clock";
import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";
import { SeededRandom } from "./seeded-random.ts";

/** What a link does to datagrams, the same in both directions. Absent is none. */
export interface RelayConditions {
	readonly seed: number;
	/** Share of datagrams that get lost, from 0 to 1. */
	readonly loss?: number;
	/** One way. */
	readonly delay?: Duration;
	/** Further delay of up to this, by chance: datagrams overtake one another. */
	readonly jitter?: Duration;
	/** Octets per second in each direction; what comes faster waits. */
	readonly rate?: number;
	/** Octets that wait for the rate at most; what comes on top is dropped. 64 KiB when absent. */
	readonly queue?: number;
	/** Share of datagrams that arrive twice. */
	readonly duplicates?: number;
	/** Share of datagrams that are held back for `reorderBy`. */
	readonly reorder?: number;
	/** Half a second when absent. */
	readonly reorderBy?: Duration;
	/** Times without any link, counted from the relay's first datagram. */
	readonly outages?: readonly Outage[];
}

export interface Outage {
	readonly after: Duration;
	readonly lasts: Duration;
}

/** What a relay has done. */
export interface RelayCounts {
	/** Datagrams that came to the relay. */
	readonly came: number;
	readonly octets: number;
	/** Datagrams that went on, copies included. */
	readonly delivered: number;
	/** Lost by chance. */
	readonly dropped: number;
	/** Lost because there was no link. */
	readonly droppedInOutage: number;
	/** Lost because too much waited for the rate. */
	readonly droppedByQueue: number;
	/** Datagrams that waited at all, and the shortest and longest of those that went on, in ms by the relay's clock. */
	readonly delayed: number;
	readonly shortestDelay: number;
	readonly longestDelay: number;
	/** Copies made. */
	readonly duplicated: number;
	/** Datagrams that went on after one that had come later. */
	readonly reordered: number;
}

/** Whom a datagram is for: the eIM, or the device. */
export type RelayDirection = "toServer" | "toClient";

const QUEUE = 65_536;
const REORDER_BY = Milliseconds(500);
/** A timer of the operating system may run that much before the time of day says so, in ms. */
const TIMER_SLACK = 2;

/** Both directions of one link, with what they count together. */
export class Relay {
	readonly conditions: RelayConditions;
	readonly #clock: Clock;
	readonly #tally = new Tally();
	readonly #lanes: Readonly<Record<RelayDirection, Lane>>;
	#isCut = false;
	#began: number | undefined;

	constructor(conditions: RelayConditions, clock: Clock) {
		this.conditions = conditions;
		this.#clock = clock;
		const lane = (salt: number) =>
			new Lane(conditions, { clock, tally: this.#tally, random: new SeededRandom(conditions.seed ^ salt) });
		this.#lanes = { toServer: lane(0x5e), toClient: lane(0xc1) };
	}

	/** Takes one datagram; `deliver` is called when, and as often as, it arrives. */
	pass(direction: RelayDirection, octets: number, deliver: () => void): void {
		this.#began ??= this.#clock.now();
		this.#tally.came++;
		this.#tally.octets += octets;
		if (this.#isCut || this.#isInOutage()) this.#tally.droppedInOutage++;
		else this.#lanes[direction].take(octets, deliver);
	}

	/** No link from now on, until `mend`. */
	cut(): void {
		this.#isCut = true;
	}

	mend(): void {
		this.#isCut = false;
	}

	get counts(): RelayCounts {
		const { shortestDelay, ...counts } = this.#tally;
		return { ...counts, shortestDelay: Number.isFinite(shortestDelay) ? shortestDelay : 0 };
	}

	/**
	 * Fails unless the relay has done everything that its conditions name, by its own counts: a test over a relay that does
	 * nothing proves nothing.
	 * @throws Error that says what has not happened
	 */
	expectHarm(): void {
		const missing = missingHarm(this.conditions, this.counts);
		if (missing.length > 0) {
			throw new Error(`the relay has not done its work: ${missing.join("; ")}; counts ${JSON.stringify(this.counts)}`);
		}
	}

	#isInOutage(): boolean {
		const since = this.#clock.now() - (this.#began ?? 0);
		return (this.conditions.outages ?? []).some(({ after, lasts }) => since >= after && since < after + lasts);
	}
}

/** What the conditions name and the counts do not show. */
export function missingHarm(conditions: RelayConditions, counts: RelayCounts): string[] {
	const { loss = 0, duplicates = 0, reorder = 0, jitter = 0, delay = 0, rate, outages = [] } = conditions;
	const missing: string[] = [];
	const offered = counts.came - counts.droppedInOutage;
	const demand = (isDone: boolean, what: string) => {
		if (!isDone) missing.push(what);
	};
	demand(counts.came > 0, "nothing came");
	demand(loss === 0 || counts.dropped > 0, "no datagram was lost");
	demand(isNear(counts.dropped, offered, loss), `${counts.dropped} of ${offered} lost at a loss of ${loss}`);
	demand(duplicates === 0 || counts.duplicated > 0, "no datagram was doubled");
	demand(reorder === 0 || counts.reordered > 0, "no datagram was overtaken");
	const isDelayed = counts.delayed > 0 && counts.shortestDelay >= delay - TIMER_SLACK;
	demand(delay === 0 || isDelayed, `a datagram took less than ${delay} ms`);
	demand(jitter === 0 || counts.longestDelay > counts.shortestDelay, "every datagram took as long");
	demand(rate === undefined || counts.delayed > 0, "no datagram waited for the rate");
	demand(outages.length === 0 || counts.droppedInOutage > 0, "no datagram fell into an outage");
	return missing;
}

/** Within five standard deviations of what a fair coin of this share gives. */
function isNear(count: number, of: number, share: number): boolean {
	return Math.abs(count - of * share) <= 5 * Math.sqrt(of * share * (1 - share)) + 1;
}

class Tally {
	came = 0;
	octets = 0;
	delivered = 0;
	dropped = 0;
	droppedInOutage = 0;
	droppedByQueue = 0;
	delayed = 0;
	shortestDelay = Number.POSITIVE_INFINITY;
	longestDelay = 0;
	duplicated = 0;
	reordered = 0;
}

interface LaneParts {
	readonly clock: Clock;
	readonly tally: Tally;
	readonly random: SeededRandom;
}

/** One direction. */
class Lane {
	readonly #conditions: RelayConditions;
	readonly #parts: LaneParts;
	/** When what waits for the rate has all gone. */
	#freeAt = 0;
	#number = 0;
	#latest = 0;

	constructor(conditions: RelayConditions, parts: LaneParts) {
		this.#conditions = conditions;
		this.#parts = parts;
	}

	take(octets: number, deliver: () => void): void {
		const { loss = 0, duplicates = 0 } = this.#conditions;
		const { tally, random } = this.#parts;
		// As many draws for every datagram, so that one condition changed leaves the fates by the others as they were.
		const [isLost, isDoubled] = [random.next() < loss, random.next() < duplicates];
		const pauses = [this.#pause(), this.#pause()] as const;
		if (isLost) {
			tally.dropped++;
			return;
		}
		const waits = this.#waitForRate(octets);
		if (waits === undefined) {
			tally.droppedByQueue++;
			return;
		}
		const number = ++this.#number;
		this.#later(waits + pauses[0], number, deliver);
		if (!isDoubled) return;
		tally.duplicated++;
		this.#later(waits + pauses[1], number, deliver);
	}

	/** The way itself, in ms. */
	#pause(): number {
		const { delay = 0, jitter = 0, reorder = 0, reorderBy = REORDER_BY } = this.#conditions;
		const { random } = this.#parts;
		const spread = Math.round(random.next() * jitter);
		return delay + spread + (random.next() < reorder ? reorderBy : 0);
	}

	/** Until the last octet is on its way, in ms; undefined when too much waits already. */
	#waitForRate(octets: number): number | undefined {
		const { rate, queue = QUEUE } = this.#conditions;
		if (rate === undefined) return 0;
		const now = this.#parts.clock.now();
		const begins = Math.max(now, this.#freeAt);
		if (((begins - now) / 1000) * rate + octets > queue) return undefined;
		this.#freeAt = begins + (octets / rate) * 1000;
		return this.#freeAt - now;
	}

	#later(pause: number, number: number, deliver: () => void): void {
		const { clock, tally } = this.#parts;
		const came = clock.now();
		const arrive = () => {
			const took = clock.now() - came;
			tally.delivered++;
			tally.shortestDelay = Math.min(tally.shortestDelay, took);
			tally.longestDelay = Math.max(tally.longestDelay, took);
			if (number < this.#latest) tally.reordered++;
			this.#latest = Math.max(this.#latest, number);
			deliver();
		};
		if (pause === 0) {
			arrive();
			return;
		}
		tally.delayed++;
		clock.schedule(Milliseconds(Math.ceil(pause)), arrive);
	}
}
