import { type Clock, sleep } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";

/** One thing that the eIM needs to serve all, or some, devices. */
export interface HealthCheck {
	readonly name: string;
	/** Without it only some devices, or some ways to them, go without: the eIM is degraded, and serves the others. */
	readonly isPartial?: boolean;
	/** Rejects, or takes too long, when the thing is not well. */
	check(): Promise<void>;
}

export interface HealthReport {
	/** It can serve, though perhaps not everything. */
	readonly ok: boolean;
	/** What is not well and leaves the rest to be served; absent when nothing is. */
	readonly degraded?: readonly string[];
	/** `ok`, or why not, by name. */
	readonly checks: Readonly<Record<string, string>>;
}

export interface Health {
	report(): Promise<HealthReport>;
	/** From now on the eIM says that it is going away, so that nobody sends it new work. */
	beginShutdown(): void;
}

/** Asks every check at once; none may take longer than `limit`. */
export function makeHealth(checks: readonly HealthCheck[], clock: Clock, limit: Duration): Health {
	let isStopping = false;
	const partial = new Set(checks.filter(({ isPartial }) => isPartial === true).map(({ name }) => name));
	return {
		beginShutdown: () => {
			isStopping = true;
		},
		async report() {
			const results = await Promise.all(
				checks.map(async ({ name, check }): Promise<[string, string]> => {
					const done = new AbortController();
					const late = sleep(clock, limit, done.signal).then(() => {
						throw new Error(`did not answer within ${limit / 1000} s`);
					});
					// The check was faster: nobody looks at the clock any more.
					late.catch(() => undefined);
					try {
						await Promise.race([check(), late]);
						return [name, "ok"];
					} catch (error) {
						return [name, error instanceof Error ? error.message : String(error)];
					} finally {
						done.abort();
					}
				}),
			);
			if (isStopping) results.push(["lifecycle", "the eIM is stopping"]);
			const ill = results.filter(([, state]) => state !== "ok").map(([name]) => name);
			const degraded = ill.filter((name) => partial.has(name));
			return {
				ok: ill.length === degraded.length,
				...(degraded.length === 0 ? {} : { degraded }),
				checks: Object.fromEntries(results),
			};
		},
	};
}
