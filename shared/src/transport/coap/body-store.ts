import type { Clock } from "../../runtime/clock.ts";
import type { Duration } from "../../util/duration.ts";
import { ExpiringCache } from "./expiring-cache.ts";

/** A body of which not all blocks are here yet. */
export interface Assembly {
	readonly parts: Uint8Array[];
	length: number;
}

/** A whole answer whose blocks are fetched one by one. */
export interface KeptAnswer {
	readonly payload: Uint8Array;
	readonly code: number;
	readonly etag: Uint8Array;
	readonly contentFormat: number | undefined;
	readonly maxAge: number | undefined;
}

/** Bodies under way of all peers of a server, within one bound: who has not gone on for longest has to begin again. */
export class BodyStore {
	readonly assemblies: ExpiringCache<Assembly>;
	readonly answers: ExpiringCache<KeptAnswer>;
	#peers = 0;

	/** @param maxOctets of each kind */
	constructor({ clock, lifetime, maxOctets }: { clock: Clock; lifetime: Duration; maxOctets: number }) {
		const limits = { clock, lifetime, maxEntries: 10_000, maxWeight: maxOctets };
		this.assemblies = new ExpiringCache(limits);
		this.answers = new ExpiringCache(limits);
	}

	/** A name for the keys of a new peer. */
	nextPeer(): string {
		return `${this.#peers++}`;
	}
}
