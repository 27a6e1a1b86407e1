import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";

interface Task {
	readonly at: number;
	readonly run: () => void;
}

/**
 * Time inside of a card: it passes by itself, but the card does something only when its terminal sends a command. What is
 * due runs in `tick`.
 */
export class CardClock implements Clock {
	readonly #oscillator: Pick<Clock, "now">;
	#tasks: Task[] = [];

	constructor(oscillator: Pick<Clock, "now">) {
		this.#oscillator = oscillator;
	}

	now(): number {
		return this.#oscillator.now();
	}

	schedule(delay: Duration, task: () => void): () => void {
		const entry: Task = { at: this.now() + delay, run: task };
		this.#tasks.push(entry);
		return () => {
			this.#tasks = this.#tasks.filter((other) => other !== entry);
		};
	}

	/** When the next thing is due; undefined while nothing is scheduled. */
	get next(): number | undefined {
		return this.#tasks.length === 0 ? undefined : Math.min(...this.#tasks.map(({ at }) => at));
	}

	/** Runs what is due, earliest first. */
	tick(): void {
		const now = this.now();
		const due = this.#tasks.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
		this.#tasks = this.#tasks.filter(({ at }) => at > now);
		for (const { run } of due) run();
	}

	/** Nothing that was scheduled happens any more. */
	stop(): void {
		this.#tasks = [];
	}
}
