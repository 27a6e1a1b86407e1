import type { Duration } from "../util/duration.ts";
import { EsimError } from "../util/errors.ts";
import { type Clock, sleep } from "./clock.ts";
import { ConfigError, LifecycleError } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** Something a program starts and stops: a database, a listener, a job runner. */
export interface Part {
	readonly name: string;
	start(): Promise<void> | void;
	stop(): Promise<void> | void;
}

/** Starts parts in the order added and stops them in the reverse order, each at most once. */
export class Lifecycle {
	readonly #parts: Part[] = [];
	readonly #started: Part[] = [];
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #stopTimeout: Duration;
	#stopping: Promise<void> | undefined;

	/** `stopTimeout` is the longest that one part may take to stop. */
	constructor(deps: { readonly clock: Clock; readonly log: Logger; readonly stopTimeout: Duration }) {
		this.#clock = deps.clock;
		this.#log = deps.log;
		this.#stopTimeout = deps.stopTimeout;
	}

	add(part: Part): this {
		this.#parts.push(part);
		return this;
	}

	/** @throws LifecycleError LIFECYCLE_START_FAILED, after the parts already started were stopped again */
	async start(): Promise<void> {
		for (const part of this.#parts) {
			if (this.#stopping) return;
			try {
				this.#started.push(part);
				await part.start();
				this.#log.debug("part started", { part: part.name });
			} catch (cause) {
				this.#started.pop();
				await this.stop().catch((error) => this.#log.error("part failed to stop", { error }));
				const why = cause instanceof Error ? cause.message : String(cause);
				throw new LifecycleError("LIFECYCLE_START_FAILED", `${part.name} could not be started: ${why}`, { cause });
			}
		}
	}

	/** @throws LifecycleError LIFECYCLE_STOP_FAILED for the first part that failed, after all were tried */
	stop(): Promise<void> {
		this.#stopping ??= this.#stopAll();
		return this.#stopping;
	}

	async #stopAll(): Promise<void> {
		let failure: LifecycleError | undefined;
		for (let part = this.#started.pop(); part !== undefined; part = this.#started.pop()) {
			try {
				await this.#inTime(part);
				this.#log.debug("part stopped", { part: part.name });
			} catch (cause) {
				const why = cause instanceof Error ? cause.message : String(cause);
				failure ??= new LifecycleError("LIFECYCLE_STOP_FAILED", `${part.name} could not be stopped: ${why}`, { cause });
				this.#log.error("part failed to stop", { part: part.name, error: cause });
			}
		}
		if (failure) throw failure;
	}

	async #inTime(part: Part): Promise<void> {
		const done = new AbortController();
		const late = sleep(this.#clock, this.#stopTimeout, done.signal).then(() => {
			throw new Error(`took longer than ${this.#stopTimeout} ms`);
		});
		late.catch(() => undefined);
		try {
			await Promise.race([part.stop(), late]);
		} finally {
			done.abort();
		}
	}
}

/** The part of `process` that a program needs to be stopped from outside. */
export interface SignalSource {
	on(signal: "SIGTERM" | "SIGINT", listener: () => void): unknown;
	off(signal: "SIGTERM" | "SIGINT", listener: () => void): unknown;
}

/**
 * Starts the lifecycle, waits for SIGTERM, SIGINT or `until`, and stops it. A second signal ends the program at once
 * through `abandon`.
 * @returns the exit code of the program
 */
export async function runUntilSignal(
	lifecycle: Lifecycle,
	deps: {
		readonly signals: SignalSource;
		readonly log: Logger;
		readonly abandon: (exitCode: number) => void;
		readonly until?: Promise<unknown>;
		/** Runs when everything has started. */
		readonly ready?: () => void;
		/** Tells a person in plain words why the program ends; the log has the whole story. */
		readonly complain?: (text: string) => void;
	},
): Promise<number> {
	let wasAsked = false;
	let ask: () => void = () => undefined;
	const asked = new Promise<void>((resolve) => {
		ask = resolve;
	});
	const onSignal = () => {
		if (wasAsked) return deps.abandon(130);
		wasAsked = true;
		ask();
	};
	deps.signals.on("SIGTERM", onSignal);
	deps.signals.on("SIGINT", onSignal);
	try {
		await Promise.race([lifecycle.start(), asked]);
		if (!wasAsked) deps.ready?.();
		await Promise.race([asked, ...(deps.until ? [deps.until] : [])]);
		await lifecycle.stop();
		return 0;
	} catch (error) {
		deps.log.error("program failed", { error });
		if (error instanceof EsimError) deps.complain?.(`${plainly(error)} (${error.code})`);
		await lifecycle.stop().catch(() => undefined);
		return exitCode(error);
	} finally {
		deps.signals.off("SIGTERM", onSignal);
		deps.signals.off("SIGINT", onSignal);
	}
}

/** The message with what lies behind it, down to the first cause. */
function plainly(error: Error): string {
	const { cause, message } = error;
	if (!(cause instanceof Error) || message.includes(cause.message)) return message;
	return `${message}: ${plainly(cause)}`;
}

/** Exit code of a program that ends with this error: 2 for a wrong configuration or usage, 1 for anything else. */
export function exitCode(error: unknown): number {
	if (error instanceof ConfigError) return 2;
	if (error instanceof EsimError && error.cause instanceof ConfigError) return 2;
	return 1;
}
