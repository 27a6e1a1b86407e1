import { Eid } from "@iot-esim/shared/ids/eid";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { MqttMessage } from "@iot-esim/shared/transport/mqtt/connection";
import type { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { encodeRefusal } from "@iot-esim/shared/transport/mqtt/refusal";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { EsipaHandler } from "../esipa/handler.ts";
import { LARGEST_ESIPA_REQUEST } from "./http-asn1.ts";

export interface MqttBindingDeps {
	readonly handler: EsipaHandler;
	readonly topics: EsipaTopics;
	readonly log: Logger;
	/** Requests worked on at once. */
	readonly concurrency: number;
}

/** Requests of one device that are heard at once; a device asks for one thing at a time, a broker may deliver it twice. */
const PER_DEVICE = 4;
/** Requests that wait for their turn, for each that is worked on. */
const WAITING = 16;
const NONE = new Uint8Array(0);

/** ESipa over MQTT as docs/operations/mqtt.md specifies it: a request as the broker delivers it, the answer to publish. */
export class MqttBinding {
	readonly #deps: MqttBindingDeps;
	readonly #waiting: (() => void)[] = [];
	readonly #ofDevice = new Map<string, number>();
	#running = 0;

	constructor(deps: MqttBindingDeps) {
		this.#deps = deps;
	}

	/** The answer to a request; undefined for a message that is none. Never throws. */
	async answer(request: MqttMessage): Promise<MqttMessage | undefined> {
		const { topics, log } = this.#deps;
		const read = topics.readUp(request.topic);
		// Nobody asks by a message that the broker has kept: it would be asked again after each connection.
		if (read?.kind !== "request" || request.retain === true) return undefined;
		const { eid, answerTopic } = read;
		const { qos, correlation, responseTopic } = request;
		const isForeign = responseTopic !== undefined && !topics.isOf(eid, responseTopic);
		const payload = isForeign
			? refusal(403, "answers go to topics of the device itself")
			: await this.#inTurn(eid, () => this.#payload(eid, request.payload));
		const topic = isForeign ? answerTopic : (responseTopic ?? answerTopic);
		log.debug("request answered", { eid, octets: payload.length });
		return { topic, payload, qos, ...(correlation === undefined ? {} : { correlation }) };
	}

	async #payload(eid: string, message: Uint8Array): Promise<Uint8Array> {
		const { handler, log } = this.#deps;
		if (message.length > LARGEST_ESIPA_REQUEST) {
			return refusal(413, `an ESipa request has at most ${LARGEST_ESIPA_REQUEST} octets`);
		}
		if (!Eid.is(eid)) return refusal(400, "the topic names no EID");
		try {
			// The broker lets nobody else write to the topic.
			const peer = { remoteAddress: `mqtt:${eid}`, provenEid: eid, link: "mqtt" } as const;
			return (await handler.handle(message, peer)) ?? NONE;
		} catch (error) {
			const status = error instanceof EsimError ? error.httpStatus : 500;
			if (status >= 500) log.error("request failed", { eid, status, error });
			else log.warn("request refused", { eid, status, error });
			return refusal(status, status >= 500 ? "try again later" : (error as Error).message);
		}
	}

	/** Bounds what is worked on and what waits, so that no device keeps the eIM from others. */
	async #inTurn(eid: string, work: () => Promise<Uint8Array>): Promise<Uint8Array> {
		const { concurrency } = this.#deps;
		const ofDevice = this.#ofDevice.get(eid) ?? 0;
		if (ofDevice >= PER_DEVICE) return refusal(429, "one request after the other");
		if (this.#running >= concurrency && this.#waiting.length >= concurrency * WAITING) {
			return refusal(503, "try again later");
		}
		this.#ofDevice.set(eid, ofDevice + 1);
		try {
			if (this.#running >= concurrency) await new Promise<void>((resolve) => this.#waiting.push(resolve));
			else this.#running++;
			return await work();
		} finally {
			// The place goes on to the next one, or is free.
			const next = this.#waiting.shift();
			if (next === undefined) this.#running--;
			else next();
			const left = (this.#ofDevice.get(eid) ?? 1) - 1;
			if (left === 0) this.#ofDevice.delete(eid);
			else this.#ofDevice.set(eid, left);
		}
	}
}

function refusal(status: number, text: string): Uint8Array {
	return encodeRefusal({ status, text });
}
