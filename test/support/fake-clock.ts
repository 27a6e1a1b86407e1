import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";

interface Timer {
	readonly due: number;
	readonly order: number;
	readonly task: () => void;
}

/** Time that moves only when the test says so. Timers run in the order of their due time, ties in order of scheduling. */
export class FakeClock implements Clock {
	#now: number;
	#order = 0;
	readonly #timers = new Set<Timer>();

	/** Starts at `start` (milliseconds since 1970), by default 2026-01-01T00:00:00Z. */
	constructor(start: number = Date.UTC(2026, 0, 1)) {
		this.#now = start;
	}

	now(): number {
		return this.#now;
	}

	schedule(delay: Duration, task: () => void): () => void {
		const timer: Timer = { due: this.#now + Math.max(0, delay), order: this.#order++, task };
		this.#timers.add(timer);
		return () => {
			this.#timers.delete(timer);
		};
	}

	/** Number of timers that have not run yet: a test may demand that nothing is left behind. */
	get pending(): number {
		return this.#timers.size;
	}

	/** Moves time forward by `length` ms; every timer due on the way runs at its own time, with its promises settled. */
	async advance(length: number): Promise<void> {
		const target = this.#now + length;
		await settle();
		for (let timer = this.#next(target); timer !== undefined; timer = this.#next(target)) {
			this.#fire(timer);
			await settle();
		}
		// Somebody else may have passed more time meanwhile.
		this.#now = Math.max(this.#now, target);
	}

	/**
	 * Jumps from timer to timer until `promise` settles, and gives its result. For parts that touch no real socket or
	 * disk: time never waits for those.
	 * @throws Error when no timer is left, or after `limit` ms of fake time (default one day)
	 */
	async until<T>(promise: Promise<T>, limit = 86_400_000): Promise<T> {
		let isSettled = false;
		const mark = () => {
			isSettled = true;
		};
		promise.then(mark, mark);
		const end = this.#now + limit;
		await settle();
		while (!isSettled) {
			const timer = this.#next(end);
			if (timer === undefined) {
				throw new Error(`the promise is still pending after ${limit} ms of fake time, ${this.pending} timers left`);
			}
			this.#fire(timer);
			await settle();
		}
		return promise;
	}

	#fire(timer: Timer): void {
		this.#timers.delete(timer);
		this.#now = Math.max(this.#now, timer.due);
		timer.task();
	}

	#next(target: number): Timer | undefined {
		let first: Timer | undefined;
		for (const timer of this.#timers) {
			if (timer.due > target) continue;
			if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) {
				first = timer;
			}
		}
		return first;
	}
}

/** Lets promises, nextTick callbacks and what they start run to the end. */
async function settle(): Promise<void> {
	for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
