import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import { RecordStore } from "../rsp-server/store/record-store.ts";
import { fileDisk, type StateDisk } from "../rsp-server/store/state-disk.ts";
import type { EventRecord } from "./event.ts";

/** The events of an SM-DS, one for each EID and EventID, in `<folder>/events`; those that are expired are gone. */
export class EventStore {
	readonly #records: RecordStore<EventRecord>;
	readonly #keysOf = new Map<string, Set<string>>();
	readonly #clock: Clock;
	readonly #onExpired: (event: EventRecord) => void;

	/**
	 * @param onExpired told of an event before its file is removed
	 * @throws RspServerError RSP_SERVER_STATE_DAMAGED
	 */
	constructor(stateFolder: string, clock: Clock, onExpired: (event: EventRecord) => void, disk: StateDisk = fileDisk) {
		this.#records = new RecordStore(join(stateFolder, "events"), disk);
		this.#clock = clock;
		this.#onExpired = onExpired;
		for (const event of this.#records.values()) this.#index(event);
	}

	find(eid: string, eventId: string): EventRecord | undefined {
		return this.of(eid).find((event) => event.eventId === eventId);
	}

	/** The events of one eUICC, oldest first. */
	of(eid: string): EventRecord[] {
		const keys = [...(this.#keysOf.get(eid) ?? [])];
		return this.#current(keys.flatMap((key) => this.#records.get(key) ?? []));
	}

	list(): EventRecord[] {
		return this.#current(this.#records.values());
	}

	get count(): number {
		return this.#records.values().length;
	}

	put(event: EventRecord): void {
		this.#records.put(keyOf(event), event);
		this.#index(event);
	}

	delete(event: EventRecord): void {
		const key = keyOf(event);
		this.#records.delete(key);
		const keys = this.#keysOf.get(event.eid);
		keys?.delete(key);
		if (keys?.size === 0) this.#keysOf.delete(event.eid);
	}

	#current(events: readonly EventRecord[]): EventRecord[] {
		const now = this.#clock.now();
		for (const event of events.filter(({ expiresAt }) => expiresAt <= now)) {
			this.#onExpired(event);
			this.delete(event);
		}
		return events
			.filter(({ expiresAt }) => expiresAt > now)
			.sort((a, b) => a.registeredAt - b.registeredAt || (a.eventId < b.eventId ? -1 : 1));
	}

	#index(event: EventRecord): void {
		const keys = this.#keysOf.get(event.eid) ?? new Set<string>();
		this.#keysOf.set(event.eid, keys.add(keyOf(event)));
	}
}

/** An EventID is any text; a file name is not. */
function keyOf({ eid, eventId }: EventRecord): string {
	return `${eid}-${createHash("sha256").update(eventId).digest("hex").slice(0, 32)}`;
}
