import { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { CoapReply, CoapResponse } from "@iot-esim/shared/transport/coap/coap-face";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { WaitingDevices } from "./mqtt-hints.ts";

/** A device that wants to be told. */
interface Observer {
	readonly notify: (response: CoapResponse) => void;
	/** What it was told last. */
	isWaiting: boolean;
}

/** How soon changes of other replicas are seen. */
const LOOK_AGAIN = Seconds(5);

/**
 * Whether something waits for a device, as a resource that the device observes (RFC 7641) as long as it stays reachable: one
 * octet 01 when something does, no payload when nothing does.
 */
export class CoapHints {
	readonly #waiting: WaitingDevices;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #observers = new Map<string, Set<Observer>>();
	#running: Promise<void> | undefined;
	#isWoken = false;
	#stopLooking: (() => void) | undefined;

	constructor({ waiting, clock, log }: { waiting: WaitingDevices; clock: Clock; log: Logger }) {
		this.#waiting = waiting;
		this.#clock = clock;
		this.#log = log;
	}

	/** The state for a device, which may observe it. */
	async state(eid: Eid): Promise<CoapReply> {
		const isWaiting = await this.#waiting.isWaiting(eid);
		return {
			...stateOf(isWaiting),
			observe: (notify) => {
				const observer: Observer = { notify, isWaiting };
				const observers = this.#observers.get(eid) ?? new Set();
				this.#observers.set(eid, observers.add(observer));
				this.#startLooking();
				// What has changed since the answer was made.
				void this.#settle(eid);
				return () => this.#forget(eid, observer);
			},
		};
	}

	/** Resolves when nothing is under way any more. */
	async stop(): Promise<void> {
		this.#observers.clear();
		this.#stopLooking?.();
		this.#stopLooking = undefined;
		await this.#running;
	}

	#forget(eid: string, observer: Observer): void {
		const observers = this.#observers.get(eid);
		observers?.delete(observer);
		if (observers?.size === 0) this.#observers.delete(eid);
		if (this.#observers.size > 0) return;
		this.#stopLooking?.();
		this.#stopLooking = undefined;
	}

	#startLooking(): void {
		if (this.#stopLooking !== undefined) return;
		const stopListening = this.#waiting.onChange(() => this.#look());
		let cancel = () => {};
		const again = () => {
			this.#look();
			cancel = this.#clock.schedule(LOOK_AGAIN, again);
		};
		again();
		this.#stopLooking = () => {
			stopListening();
			cancel();
		};
	}

	#look(): void {
		this.#isWoken = true;
		this.#running ??= this.#run().finally(() => {
			this.#running = undefined;
		});
	}

	async #run(): Promise<void> {
		while (this.#isWoken) {
			this.#isWoken = false;
			try {
				for (const eid of await this.#waiting.changed()) await this.#settle(eid);
			} catch (error) {
				this.#log.warn("observers not told", { error });
			}
		}
	}

	async #settle(eid: string): Promise<void> {
		if (!this.#observers.has(eid)) return;
		const isWaiting = await this.#waiting.isWaiting(eid).catch((error) => {
			this.#log.warn("observers not told", { eid, error });
		});
		for (const observer of this.#observers.get(eid) ?? []) {
			if (isWaiting === undefined || observer.isWaiting === isWaiting) continue;
			observer.isWaiting = isWaiting;
			observer.notify(stateOf(isWaiting));
		}
	}
}

function stateOf(isWaiting: boolean): CoapResponse {
	return isWaiting ? { code: "2.05", payload: Uint8Array.of(1) } : { code: "2.05" };
}

/** The device that asks: the one whose key it has, or the one that the query names. */
export function observingEid(query: readonly string[], proven: Eid | undefined): Eid | undefined {
	const [named] = query;
	if (named === undefined) return proven;
	if (!Eid.is(named) || (proven !== undefined && proven !== named)) return undefined;
	return Eid(named);
}
