import { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { CoapReply, CoapResponse } from "@iot-esim/shared/transport/coap/coap-face";
import { Seconds } from "@iot-esim/shared/util/duration";
import { DeviceRounds, type WaitingDevices } from "./device-rounds.ts";

/** A device that wants to be told. */
interface Observer {
	readonly notify: (response: CoapResponse) => void;
	/** What it was told last. */
	isWaiting: boolean;
}

/**
 * Whether something waits for a device, as a resource that the device observes (RFC 7641) as long as it stays reachable: one
 * octet 01 when something does, no payload when nothing does.
 */
export class CoapHints {
	readonly #waiting: WaitingDevices;
	readonly #observers = new Map<Eid, Set<Observer>>();
	readonly #rounds: DeviceRounds;
	readonly #log: Logger;

	constructor({ waiting, clock, log }: { waiting: WaitingDevices; clock: Clock; log: Logger }) {
		this.#waiting = waiting;
		this.#log = log;
		const settle = (eid: Eid) => this.#settle(eid);
		this.#rounds = new DeviceRounds({ waiting, settle, within: Seconds(30), atOnce: 8, clock, log });
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
				this.#rounds.start();
				// What has changed since the answer was made.
				this.#rounds.doubt(eid);
				this.#rounds.look();
				return () => this.#forget(eid, observer);
			},
		};
	}

	/** Resolves when nothing is under way any more. */
	stop(): Promise<void> {
		this.#observers.clear();
		return this.#rounds.stop();
	}

	#forget(eid: Eid, observer: Observer): void {
		const observers = this.#observers.get(eid);
		observers?.delete(observer);
		if (observers?.size === 0) this.#observers.delete(eid);
		if (this.#observers.size === 0) void this.#rounds.stop();
	}

	async #settle(eid: Eid): Promise<boolean> {
		if (!this.#observers.has(eid)) return true;
		const isWaiting = await this.#waiting.isWaiting(eid);
		let isTold = true;
		for (const observer of this.#observers.get(eid) ?? []) {
			if (observer.isWaiting === isWaiting) continue;
			try {
				observer.notify(stateOf(isWaiting));
				observer.isWaiting = isWaiting;
			} catch (error) {
				isTold = false;
				this.#log.warn("observer not told yet", { eid, error });
			}
		}
		return isTold;
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
