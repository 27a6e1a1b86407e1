import type { Clock } from "../../../runtime/clock.ts";
import { toHex } from "../../../util/bytes.ts";
import type { Duration } from "../../../util/duration.ts";

/**
 * Sessions that a server can resume, by their id. What is stored holds the master secret. Replicas that share a store
 * resume each other's sessions.
 */
export interface DtlsSessionStore {
	keep(id: Uint8Array, session: Uint8Array): void;
	find(id: Uint8Array): Uint8Array | undefined;
	forget(id: Uint8Array): void;
}

interface Kept {
	readonly session: Uint8Array;
	readonly until: number;
}

/** In memory, for `lifetime` and at most `maximum` of them: the oldest goes first. */
export class MemorySessionStore implements DtlsSessionStore {
	readonly #clock: Clock;
	readonly #lifetime: Duration;
	readonly #maximum: number;
	readonly #sessions = new Map<string, Kept>();

	constructor(clock: Clock, lifetime: Duration, maximum: number) {
		this.#clock = clock;
		this.#lifetime = lifetime;
		this.#maximum = maximum;
	}

	keep(id: Uint8Array, session: Uint8Array): void {
		const key = toHex(id);
		this.#sessions.delete(key);
		this.#sessions.set(key, { session, until: this.#clock.now() + this.#lifetime });
		for (const [oldest, { until }] of this.#sessions) {
			if (this.#sessions.size <= this.#maximum && until > this.#clock.now()) break;
			this.#sessions.delete(oldest);
		}
	}

	find(id: Uint8Array): Uint8Array | undefined {
		const kept = this.#sessions.get(toHex(id));
		if (kept !== undefined && kept.until > this.#clock.now()) return kept.session;
		this.forget(id);
		return undefined;
	}

	forget(id: Uint8Array): void {
		this.#sessions.delete(toHex(id));
	}
}
