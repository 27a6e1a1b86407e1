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
	/** Longest wait for a device's answer. */
	readonly timeout: Duration;
	readonly clock: Clock;
}

interface Waiting {
	readonly resolve: (answer: Uint8Array) => void;
	readonly reject: (error: Error) => void;
}

const NUMBERS = 100_000_000;

/** ESipa.TransferEimPackage over MQTT: to a topic of the device, the answer on one of this replica. */
export class MqttInjector {
	readonly #deps: MqttInjectorDeps;
	/** By EID and number. */
	readonly #waiting = new Map<string, Waiting>();
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
		const answered = new Promise<Uint8Array>((resolve, reject) => {
			this.#waiting.set(key, { resolve, reject });
			cancel = clock.schedule(timeout, () => reject(unreachable(eid, `no answer within ${timeout} ms`)));
		});
		// Its rejection is looked at below, also when publishing fails first.
		answered.catch(() => undefined);
		try {
			const isHeard = await this.#publish(eid, { topic, payload: message, qos: 1, expiry: timeout });
			if (!isHeard) throw unreachable(eid, "it is not connected");
			return messageIn(eid, await answered);
		} finally {
			cancel?.();
			this.#waiting.delete(key);
		}
	}

	/** A message on `transferAnswerFilter`. */
	take({ topic, payload }: MqttMessage): void {
		const read = this.#deps.topics.readUp(topic);
		if (read?.kind === "transferAnswer") this.#waiting.get(keyOf(read.eid, read.number))?.resolve(payload);
	}

	async #publish(eid: Eid, message: MqttMessage): Promise<boolean> {
		try {
			return await (await this.#deps.connection()).publish(message);
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
