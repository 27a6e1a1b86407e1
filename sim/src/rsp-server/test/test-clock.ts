import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";

/** Time that stands still until it is moved; tasks run when their moment is passed. */
export class TestClock implements Clock {
	#now = Date.parse("2026-11-22T08:00:00Z");
	#tasks: { at: number; task: () => void }[] = [];

	now(): number {
		return this.#now;
	}

	schedule(delay: Duration, task: () => void): () => void {
		const entry = { at: this.#now + delay, task };
		this.#tasks.push(entry);
		return () => {
			this.#tasks = this.#tasks.filter((other) => other !== entry);
		};
	}

	advance(delay: Duration): void {
		this.#now += delay;
		const due = this.#tasks.filter(({ at }) => at <= this.#now);
		this.#tasks = this.#tasks.filter(({ at }) => at > this.#now);
		for (const { task } of due) task();
	}
}
