import type { SqlEngine, Step } from "./engine.ts";

/** Runs steps that may append events and afterwards tells whoever follows the event stream of this process. */
export class EventSignal {
	readonly #engine: SqlEngine;
	readonly #listeners = new Set<() => void>();

	constructor(engine: SqlEngine) {
		this.#engine = engine;
	}

	async write<T>(step: () => Step<T>): Promise<T> {
		const value = await this.#engine.write(step);
		this.tell();
		return value;
	}

	tell(): void {
		for (const listener of this.#listeners) listener();
	}

	onEvents(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}
}
