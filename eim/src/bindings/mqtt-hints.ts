import { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { MqttConnection, MqttMessage } from "@iot-esim/shared/transport/mqtt/connection";
import type { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { Seconds } from "@iot-esim/shared/util/duration";
import { DeviceRounds, type WaitingDevices } from "./device-rounds.ts";

export interface MqttHintsOptions {
	readonly topics: EsipaTopics;
	readonly waiting: WaitingDevices;
	readonly clock: Clock;
	readonly log: Logger;
}

const HINT = Uint8Array.of(1);
const NONE = new Uint8Array(0);

/**
 * Wake-up hints: a retained message on the device's topic while something waits for it. Which hints there are, the broker
 * knows: each replica hears them all, publishes what is missing and takes away what is too much, so that a restart or a
 * lost message leaves nothing wrong behind for longer than until the next change.
 */
export class MqttHints {
	readonly #options: MqttHintsOptions;
	/** Devices with a hint at the broker. */
	readonly #shown = new Set<Eid>();
	readonly #rounds: DeviceRounds;
	#connection: MqttConnection | undefined;

	constructor(options: MqttHintsOptions) {
		this.#options = options;
		this.#rounds = new DeviceRounds({
			...options,
			settle: (eid) => this.#settle(eid),
			isReady: () => this.#connection !== undefined,
			within: Seconds(30),
			atOnce: 8,
		});
	}

	start(): void {
		this.#rounds.start();
	}

	/** Resolves when nothing is under way any more. */
	stop(): Promise<void> {
		return this.#rounds.stop();
	}

	/** After each connection: what the broker knows comes as retained messages, and may have come already. */
	connected(connection: MqttConnection): void {
		this.#connection = connection;
		connection.closed.then(() => {
			if (this.#connection === connection) this.#connection = undefined;
			for (const eid of this.#shown) this.#rounds.doubt(eid);
			this.#shown.clear();
		});
		this.#rounds.look();
	}

	/** A message on `hintFilter`: a hint is there, or no longer. False for other messages. */
	take({ topic, payload }: MqttMessage): boolean {
		const { topics, log } = this.#options;
		const eid = topics.readHint(topic);
		if (eid === undefined) return false;
		if (!Eid.is(eid)) log.warn("hint for a device that cannot be", { eid });
		else if (payload.length === 0) this.#shown.delete(eid);
		else if (!this.#shown.has(eid)) {
			this.#shown.add(eid);
			this.#rounds.doubt(eid);
			this.#rounds.look();
		}
		return true;
	}

	/** Brings the hint into line with what waits; false while there is no broker. */
	async #settle(eid: Eid): Promise<boolean> {
		const { topics, waiting } = this.#options;
		const isWaiting = await waiting.isWaiting(eid);
		const connection = this.#connection;
		if (connection === undefined) return false;
		if (isWaiting === this.#shown.has(eid)) return true;
		await connection.publish({ topic: topics.hint(eid), payload: isWaiting ? HINT : NONE, qos: 1, retain: true });
		if (connection !== this.#connection) return false;
		if (isWaiting) this.#shown.add(eid);
		else this.#shown.delete(eid);
		return true;
	}
}
