import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { RandomSource } from "../../runtime/random.ts";
import { type Duration, Milliseconds } from "../../util/duration.ts";
import { EsimError } from "../../util/errors.ts";
import { TransportError } from "../errors.ts";
import type { MqttConnection, MqttMessage, OpenMqtt } from "./connection.ts";

export interface MqttSessionOptions {
	/** How to call the broker in logs. */
	readonly name: string;
	readonly open: OpenMqtt;
	/** Subscribed to right after each connection, before anybody gets it. */
	readonly filters: readonly string[];
	readonly onMessage: (message: MqttMessage) => void;
	/** After each subscription. */
	readonly onConnected?: (connection: MqttConnection) => void;
	/** Pause after the first failure; doubled after each further one, and made shorter at random by up to a half. */
	readonly retryAfter: Duration;
	readonly retryAtMost: Duration;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly log: Logger;
}

/** A connection to a broker that comes back: with its subscriptions, after pauses that grow. */
export class MqttSession {
	readonly #options: MqttSessionOptions;
	#current: MqttConnection | undefined;
	#attempt: Promise<MqttConnection> | undefined;
	#stopping = new AbortController();
	#isStaying = false;
	#failures = 0;
	#cancelRetry: (() => void) | undefined;

	constructor(options: MqttSessionOptions) {
		this.#options = options;
	}

	/** There is a connection, and all is subscribed. */
	get isConnected(): boolean {
		return this.#current !== undefined;
	}

	/** From now on there shall always be a connection. */
	start(): void {
		this.#isStaying = true;
		this.connection().catch(() => undefined);
	}

	/**
	 * The connection, subscribed; made at once when there is none.
	 * @throws TransportError
	 */
	connection(): Promise<MqttConnection> {
		if (this.#current !== undefined) return Promise.resolve(this.#current);
		this.#cancelRetry?.();
		if (this.#attempt !== undefined) return this.#attempt;
		const attempt = this.#open().finally(() => {
			if (this.#attempt === attempt) this.#attempt = undefined;
		});
		this.#attempt = attempt;
		return attempt;
	}

	/** Ends the connection; the next use, even while this one is still ending, makes a new one. */
	async stop(): Promise<void> {
		this.#isStaying = false;
		this.#cancelRetry?.();
		const stopping = this.#stopping;
		this.#stopping = new AbortController();
		stopping.abort(new TransportError("TRANSPORT_CLOSED", `${this.#options.name}: closed here`));
		const [attempt, current] = [this.#attempt, this.#current];
		this.#attempt = undefined;
		this.#current = undefined;
		await attempt?.catch(() => undefined);
		await current?.close();
	}

	async #open(): Promise<MqttConnection> {
		const { open, filters, onMessage, onConnected, log, name } = this.#options;
		const { signal } = this.#stopping;
		let connection: MqttConnection | undefined;
		try {
			connection = await open(onMessage, signal);
			await connection.subscribe(filters);
			if (signal.aborted) throw signal.reason;
		} catch (error) {
			await connection?.close();
			this.#retry(error);
			throw error;
		}
		this.#failures = 0;
		this.#current = connection;
		const opened = connection;
		connection.closed.then((cause) => {
			if (this.#current !== opened) return;
			this.#current = undefined;
			this.#retry(cause);
		});
		log.info("broker connected", { broker: name, version: connection.version });
		onConnected?.(connection);
		return connection;
	}

	#retry(cause: unknown): void {
		const { clock, random, retryAfter, retryAtMost, log, name } = this.#options;
		if (!this.#isStaying) return;
		const [octet = 0] = random.bytes(1);
		const pause = Math.min(retryAtMost, retryAfter * 2 ** Math.min(this.#failures++, 20)) * (1 - octet / 512);
		const reason = cause instanceof Error ? cause.message : cause;
		const code = cause instanceof EsimError ? cause.code : undefined;
		log.warn("broker not connected", { broker: name, reason, code, retryAfterMs: Math.round(pause) });
		this.#cancelRetry = clock.schedule(Milliseconds(Math.round(pause)), () => {
			this.connection().catch(() => undefined);
		});
	}
}
