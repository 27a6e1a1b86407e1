import type { Clock } from "@iot-esim/shared/runtime/clock";

interface Entry {
	readonly due: number;
	readonly order: number;
	readonly task: () => void;
	isCancelled: boolean;
}

/**
 * The time of the simulated world: it moves from event to event. Between two events every promise that can settle has
 * settled, so what happens depends on nothing but the schedule.
 */
export class Timeline implements Clock {
	#now: number;
	#order = 0;
	/** Latest first: the next one is taken from the end. */
	readonly #entries: Entry[] = [];
	#events = 0;

	constructor(start: number) {
		this.#now = start;
	}

	now(): number {
		return this.#now;
	}

	/** Events so far. */
	get events(): number {
		return this.#events;
	}

	schedule(delay: number, task: () => void): () => void {
		const entry: Entry = { due: this.#now + Math.max(0, delay), order: this.#order++, task, isCancelled: false };
		let low = 0;
		let high = this.#entries.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((this.#entries[middle] as Entry).due > entry.due) low = middle + 1;
			else high = middle;
		}
		this.#entries.splice(low, 0, entry);
		return () => {
			entry.isCancelled = true;
		};
	}

	/** Lets time pass until this moment. */
	async runUntil(moment: number): Promise<void> {
		await settled();
		for (let entry = this.#entries.at(-1); entry !== undefined && entry.due <= moment; entry = this.#entries.at(-1)) {
			this.#entries.pop();
			if (entry.isCancelled) continue;
			this.#now = Math.max(this.#now, entry.due);
			this.#events++;
			entry.task();
			await settled();
		}
		this.#now = Math.max(this.#now, moment);
	}
}

/** Every microtask has run: nothing in the simulation waits for anything but the timeline. */
function settled(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
