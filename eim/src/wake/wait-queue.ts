import type { Clock } from "@iot-esim/shared/runtime/clock";
import { Milliseconds } from "@iot-esim/shared/util/duration";

interface Waiter {
	resume(): void;
	fail(reason: Error): void;
}

/** Those who wait for the same thing, in the order in which they came; who has given up is no longer among them. */
export class WaitQueue {
	readonly #clock: Clock;
	readonly #waiters = new Set<Waiter>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/**
	 * Waits to be resumed.
	 * @param deadline milliseconds since 1970
	 * @param late what is thrown when it comes first
	 */
	wait(deadline: number, late: () => Error): Promise<void> {
		return new Promise((resolve, reject) => {
			const leave = () => {
				cancel();
				this.#waiters.delete(waiter);
			};
			const waiter: Waiter = {
				resume: () => {
					leave();
					resolve();
				},
				fail: (reason) => {
					leave();
					reject(reason);
				},
			};
			const left = Milliseconds(Math.max(0, deadline - this.#clock.now()));
			const cancel = this.#clock.schedule(left, () => waiter.fail(late()));
			this.#waiters.add(waiter);
		});
	}

	/** False when nobody waits. */
	resumeFirst(): boolean {
		const [first] = this.#waiters;
		first?.resume();
		return first !== undefined;
	}

	resumeAll(): void {
		for (const waiter of [...this.#waiters]) waiter.resume();
	}

	failAll(reason: Error): void {
		for (const waiter of [...this.#waiters]) waiter.fail(reason);
	}
}
