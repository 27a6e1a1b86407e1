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
	readonly owner: string;
}

/** What all entries of one owner come to. */
interface Share {
	entries: number;
	weight: number;
}

/**
 * Keeps what was used last, within bounds: where there is too much, the one not used for longest goes, of all or of an
 * owner who has more than half of what there may be.
 */
export class ExpiringCache<V> {
	readonly #limits: CacheLimits;
	/** In the order of their last use. */
	readonly #entries = new Map<string, Entry<V>>();
	readonly #shares = new Map<string, Share>();
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
		if (entry !== undefined) this.set(key, entry.value, entry.weight, entry.owner);
		return entry?.value;
	}

	set(key: string, value: V, weight = 1, owner = ""): void {
		const { clock, lifetime, maxEntries, maxWeight = Infinity } = this.#limits;
		this.delete(key);
		this.#entries.set(key, { value, weight, until: clock.now() + lifetime, owner });
		const share = this.#shares.get(owner) ?? { entries: 0, weight: 0 };
		this.#shares.set(owner, share);
		this.#count(share, 1, weight);
		this.#expire();
		while (this.#entries.size > 1) {
			if (this.#weight > maxWeight) this.#giveUp("weight", maxWeight, key);
			else if (this.#entries.size > maxEntries) this.#giveUp("entries", maxEntries, key);
			else return;
		}
	}

	delete(key: string): void {
		const entry = this.#entries.get(key);
		if (entry === undefined) return;
		this.#entries.delete(key);
		const share = this.#shares.get(entry.owner);
		if (share === undefined) return;
		this.#count(share, -1, -entry.weight);
		if (share.entries === 0) this.#shares.delete(entry.owner);
	}

	#count(share: Share, entries: number, weight: number): void {
		share.entries += entries;
		share.weight += weight;
		this.#weight += weight;
	}

	/** @param newest is kept, so that another one goes where its owner has nothing else */
	#giveUp(what: keyof Share, maximum: number, newest: string): void {
		let crowd: string | undefined;
		let most = maximum / 2;
		for (const [owner, share] of this.#shares) if (share[what] > most) [crowd, most] = [owner, share[what]];
		let eldest: string | undefined;
		for (const [key, { owner }] of this.#entries) {
			if (key === newest) continue;
			eldest ??= key;
			if (crowd === undefined) break;
			if (owner !== crowd) continue;
			eldest = key;
			break;
		}
		if (eldest !== undefined) this.delete(eldest);
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
