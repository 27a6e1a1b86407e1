import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { MqttConnection, MqttMessage } from "@iot-esim/shared/transport/mqtt/connection";
import type { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { decodeRefusal } from "@iot-esim/shared/transport/mqtt/refusal";
import type { Duration } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { InjectError } from "./errors.ts";

export interface MqttInjectorDeps {
	readonly topics: EsipaTopics;
	/** Names this replica in topics: the answer must come to whoever has asked. */
	readonly replica: string;
	readonly connection: () => Promise<MqttConnection>;
	/** Longest time for one message and its answer, the broker's acknowledgement included. */
	readonly timeout: Duration;
	readonly clock: Clock;
}

const NUMBERS = 100_000_000;

/** ESipa.TransferEimPackage over MQTT: to a topic of the device, the answer on one of this replica. */
export class MqttInjector {
	readonly #deps: MqttInjectorDeps;
	/** By EID and number. */
	readonly #waiting = new Map<string, (answer: Uint8Array) => void>();
	#last = 0;

	constructor(deps: MqttInjectorDeps) {
		this.#deps = deps;
	}

	/**
	 * One TransferEimPackageRequest (BF4E); the whole answer.
	 * @throws InjectError
	 */
	async transfer(eid: Eid, message: Uint8Array): Promise<Uint8Array> {
		const { topics, replica, timeout, clock } = this.#deps;
		this.#last = (this.#last + 1) % NUMBERS;
		const key = keyOf(eid, String(this.#last));
		const topic = topics.transfer(eid, replica, this.#last);
		let cancel: (() => void) | undefined;
		let late = "the broker has not taken the message";
		try {
			const answer = await new Promise<Uint8Array>((resolve, reject) => {
				this.#waiting.set(key, resolve);
				cancel = clock.schedule(timeout, () => reject(unreachable(eid, `${late} within ${timeout} ms`)));
				// An answer may overtake the acknowledgement of the broker.
				this.#publish(key, eid, { topic, payload: message, qos: 1, expiry: timeout }).then((isHeard) => {
					late = "no answer";
					if (!isHeard) reject(unreachable(eid, "it is not connected"));
				}, reject);
			});
			return messageIn(eid, answer);
		} finally {
			cancel?.();
			this.#waiting.delete(key);
		}
	}

	/** A message on `transferAnswerFilter`. */
	take({ topic, payload }: MqttMessage): void {
		const read = this.#deps.topics.readUp(topic);
		if (read?.kind === "transferAnswer") this.#waiting.get(keyOf(read.eid, read.number))?.(payload);
	}

	async #publish(key: string, eid: Eid, message: MqttMessage): Promise<boolean> {
		try {
			const connection = await this.#deps.connection();
			// What was given up meanwhile is not brought behind the back of whoever asked.
			return this.#waiting.has(key) && (await connection.publish(message));
		} catch (cause) {
			throw unreachable(eid, cause instanceof EsimError ? cause.message : String(cause), cause);
		}
	}
}

function keyOf(eid: string, number: string): string {
	return `${eid}/${number}`;
}

function messageIn(eid: Eid, payload: Uint8Array): Uint8Array {
	const refusal = decodeRefusal(payload);
	if (refusal === undefined) return payload;
	const said = `${refusal.status}: ${refusal.text}`;
	throw new InjectError("INJECT_REFUSED", `the IPA of ${eid} refuses over MQTT with ${said}`);
}

function unreachable(eid: Eid, why: string, cause?: unknown): InjectError {
	return new InjectError("INJECT_UNREACHABLE", `the IPA of ${eid} is not reached over MQTT: ${why}`, { cause });
}
