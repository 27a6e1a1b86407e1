import type { Eid } from "@iot-esim/shared/ids/eid";
import { type Clock, sleep } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { MqttConnection, MqttMessage, OpenMqtt } from "@iot-esim/shared/transport/mqtt/connection";
import { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { MqttSession } from "@iot-esim/shared/transport/mqtt/session";
import { toHex } from "@iot-esim/shared/util/bytes";
import { type Duration, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import type { EsipaHandler } from "../esipa/handler.ts";
import type { PackageInjector } from "../esipa/inject-packages.ts";
import type { WaitingDevices } from "./device-rounds.ts";
import { MqttBinding } from "./mqtt.ts";
import { MqttHints } from "./mqtt-hints.ts";
import { MqttInjector } from "./mqtt-inject.ts";

export interface MqttFaceDeps {
	readonly handler: EsipaHandler;
	/** How to call the broker in logs. */
	readonly broker: string;
	readonly open: OpenMqtt;
	/** First levels of every topic. */
	readonly prefix: string;
	/** Replicas with the same group share the requests of all devices; empty for a broker without shared subscriptions. */
	readonly shareGroup: string;
	/** Requests worked on at once. */
	readonly concurrency: number;
	/** Longest wait for a device that a package was brought to. */
	readonly injectTimeout: Duration;
	/** For which devices a hint shall be at the broker; no hints without it. */
	readonly waiting?: WaitingDevices | undefined;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly log: Logger;
}

const LONGEST_STOP = Seconds(10);

/** All that devices reach over MQTT, and by which the eIM reaches them. */
export class MqttFace implements PackageInjector {
	readonly #deps: MqttFaceDeps;
	readonly #session: MqttSession;
	readonly #binding: MqttBinding;
	readonly #injector: MqttInjector;
	readonly #hints: MqttHints | undefined;
	readonly #answering = new Set<Promise<void>>();

	constructor(deps: MqttFaceDeps) {
		const { prefix, shareGroup, clock, random, log, waiting } = deps;
		const topics = new EsipaTopics(prefix);
		const replica = toHex(random.bytes(3)).toLowerCase();
		this.#deps = deps;
		this.#binding = new MqttBinding({ ...deps, topics });
		this.#hints = waiting && new MqttHints({ topics, waiting, clock, log });
		this.#session = new MqttSession({
			name: deps.broker,
			open: deps.open,
			filters: [
				...topics.requestFilters(shareGroup),
				topics.transferAnswerFilter(replica),
				...(waiting === undefined ? [] : [topics.hintFilter]),
			],
			onMessage: (message) => this.#take(message),
			onConnected: (connection) => this.#hints?.connected(connection),
			retryAfter: Seconds(1),
			retryAtMost: Minutes(1),
			clock,
			random,
			log,
		});
		const connection = () => this.#session.connection();
		this.#injector = new MqttInjector({ topics, replica, connection, timeout: deps.injectTimeout, clock });
	}

	/** Connects, and goes on trying: no broker is no reason for an eIM not to start. */
	start(): void {
		this.#session.start();
		this.#hints?.start();
	}

	get isConnected(): boolean {
		return this.#session.isConnected;
	}

	/** Resolves when connected and subscribed. */
	async connected(): Promise<MqttConnection> {
		return this.#session.connection();
	}

	/**
	 * One TransferEimPackageRequest (BF4E) to the IPA of a device, whose address says no more than `mqtt:`; the whole answer.
	 * @throws InjectError
	 */
	transfer(_address: unknown, message: Uint8Array, eid: Eid): Promise<Uint8Array> {
		return this.#injector.transfer(eid, message);
	}

	/** Answers what it has taken, as far as that takes no more than 10 s, then says goodbye to the broker. */
	async stop(): Promise<void> {
		const answered = new AbortController();
		const longEnough = sleep(this.#deps.clock, LONGEST_STOP, answered.signal).catch(() => undefined);
		await Promise.race([Promise.all([this.#hints?.stop(), ...this.#answering]), longEnough]);
		answered.abort();
		await this.#session.stop();
	}

	#take(message: MqttMessage): void {
		if (this.#hints?.take(message)) return;
		this.#injector.take(message);
		const answering = this.#answer(message).catch((error) => this.#deps.log.warn("answer not sent", { error }));
		this.#answering.add(answering);
		answering.finally(() => this.#answering.delete(answering));
	}

	async #answer(message: MqttMessage): Promise<void> {
		const answer = await this.#binding.answer(message);
		if (answer !== undefined) await (await this.#session.connection()).publish(answer);
	}
}
