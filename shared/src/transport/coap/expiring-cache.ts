import type { Clock } from "../../runtime/clock.ts";
import type { Duration } from "../../util/duration.ts";

export interface CacheLimits {
	readonly clock: Clock;
	/** From the last use of an entry. */
	readonly lifetime: Duration;
	readonly maxEntries: number;
	/** Sum of the weights of all entries; no limit when absent. */
	readonly maxWeight?: number;
}

interface Entry<V> {
	readonly value: V;
	readonly weight: number;
	readonly until: number;
}

/** Keeps what was used last, within bounds; what was not used for longest goes first. */
export class ExpiringCache<V> {
	readonly #limits: CacheLimits;
	readonly #entries = new Map<string, Entry<V>>();
	#weight = 0;

	constructor(limits: CacheLimits) {
		this.#limits = limits;
	}

	get size(): number {
		this.#expire();
		return this.#entries.size;
	}

	get weight(): number {
		this.#expire();
		return this.#weight;
	}

	/** The value, which counts as used now. */
	get(key: string): V | undefined {
		this.#expire();
		const entry = this.#entries.get(key);
		if (entry !== undefined) this.set(key, entry.value, entry.weight);
		return entry?.value;
	}

	set(key: string, value: V, weight = 1): void {
		this.delete(key);
		this.#entries.set(key, { value, weight, until: this.#limits.clock.now() + this.#limits.lifetime });
		this.#weight += weight;
		this.#expire();
		for (const eldest of this.#entries.keys()) {
			if (this.#entries.size <= this.#limits.maxEntries && this.#weight <= (this.#limits.maxWeight ?? Infinity)) break;
			if (eldest === key) break;
			this.delete(eldest);
		}
	}

	delete(key: string): void {
		const entry = this.#entries.get(key);
		if (entry === undefined) return;
		this.#weight -= entry.weight;
		this.#entries.delete(key);
	}

	deleteAll(prefix: string): void {
		for (const key of [...this.#entries.keys()]) if (key.startsWith(prefix)) this.delete(key);
	}

	/** In the order of their last use, so that the first that lives on ends the search. */
	#expire(): void {
		const now = this.#limits.clock.now();
		for (const [key, { until }] of this.#entries) {
			if (until > now) return;
			this.delete(key);
		}
	}
}
