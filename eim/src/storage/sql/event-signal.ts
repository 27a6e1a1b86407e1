import type { SqlEngine, Step } from "./engine.ts";

/** Runs steps and afterwards tells, within this process, whoever follows the events or works off the jobs. */
export class EventSignal {
	readonly #engine: SqlEngine;
	readonly #eventListeners = new Set<() => void>();
	readonly #jobListeners = new Set<() => void>();
	#hasNewJobs = false;

	constructor(engine: SqlEngine) {
		this.#engine = engine;
	}

	/** For a step that may append events. */
	async write<T>(step: () => Step<T>): Promise<T> {
		const value = await this.#engine.write(step);
		this.tell();
		return value;
	}

	/** Called by a step that stores jobs; they are told of after its commit. */
	noteJobs(): void {
		this.#hasNewJobs = true;
	}

	tell(): void {
		for (const listener of this.#eventListeners) listener();
		if (!this.#hasNewJobs) return;
		this.#hasNewJobs = false;
		for (const listener of this.#jobListeners) listener();
	}

	onEvents(listener: () => void): () => void {
		this.#eventListeners.add(listener);
		return () => this.#eventListeners.delete(listener);
	}

	onJobs(listener: () => void): () => void {
		this.#jobListeners.add(listener);
		return () => this.#jobListeners.delete(listener);
	}
}
