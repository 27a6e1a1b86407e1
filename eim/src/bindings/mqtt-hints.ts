import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { MqttConnection, MqttMessage } from "@iot-esim/shared/transport/mqtt/connection";
import type { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";

/** For which devices something waits. */
export interface WaitingDevices {
	/** EIDs for which something may have begun or ceased to wait since the call before; the first names all that do wait. */
	changed(): Promise<readonly string[]>;
	isWaiting(eid: string): Promise<boolean>;
	/** Calls back when `changed` may have something; the returned function ends it. */
	onChange(listener: () => void): () => void;
}

const HINT = Uint8Array.of(1);
const NONE = new Uint8Array(0);

/**
 * Wake-up hints: a retained message on the device's topic while something waits for it. Which hints there are, the broker
 * knows: each replica hears them all, publishes what is missing and takes away what is too much, so that a restart or a
 * lost message leaves nothing wrong behind for longer than until the next change.
 */
export class MqttHints {
	readonly #topics: EsipaTopics;
	readonly #waiting: WaitingDevices;
	readonly #log: Logger;
	/** Devices with a hint at the broker. */
	readonly #shown = new Set<string>();
	/** Devices to look at. */
	readonly #doubtful = new Set<string>();
	#connection: MqttConnection | undefined;
	#running: Promise<void> | undefined;
	#isWoken = false;

	constructor(topics: EsipaTopics, waiting: WaitingDevices, log: Logger) {
		this.#topics = topics;
		this.#waiting = waiting;
		this.#log = log;
	}

	/** After each connection: what the broker knows comes as retained messages, and may have come already. */
	connected(connection: MqttConnection): void {
		this.#connection = connection;
		connection.closed.then(() => {
			for (const eid of this.#shown) this.#doubtful.add(eid);
			this.#shown.clear();
		});
		this.look();
	}

	/** A message on `hintFilter`: a hint is there, or no longer. False for other messages. */
	take({ topic, payload }: MqttMessage): boolean {
		const eid = this.#topics.readHint(topic);
		if (eid === undefined) return false;
		if (payload.length === 0) this.#shown.delete(eid);
		else if (!this.#shown.has(eid)) {
			this.#shown.add(eid);
			this.#doubtful.add(eid);
			this.look();
		}
		return true;
	}

	/** Brings the hints into line with what waits; one run at a time. */
	look(): void {
		this.#isWoken = true;
		this.#running ??= this.#run().finally(() => {
			this.#running = undefined;
		});
	}

	/** Resolves when nothing is under way. */
	async idle(): Promise<void> {
		while (this.#running !== undefined) await this.#running;
	}

	async #run(): Promise<void> {
		while (this.#isWoken) {
			this.#isWoken = false;
			try {
				for (const eid of await this.#waiting.changed()) this.#doubtful.add(eid);
				for (const eid of this.#doubtful) await this.#settle(eid);
			} catch (error) {
				this.#log.warn("hints not renewed", { error });
			}
		}
	}

	async #settle(eid: string): Promise<void> {
		const connection = this.#connection;
		if (connection === undefined) return;
		const isWaiting = await this.#waiting.isWaiting(eid);
		if (isWaiting !== this.#shown.has(eid)) {
			await connection.publish({
				topic: this.#topics.hint(eid),
				payload: isWaiting ? HINT : NONE,
				qos: 1,
				retain: true,
			});
			if (isWaiting) this.#shown.add(eid);
			else this.#shown.delete(eid);
		}
		this.#doubtful.delete(eid);
	}
}
