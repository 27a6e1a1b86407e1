import type { Clock } from "../../runtime/clock.ts";
import type { Duration } from "../../util/duration.ts";
import { hostGroup } from "../host-group.ts";
import type { CoapChannel } from "./coap-channel.ts";
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

/**
 * Bodies under way of all peers of a server, within one bound: of the peer, or else the host, with most of them the one that
 * has not gone on for longest has to begin again.
 */
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

	/** Whose room a peer takes: that of the key which it has proven, else that of its host. */
	static ownerOf({ remoteAddress, proven }: Pick<CoapChannel, "remoteAddress" | "proven">): string {
		if (proven?.pskIdentity !== undefined) return `key ${proven.pskIdentity}`;
		return hostGroup(remoteAddress.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""));
	}

	/** A name for the keys of a new peer. */
	nextPeer(): string {
		return `${this.#peers++}`;
	}
}
