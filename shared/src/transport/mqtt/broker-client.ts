import {
	ErrorWithReasonCode,
	ErrorWithSubackPacket,
	type IClientOptions,
	type IPublishPacket,
	MqttClient,
	type Packet,
	ReasonCodes,
} from "mqtt";
import type { Clock } from "../../runtime/clock.ts";
import { type Duration, Milliseconds, Seconds } from "../../util/duration.ts";
import { TransportError, toTransportError } from "../errors.ts";
import { type Connect, openConnection } from "../http/connect.ts";
import { TlsSessions } from "../http/tls-sessions.ts";
import { type ClientIdentity, prepareTrust, type TlsTrust } from "../http/trust.ts";
import { abortError, type HostPort, parseHostPort } from "../tcp.ts";
import type { MqttConnection, MqttMessage, MqttVersion, OpenMqtt } from "./connection.ts";

export interface BrokerOptions {
	/** mqtt://host[:1883] or mqtts://host[:8883] */
	readonly url: string;
	/** Whom to trust as broker, for mqtts. */
	readonly tls: TlsTrust;
	/** What is shown to a broker that asks who this is. */
	readonly identity?: ClientIdentity;
	readonly clientId: string;
	readonly username?: string;
	readonly password?: string;
	readonly version: MqttVersion;
	/** Longest silence on the connection before a sign of life. */
	readonly keepalive: Duration;
	/** Longest time from the call to CONNACK. */
	readonly timeout: Duration;
	/** The largest packet to be sent by the broker; MQTT 5 alone tells it. */
	readonly largestPacket: number;
	/** `name[:port]` → `host:port`, as with HTTP. */
	readonly hosts?: Readonly<Record<string, string>>;
	/** "http://host:port": every connection is a CONNECT tunnel through it. */
	readonly proxy?: string;
	/** Opens the stream below, before any TLS; the network of this machine when absent. */
	readonly connect?: Connect;
	readonly clock: Clock;
}

const PORTS: Readonly<Record<string, number>> = { "mqtt:": 1883, "mqtts:": 8883 };
const NO_SUBSCRIBER = 16;
/** Topics that the broker may abbreviate to us. */
const ALIASES = 10;
/** What we let be unacknowledged at most, whatever the broker allows. */
const UNACKNOWLEDGED = 1000;
const LONGEST_GOODBYE = Seconds(2);
/** MQTT.js measures with the machine's clock; its limit is never reached. */
const NEVER = 2 ** 31 - 1;

/**
 * Opens connections to one broker with the client of MQTT.js, each with a fresh session: nothing is sent a second time,
 * and what was not acknowledged when a connection breaks is for the caller to repeat.
 * @throws TransportError TRANSPORT_OPTIONS_INVALID
 */
export function mqttBroker(options: BrokerOptions): OpenMqtt {
	const { target, isSecure } = readUrl(options.url);
	const route = {
		hosts: options.hosts ?? {},
		proxy: options.proxy === undefined ? undefined : parseHostPort(options.proxy.replace(/^http:\/\//, ""), "proxy"),
		connect: options.connect,
		trust: prepareTrust(options.tls, options.identity),
		alpn: [],
		sessions: new TlsSessions(),
	};
	const where = `MQTT broker ${options.url}`;
	return async (onMessage, signal) => {
		const giveUp = new AbortController();
		const onAbort = () => giveUp.abort(signal && abortError(signal, where));
		if (signal?.aborted) throw abortError(signal, where);
		signal?.addEventListener("abort", onAbort, { once: true });
		const late = new TransportError("TRANSPORT_TIMEOUT", `${where}: no connection within ${options.timeout} ms`);
		const cancel = options.clock.schedule(options.timeout, () => giveUp.abort(late));
		try {
			const stream = await openConnection(target, isSecure, route, giveUp.signal);
			const client = new MqttClient(() => stream as never, clientOptions(options));
			return await connected(client, options, onMessage, giveUp.signal, where);
		} catch (error) {
			throw giveUp.signal.aborted ? giveUp.signal.reason : toTransportError(error, where);
		} finally {
			cancel();
			signal?.removeEventListener("abort", onAbort);
		}
	};
}

function readUrl(text: string): { readonly target: HostPort; readonly isSecure: boolean } {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	const port = PORTS[url?.protocol ?? ""];
	if (url === undefined || port === undefined || url.hostname === "") {
		throw new TransportError("TRANSPORT_OPTIONS_INVALID", `"${text}" is no address of a broker, as mqtts://host:8883`);
	}
	const host = url.hostname.replace(/^\[|\]$/g, "");
	return { target: { host, port: url.port === "" ? port : Number(url.port) }, isSecure: url.protocol === "mqtts:" };
}

function clientOptions({ clock, ...options }: BrokerOptions): IClientOptions {
	const timers = {
		// Called again and again until it is cleared, as setInterval.
		set(task: () => void, delay: number) {
			const timer = { cancel: () => {} };
			const next = () => {
				timer.cancel = clock.schedule(Milliseconds(delay), () => {
					next();
					task();
				});
			};
			next();
			return timer;
		},
		clear: (timer: { cancel: () => void }) => timer.cancel(),
	};
	return {
		clientId: options.clientId,
		...(options.username === undefined ? {} : { username: options.username }),
		...(options.password === undefined ? {} : { password: options.password }),
		protocolVersion: options.version === "5" ? 5 : 4,
		protocolId: "MQTT",
		clean: true,
		keepalive: Math.ceil(options.keepalive / Seconds(1)),
		// Connections are made, timed and repeated by whoever opens them.
		reconnectPeriod: 0,
		connectTimeout: NEVER,
		resubscribe: false,
		queueQoSZero: false,
		writeCache: false,
		timerVariant: timers as never,
		...(options.version === "5"
			? {
					autoAssignTopicAlias: true,
					properties: { topicAliasMaximum: ALIASES, maximumPacketSize: options.largestPacket },
				}
			: {}),
	};
}

function connected(
	client: MqttClient,
	options: BrokerOptions,
	onMessage: (message: MqttMessage) => void,
	signal: AbortSignal,
	where: string,
): Promise<MqttConnection> {
	return new Promise((resolve, reject) => {
		let failure: Error | undefined;
		const connection = new BrokerConnection(client, options, where);
		client.on("message", (topic, payload, packet) => onMessage(received(topic, payload, packet)));
		client.on("error", (error) => {
			failure = error;
			client.end(true);
			connection.fail(brokerError(error, where));
		});
		// MQTT 5 says why: another client with the same name, the broker going down ...
		client.on("disconnect", ({ reasonCode = 0 }) => {
			failure ??= new ErrorWithReasonCode(
				`the broker ends it: ${ReasonCodes[reasonCode as 0] ?? reasonCode}`,
				reasonCode,
			);
		});
		client.on("close", () => {
			client.end(true);
			const reset = new TransportError("TRANSPORT_RESET", `${where}: the connection broke`);
			connection.fail(failure === undefined ? reset : brokerError(failure, where));
		});
		client.once("connect", ({ properties }) => {
			signal.removeEventListener("abort", onAbort);
			connection.allow(properties?.receiveMaximum ?? UNACKNOWLEDGED);
			resolve(connection);
		});
		const onAbort = () => {
			client.end(true);
			reject(signal.reason);
		};
		signal.addEventListener("abort", onAbort, { once: true });
		if (signal.aborted) onAbort();
		connection.closed.then((cause) => {
			signal.removeEventListener("abort", onAbort);
			reject(cause);
		});
	});
}

class BrokerConnection implements MqttConnection {
	readonly version: MqttVersion;
	readonly closed: Promise<Error | undefined>;
	readonly #client: MqttClient;
	readonly #where: string;
	readonly #clock: Clock;
	readonly #waiting = new Set<(error: Error) => void>();
	/** Identifiers of publications that reached nobody. */
	readonly #unheard = new Set<number>();
	/** Publications that may go out before the broker has acknowledged others, and who waits for that. */
	#quota = 0;
	readonly #queue: (() => void)[] = [];
	#end: (cause?: Error) => void = () => undefined;
	#isOver = false;

	constructor(client: MqttClient, { version, clock }: BrokerOptions, where: string) {
		this.#client = client;
		this.#clock = clock;
		this.version = version;
		this.#where = where;
		this.closed = new Promise((resolve) => {
			this.#end = resolve;
		});
		client.on("packetreceive", (packet: Packet) => {
			if (packet.cmd !== "puback" || packet.messageId === undefined) return;
			if (packet.reasonCode === NO_SUBSCRIBER) this.#unheard.add(packet.messageId);
		});
	}

	publish({ topic, payload, qos, retain = false, correlation, responseTopic, expiry }: MqttMessage): Promise<boolean> {
		const properties = {
			...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation) }),
			...(responseTopic === undefined ? {} : { responseTopic }),
			...(expiry === undefined ? {} : { messageExpiryInterval: Math.ceil(expiry / Seconds(1)) }),
		};
		const given = this.version === "5" && Object.keys(properties).length > 0 ? { properties } : {};
		const send = () =>
			this.#until<boolean>((settle) => {
				let id: number | undefined;
				this.#client.publish(topic, Buffer.from(payload), { qos, retain, ...given }, (error) => {
					settle(
						error && this.#notAllowed(error, `writing to ${topic}`),
						id === undefined || !this.#unheard.delete(id),
					);
				});
				if (qos > 0) id = this.#client.getLastMessageId();
			});
		return qos === 0 ? send() : this.#inQuota(send);
	}

	/** A broker ends a connection that has more unacknowledged than it allows (MQTT 5 section 4.9). */
	async #inQuota(send: () => Promise<boolean>): Promise<boolean> {
		if (this.#quota === 0) await new Promise<void>((resolve) => this.#queue.push(resolve));
		else this.#quota--;
		try {
			return await send();
		} finally {
			const next = this.#queue.shift();
			if (next === undefined) this.#quota++;
			else next();
		}
	}

	allow(receiveMaximum: number): void {
		this.#quota = Math.min(receiveMaximum, UNACKNOWLEDGED);
	}

	async subscribe(filters: readonly string[]): Promise<void> {
		await this.#until<void>((settle) => {
			this.#client.subscribe([...filters], { qos: 1 }, (error, granted = []) => {
				const refused = granted.find(({ qos }) => qos >= 128);
				const failure = error ?? (refused && new ErrorWithReasonCode("refused", refused.qos));
				settle(failure && this.#notAllowed(failure, `reading ${refused?.topic ?? filters.join(", ")}`), undefined);
			});
		});
	}

	/** What the broker says no to is mostly another prefix or another user than in its access list. */
	#notAllowed(error: Error, what: string): Error {
		const code =
			error instanceof ErrorWithSubackPacket
				? error.packet.granted.map(Number).find((granted) => granted >= 128)
				: (error as Partial<ErrorWithReasonCode>).code;
		if (typeof code !== "number") return error;
		const hint = "check mqtt.prefix, the user name (of a device, its EID) and the broker's access list";
		const message = `${this.#where}: the broker does not allow ${what} (${error.message}): ${hint}`;
		return new TransportError("TRANSPORT_BROKER_REFUSED", message, { cause: error, context: { reasonCode: code } });
	}

	async close(): Promise<void> {
		if (this.#isOver) return;
		this.#isOver = true;
		// It waits for acknowledgements and for the other end, who may be gone.
		const cancel = this.#clock.schedule(LONGEST_GOODBYE, () => this.#client.stream.destroy());
		await new Promise<void>((resolve) => {
			this.#client.once("close", resolve);
			this.#client.end(false, {}, () => resolve());
		});
		cancel();
		this.#finish(new TransportError("TRANSPORT_CLOSED", `${this.#where}: closed here`));
		this.#end(undefined);
	}

	fail(error: Error): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#finish(error);
		this.#end(error);
	}

	#finish(error: Error): void {
		for (const reject of this.#waiting) reject(error);
		this.#waiting.clear();
	}

	/** Ends with the connection at the latest: MQTT.js keeps callbacks of a dead connection for the next one. */
	#until<T>(begin: (settle: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
		if (this.#isOver) {
			return Promise.reject(new TransportError("TRANSPORT_CLOSED", `${this.#where}: the connection is over`));
		}
		return new Promise((resolve, reject) => {
			this.#waiting.add(reject);
			begin((error, value) => {
				this.#waiting.delete(reject);
				if (error) reject(brokerError(error, this.#where));
				else resolve(value);
			});
		});
	}
}

function received(topic: string, payload: Uint8Array, packet: IPublishPacket): MqttMessage {
	const { correlationData, responseTopic } = packet.properties ?? {};
	return {
		topic,
		payload: new Uint8Array(payload),
		qos: packet.qos === 0 ? 0 : 1,
		retain: packet.retain,
		...(correlationData === undefined ? {} : { correlation: new Uint8Array(correlationData) }),
		...(responseTopic === undefined ? {} : { responseTopic }),
	};
}

/** What the broker says no to, apart from what happens on the way. */
function brokerError(error: unknown, where: string): TransportError {
	if (error instanceof TransportError) return error;
	const code = error instanceof Error && "code" in error ? error.code : undefined;
	if (typeof code === "string") return toTransportError(error, where);
	const reason = error instanceof Error ? error.message : String(error);
	const context = typeof code === "number" ? { reasonCode: code } : {};
	return new TransportError("TRANSPORT_BROKER_REFUSED", `${where}: ${reason}`, { cause: error, context });
}
