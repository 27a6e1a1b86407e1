import type { Clock } from "../../runtime/clock.ts";
import type { Duration } from "../../util/duration.ts";
import { peerOwner } from "../peer-owner.ts";
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

export interface BodyStoreOptions {
	readonly clock: Clock;
	readonly lifetime: Duration;
	/** Of each kind. */
	readonly maxOctets: number;
	/** The server takes certificates that anybody can make: they give no share of their own. */
	readonly takesAnyKey?: boolean;
}

/**
 * Bodies under way of all peers of a server, within one bound: the one that has not gone on for longest has to begin again,
 * of all or of the peer, or else the host, that has more than half.
 */
export class BodyStore {
	readonly assemblies: ExpiringCache<Assembly>;
	readonly answers: ExpiringCache<KeptAnswer>;
	readonly #takesAnyKey: boolean;
	#peers = 0;

	constructor({ clock, lifetime, maxOctets, takesAnyKey = false }: BodyStoreOptions) {
		this.#takesAnyKey = takesAnyKey;
		const limits = { clock, lifetime, maxEntries: 10_000, maxWeight: maxOctets };
		this.assemblies = new ExpiringCache(limits);
		this.answers = new ExpiringCache(limits);
	}

	/** Whose room a peer takes: that of what it has proven to be, else that of its host. */
	ownerOf({ remoteAddress, proven }: Pick<CoapChannel, "remoteAddress" | "proven">): string {
		const provesNothing = proven?.pskIdentity === undefined && this.#takesAnyKey;
		return peerOwner(remoteAddress.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""), provesNothing ? undefined : proven);
	}

	/** A name for the keys of a new peer. */
	nextPeer(): string {
		return `${this.#peers++}`;
	}
}
