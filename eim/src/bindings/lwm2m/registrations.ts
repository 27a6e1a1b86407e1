import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import { type Duration, Hours, Milliseconds } from "@iot-esim/shared/util/duration";

/** One device that is registered here. */
export interface Registration {
	/** Second segment of its path: /rd/<id>. */
	readonly id: string;
	readonly endpoint: string;
	readonly eid: Eid;
	readonly lifetime: Duration;
}

/** Timers of Node end after 24 days; a registration may last longer. */
const LONGEST_TIMER = Hours(500);

/** Who is registered, each by its path, its endpoint name and its EID; bounded, and gone when its lifetime ends. */
export class Registrations<R extends Registration> {
	readonly #clock: Clock;
	readonly #max: number;
	readonly #onEnd: (registration: R) => void;
	readonly #byId = new Map<string, { readonly registration: R; cancel: () => void }>();
	readonly #byEndpoint = new Map<string, R>();
	readonly #byEid = new Map<string, R>();

	/** @param onEnd told of every registration that is over, however it ended */
	constructor({ clock, max, onEnd }: { clock: Clock; max: number; onEnd: (registration: R) => void }) {
		this.#clock = clock;
		this.#max = max;
		this.#onEnd = onEnd;
	}

	get size(): number {
		return this.#byId.size;
	}

	/** Takes the place of an older one of the same endpoint or EID. False when there is no room. */
	add(registration: R): boolean {
		const former = [this.#byEndpoint.get(registration.endpoint), this.#byEid.get(registration.eid)];
		for (const one of former) if (one !== undefined) this.remove(one.id);
		if (this.#byId.size >= this.#max) return false;
		this.#byEndpoint.set(registration.endpoint, registration);
		this.#byEid.set(registration.eid, registration);
		this.#byId.set(registration.id, { registration, cancel: () => undefined });
		this.renew(registration.id, registration.lifetime);
		return true;
	}

	find(id: string): R | undefined {
		return this.#byId.get(id)?.registration;
	}

	ofEid(eid: string): R | undefined {
		return this.#byEid.get(eid);
	}

	/** Its lifetime begins anew. */
	renew(id: string, lifetime: Duration): void {
		const entry = this.#byId.get(id);
		if (entry === undefined) return;
		entry.cancel();
		const until = this.#clock.now() + lifetime;
		const wait = () => {
			const left = until - this.#clock.now();
			if (left <= 0) return this.remove(id);
			entry.cancel = this.#clock.schedule(Milliseconds(Math.min(left, LONGEST_TIMER)), wait);
		};
		wait();
	}

	remove(id: string): void {
		const entry = this.#byId.get(id);
		if (entry === undefined) return;
		const { registration } = entry;
		entry.cancel();
		this.#byId.delete(id);
		if (this.#byEndpoint.get(registration.endpoint) === registration) this.#byEndpoint.delete(registration.endpoint);
		if (this.#byEid.get(registration.eid) === registration) this.#byEid.delete(registration.eid);
		this.#onEnd(registration);
	}

	close(): void {
		for (const id of [...this.#byId.keys()]) this.remove(id);
	}
}
