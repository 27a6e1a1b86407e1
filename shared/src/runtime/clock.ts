import type { Duration } from "../util/duration.ts";

/** Time comes in from outside, so that a whole chain of parts can run on a fake clock. */
export interface Clock {
	/** Milliseconds since 1970-01-01T00:00:00Z. */
	now(): number;
	/** Runs `task` once after `delay`; the returned function takes it back. */
	schedule(delay: Duration, task: () => void): () => void;
}

/** Resolves after `delay`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delay: Duration, signal?: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		if (signal?.aborted) return reject(signal.reason);
		const cancel = clock.schedule(delay, () => {
			signal?.removeEventListener("abort", onAbort);
			resolve();
		});
		const onAbort = () => {
			cancel();
			reject(signal?.reason);
		};
		signal?.addEventListener("abort", onAbort, { once: true });
	});
}

/** The machine's clock. */
export const systemClock: Clock = {
	now: () => Date.now(),
	schedule: (delay, task) => {
		const timer = setTimeout(task, delay);
		return () => clearTimeout(timer);
	},
};
