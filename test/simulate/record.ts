import type { Clock } from "@iot-esim/shared/runtime/clock";

/** One line of the log of a run: the same for the same seed. */
export interface Entry {
	/** Milliseconds since the run began. */
	readonly at: number;
	/** Who did it, or to whom it was done. */
	readonly who: string;
	readonly what: string;
	/** What the schedule did, not what a part did. */
	readonly isFault: boolean;
}

/** Everything that happens in a run, in order. */
export class RunRecord {
	readonly #clock: Clock;
	readonly #start: number;
	readonly #entries: Entry[] = [];
	/** What no part should ever say, whatever goes wrong around it. */
	readonly surprises: string[] = [];

	constructor(clock: Clock) {
		this.#clock = clock;
		this.#start = clock.now();
	}

	get entries(): readonly Entry[] {
		return this.#entries;
	}

	note(who: string, what: string): void {
		this.#entries.push({ at: this.#clock.now() - this.#start, who, what, isFault: false });
	}

	surprise(who: string, what: string): void {
		this.note(who, what);
		this.surprises.push(`${who}: ${what}`);
	}

	fault(who: string, what: string): void {
		this.#entries.push({ at: this.#clock.now() - this.#start, who, what, isFault: true });
	}
}

/** `+01:02:03.004  ipa 1      polled none`; faults begin with `!`. */
export function printed({ at, who, what, isFault }: Entry): string {
	const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
	const time = `+${two(at / 3_600_000)}:${two((at / 60_000) % 60)}:${two((at / 1000) % 60)}.${String(at % 1000).padStart(3, "0")}`;
	return `${isFault ? "!" : " "} ${time}  ${who.padEnd(8)} ${what}`;
}
