/** One thing without which the eIM cannot serve. */
export interface HealthCheck {
	readonly name: string;
	/** Rejects, or takes too long, when the thing is not well. */
	check(): Promise<void>;
}

export interface HealthReport {
	readonly ok: boolean;
	/** `ok`, or why not, by name. */
	readonly checks: Readonly<Record<string, string>>;
}

export interface Health {
	report(): Promise<HealthReport>;
	/** From now on the eIM says that it is going away, so that nobody sends it new work. */
	beginShutdown(): void;
}

/** Asks every check at once; `limit` rejects when a check has had its time. */
export function makeHealth(checks: readonly HealthCheck[], limit: () => Promise<never>): Health {
	let isStopping = false;
	return {
		beginShutdown: () => {
			isStopping = true;
		},
		async report() {
			const results = await Promise.all(
				checks.map(async ({ name, check }): Promise<[string, string]> => {
					try {
						await Promise.race([check(), limit()]);
						return [name, "ok"];
					} catch (error) {
						return [name, error instanceof Error ? error.message : String(error)];
					}
				}),
			);
			if (isStopping) results.push(["lifecycle", "the eIM is stopping"]);
			return { ok: results.every(([, state]) => state === "ok"), checks: Object.fromEntries(results) };
		},
	};
}
