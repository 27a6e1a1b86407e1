import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { AttachStep } from "./network.ts";
import type { RejectCause } from "./reject-cause.ts";

/** What happened to one device, in the past tense. */
export type DeviceEvent =
	| { readonly type: "card-inserted"; readonly atr: string }
	| { readonly type: "card-removed"; readonly reason: string }
	| { readonly type: "card-read"; readonly iccid?: string; readonly imsi?: string }
	| { readonly type: "card-unusable"; readonly reason: string }
	| { readonly type: "refreshed"; readonly mode: string }
	| (AttachStep & { readonly plmn: string; readonly imsi: string })
	| { readonly type: "attached"; readonly plmn: string; readonly imsi: string; readonly iccid: string }
	| {
			readonly type: "rejected";
			readonly plmn: string;
			readonly imsi: string;
			readonly cause: RejectCause;
			readonly reason: string;
	  }
	| { readonly type: "no-coverage"; readonly imsi: string }
	| { readonly type: "detached"; readonly reason: DetachReason; readonly resetTunnels: number }
	| { readonly type: "ipa-connected" }
	| { readonly type: "ipa-disconnected"; readonly reason: string }
	| { readonly type: "place-changed"; readonly place: string }
	| { readonly type: "power-changed"; readonly isOn: boolean }
	| {
			readonly type: "short-message-received";
			readonly from: string;
			/** Destination port of the application. */
			readonly port?: number;
			readonly octetsHex: string;
	  }
	| { readonly type: "channel-opened"; readonly channel: number; readonly destination: string }
	| { readonly type: "channel-refused"; readonly destination: string; readonly reason: string }
	| { readonly type: "channel-closed"; readonly channel: number }
	| { readonly type: "tunnel-opened"; readonly destination: string }
	| { readonly type: "tunnel-refused"; readonly destination: string; readonly reason: string };

export type DetachReason = "refresh" | "coverage-lost" | "card-removed" | "powered-off" | "stopped";

/** An event with its number (rising by one over all devices), its time and its device. */
export type NetworkEvent = { readonly id: number; readonly at: number; readonly device: string } & DeviceEvent;

/** Keeps the last events and tells listeners of new ones. */
export class EventLog {
	readonly #clock: Clock;
	readonly #kept: NetworkEvent[] = [];
	readonly #capacity: number;
	readonly #listeners = new Set<(event: NetworkEvent) => void>();
	#last = 0;

	constructor(clock: Clock, capacity = 2_000) {
		this.#clock = clock;
		this.#capacity = capacity;
	}

	record(device: string, event: DeviceEvent): void {
		const numbered = { id: ++this.#last, at: this.#clock.now(), device, ...event };
		this.#kept.push(numbered);
		if (this.#kept.length > this.#capacity) this.#kept.shift();
		for (const listener of [...this.#listeners]) listener(numbered);
	}

	/** The kept events with a number above `id`. */
	since(id = 0): readonly NetworkEvent[] {
		return this.#kept.filter((event) => event.id > id);
	}

	/** Calls `listener` for every new event; the returned function ends that. */
	subscribe(listener: (event: NetworkEvent) => void): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}
}
