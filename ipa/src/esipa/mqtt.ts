import { readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { TransportError } from "@iot-esim/shared/transport/errors";
import type { MqttConnection, MqttMessage, OpenMqtt } from "@iot-esim/shared/transport/mqtt/connection";
import { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { decodeRefusal, encodeRefusal } from "@iot-esim/shared/transport/mqtt/refusal";
import { MqttSession } from "@iot-esim/shared/transport/mqtt/session";
import { type Duration, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";
import { LARGEST_TRANSFER } from "./transfer-face.ts";

export interface MqttLinkOptions {
	/** How to call the broker in logs. */
	readonly broker: string;
	readonly open: OpenMqtt;
	/** 32 digits: names the device in topics. */
	readonly eid: string;
	/** First levels of every topic, as the eIM has them. */
	readonly prefix: string;
	/** Quality of service of requests; the eIM answers with the same. */
	readonly qos: 0 | 1;
	/** Longest time for one exchange. */
	readonly timeout: Duration;
	/** The connection ends after such a time without an exchange; it stays, for hints and packages, when absent. */
	readonly idle?: Duration | undefined;
	/** The eIM has something: poll. Called no more often than once in `hintInterval`. */
	readonly onHint?: (() => void) | undefined;
	/** 10 s when absent. */
	readonly hintInterval?: Duration;
	/**
	 * Takes a TransferEimPackageRequest; its answer. That the eIM has sent it, the broker's access list says.
	 * @throws EsimError whose httpStatus is the answer then
	 */
	readonly onTransfer?: ((message: Uint8Array) => Promise<Uint8Array>) | undefined;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly log: Logger;
}

/** What a request waits for. */
interface Waiting {
	readonly tag: number;
	readonly resolve: (payload: Uint8Array) => void;
	readonly fail: (error: unknown) => void;
	/** Over which it was sent. */
	connection?: MqttConnection;
}

interface Sending {
	/** From then on it may have arrived. */
	hasBegun: boolean;
}

/** Numbers of requests go round; the answers to so many before are gone by then. */
const NUMBERS = 100;
/** Packages that are taken at once; the card takes one after the other anyway. */
const TRANSFERS_AT_ONCE = 2;

/** ESipa over MQTT as docs/operations/mqtt.md specifies it, from the device's side. */
export function mqttLink(options: MqttLinkOptions): EsipaLink {
	return new MqttLink(options);
}

class MqttLink implements EsipaLink {
	readonly name: string;
	readonly #options: MqttLinkOptions;
	readonly #topics: EsipaTopics;
	readonly #session: MqttSession;
	readonly #waiting = new Map<number, Waiting>();
	#last: number;
	#transfers = 0;
	#nextHintAt = 0;
	#cancelHint: (() => void) | undefined;
	#cancelIdle: (() => void) | undefined;
	/** The connection leads nowhere any more: what is asked in it is the last. */
	#isStale = false;
	#isClosed = false;

	constructor(options: MqttLinkOptions) {
		const { broker, open, eid, prefix, clock, random, log } = options;
		this.name = broker;
		this.#options = options;
		this.#topics = new EsipaTopics(prefix);
		this.#last = random.bytes(1)[0] ?? 0;
		this.#session = new MqttSession({
			name: broker,
			open,
			filters: [this.#topics.deviceFilter(eid)],
			onMessage: (message) => this.#take(message),
			onConnected: (connection) => void connection.closed.then((cause) => this.#fail(connection, cause)),
			retryAfter: Seconds(5),
			retryAtMost: Minutes(15),
			clock,
			random,
			log,
		});
		if (options.idle === undefined) this.#session.start();
	}

	async exchange(message: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
		this.#cancelIdle?.();
		const sending = { hasBegun: false };
		try {
			return refusedOr(this.name, await this.#ask(message, signal, sending));
		} catch (cause) {
			if (cause instanceof EsipaLinkError) throw cause;
			throw unreachable(this.name, cause, !sending.hasBegun);
		} finally {
			this.#endWhenIdle();
			if (this.#isStale) this.renew();
		}
	}

	renew(): void {
		this.#isStale = this.#waiting.size > 0;
		if (this.#isStale || this.#isClosed) return;
		void this.#session.stop().then(() => {
			if (this.#options.idle === undefined && !this.#isClosed) this.#session.start();
		});
	}

	async close(): Promise<void> {
		this.#isClosed = true;
		this.#cancelIdle?.();
		this.#cancelHint?.();
		await this.#session.stop();
	}

	/** @throws TransportError */
	async #connection(): Promise<MqttConnection> {
		if (!this.#isClosed) return this.#session.connection();
		throw new TransportError("TRANSPORT_CLOSED", `the link to ${this.name} is closed`);
	}

	/** @throws EsimError, Error when the way to the eIM fails, or the caller gives up */
	#ask(message: Uint8Array, signal: AbortSignal | undefined, sending: Sending): Promise<Uint8Array> {
		const { clock, timeout } = this.#options;
		return new Promise((resolve, reject) => {
			if (signal?.aborted) return reject(signal.reason);
			this.#last = (this.#last + 1) % NUMBERS;
			const number = this.#last;
			const settle = () => {
				cancel();
				signal?.removeEventListener("abort", onAbort);
				this.#waiting.delete(number);
			};
			const fail = (error: unknown) => {
				settle();
				reject(error);
			};
			const onAbort = () => fail(signal?.reason);
			const cancel = clock.schedule(timeout, () => fail(new Error(`no answer within ${timeout} ms`)));
			signal?.addEventListener("abort", onAbort, { once: true });
			this.#waiting.set(number, {
				fail,
				tag: readWholeTlv(message).tag,
				resolve: (payload) => {
					settle();
					resolve(payload);
				},
			});
			this.#send(number, message, sending).catch(fail);
		});
	}

	/** With MQTT 5 the topic is always the same, so that the broker's alias stands for it; the number is apart. */
	async #send(number: number, payload: Uint8Array, sending: Sending): Promise<void> {
		const waiting = this.#waiting.get(number);
		const connection = await this.#connection();
		// Whoever asked has been told by now that it was not sent.
		if (waiting === undefined || this.#waiting.get(number) !== waiting) return;
		waiting.connection = connection;
		sending.hasBegun = true;
		const { eid, qos } = this.#options;
		const isHeard = await connection.publish(
			connection.version === "5"
				? { topic: this.#topics.request(eid), payload, qos, correlation: Uint8Array.of(number) }
				: { topic: this.#topics.request(eid, number), payload, qos },
		);
		if (!isHeard) throw new Error("no eIM is connected to the broker");
	}

	/** No answer comes any more: the broker keeps nothing for a session that has ended. */
	#fail(connection: MqttConnection, cause: Error | undefined): void {
		const lost = [...this.#waiting.values()].filter((waiting) => waiting.connection === connection);
		for (const { fail } of lost) fail(cause ?? new Error("the connection was closed"));
	}

	#take(message: MqttMessage): void {
		const read = this.#topics.readDown(this.#options.eid, message.topic);
		switch (read?.kind) {
			case "answer":
				this.#takeAnswer(message, read.number);
				return;
			case "hint":
				// An empty one takes the hint away.
				if (message.payload.length > 0) this.#hint();
				return;
			case "transfer":
				if (message.retain !== true) this.#transfer(message, read.answerTopic);
		}
	}

	#takeAnswer({ payload, correlation }: MqttMessage, number: string | undefined): void {
		const said = number === undefined ? correlation?.[0] : Number(number);
		// Without any number it is the answer to the only request, and to none where there are several.
		const [only] = this.#waiting.size === 1 ? this.#waiting.keys() : [];
		const waiting = this.#waiting.get(said ?? only ?? -1);
		if (waiting !== undefined && isAnswerTo(waiting.tag, payload)) waiting.resolve(payload);
	}

	/** A hint causes a poll and nothing else, and no more of them than the interval allows, whoever has sent it. */
	#hint(): void {
		const { onHint, clock, hintInterval = Seconds(10) } = this.#options;
		if (onHint === undefined || this.#cancelHint !== undefined) return;
		const now = clock.now();
		const wait = Math.max(0, this.#nextHintAt - now);
		this.#nextHintAt = now + wait + hintInterval;
		if (wait === 0) {
			onHint();
			return;
		}
		this.#cancelHint = clock.schedule(Milliseconds(wait), () => {
			this.#cancelHint = undefined;
			onHint();
		});
	}

	#transfer({ payload, qos }: MqttMessage, topic: string): void {
		const { log } = this.#options;
		this.#answerTransfer(payload)
			.then(async (answer) => (await this.#connection()).publish({ topic, payload: answer, qos }))
			.catch((error) => log.warn("answer to a package not sent", { error }));
	}

	async #answerTransfer(message: Uint8Array): Promise<Uint8Array> {
		const { onTransfer, log } = this.#options;
		if (onTransfer === undefined) return encodeRefusal({ status: 404, text: "packages are polled for here" });
		if (message.length > LARGEST_TRANSFER) {
			return encodeRefusal({ status: 413, text: `at most ${LARGEST_TRANSFER} octets` });
		}
		if (this.#transfers >= TRANSFERS_AT_ONCE) return encodeRefusal({ status: 503, text: "try again later" });
		this.#transfers++;
		try {
			return await onTransfer(message);
		} catch (error) {
			log.warn("package brought by an eIM not taken", { error });
			const status = error instanceof EsimError ? error.httpStatus : 500;
			return encodeRefusal({ status, text: status >= 500 ? "try again later" : (error as Error).message });
		} finally {
			this.#transfers--;
		}
	}

	#endWhenIdle(): void {
		const { idle, clock, log } = this.#options;
		if (idle === undefined || this.#isClosed) return;
		this.#cancelIdle?.();
		this.#cancelIdle = clock.schedule(idle, () => {
			if (this.#waiting.size > 0) return;
			this.#session.stop().catch((error) => log.warn("connection not closed", { error }));
		});
	}
}

/** A late answer to another request may bear the same number; what is no message at all is for the caller to judge. */
function isAnswerTo(tag: number, payload: Uint8Array): boolean {
	if (payload.length === 0 || decodeRefusal(payload) !== undefined) return true;
	try {
		return readWholeTlv(payload).tag === tag;
	} catch {
		return true;
	}
}

function refusedOr(name: string, payload: Uint8Array): Uint8Array {
	const refusal = decodeRefusal(payload);
	if (refusal === undefined) return payload;
	const { status, text } = refusal;
	throw new EsipaLinkError("IPA_EIM_STATUS", `${name} answered with status ${status}: ${text}`, {
		context: { status },
	});
}

function unreachable(name: string, cause: unknown, nothingSent: boolean): EsipaLinkError {
	const reason = cause instanceof Error ? cause.message : String(cause);
	const transportCode = cause instanceof EsimError ? cause.code : undefined;
	// What the broker's client says names the broker by itself.
	const message = reason.includes(name) ? reason : `${name}: ${reason}`;
	return new EsipaLinkError("IPA_EIM_UNREACHABLE", message, {
		cause,
		context: { transportCode, nothingSent },
	});
}
