import type { Duplex } from "node:stream";
import type { Clock } from "../../runtime/clock.ts";
import { type Duration, Seconds } from "../../util/duration.ts";
import type { ProvenPeer } from "../datagram.ts";
import { TransportError, toTransportError } from "../errors.ts";
import { BERT, LARGEST_EXPONENT } from "./block.ts";
import type { ChannelReceiver, CoapChannel, Delivery } from "./coap-channel.ts";
import { EMPTY, isRequest, isResponse, SIGNAL } from "./code.ts";
import { type CoapMessage, NOTHING } from "./message.ts";
import { type CoapOption, isCritical, optionUint, uintOption } from "./option.ts";
import { encodeFrame, FrameReader } from "./stream-frame.ts";

export interface StreamChannelOptions {
	readonly clock: Clock;
	readonly remoteAddress: string;
	readonly proven?: ProvenPeer | undefined;
	/** Octets of the longest message that is taken from the peer, which is told; at least 1152. */
	readonly maxMessage: number;
	/** How long the peer may take for its Capabilities and Settings. */
	readonly settingsTimeout?: Duration;
}

/** Options of the Capabilities and Settings Message (RFC 8323 section 5.3). */
const MAX_MESSAGE_SIZE = 2;
const BLOCK_WISE_TRANSFER = 4;
/** Of Ping and Pong: an answer that stands behind all that came before. */
const CUSTODY = 2;

/** What every peer takes. */
const BASE_MESSAGE = 1152;

/** Octets of answers that wait for the peer to read them. */
const MAX_UNREAD = 512 * 1024;

/** Code, token, length and options around a payload. */
const AROUND_A_PAYLOAD = 128;

/** CoAP over a reliable connection (RFC 8323): TLS, or plain TCP in tests. */
export class StreamChannel implements CoapChannel {
	readonly #stream: Duplex;
	readonly #options: StreamChannelOptions;
	readonly #reader: FrameReader;
	readonly remoteAddress: string;
	readonly proven: ProvenPeer | undefined;
	readonly takesBert = true;
	lastHeard = 0;
	#receiver: ChannelReceiver | undefined;
	#peerMaxMessage = BASE_MESSAGE;
	#takesBlocks = false;
	#isSettled = false;
	#onSettled: (() => void)[] = [];
	#isReleased = false;
	/** Pings without an answer, by the number that is their token. */
	readonly #pings = new Map<number, Delivery>();
	#pinged = 0;
	#isClosed = false;
	#cancelTimer = () => {};

	constructor(stream: Duplex, options: StreamChannelOptions) {
		this.#stream = stream;
		this.#options = options;
		this.#reader = new FrameReader(options.maxMessage);
		this.remoteAddress = options.remoteAddress;
		this.proven = options.proven;
	}

	get maxPayload(): number {
		return this.#isLarge ? this.#peerMaxMessage - AROUND_A_PAYLOAD : 1024;
	}

	get blockExponent(): number {
		return this.#isLarge && this.#takesBlocks ? BERT : LARGEST_EXPONENT;
	}

	get #isLarge(): boolean {
		return this.#peerMaxMessage >= 1024 + AROUND_A_PAYLOAD + 1;
	}

	ready(): Promise<void> {
		if (this.#isSettled || this.#isClosed) return Promise.resolve();
		return new Promise((resolve) => this.#onSettled.push(resolve));
	}

	start(receiver: ChannelReceiver): void {
		this.#receiver = receiver;
		const settings = [uintOption(MAX_MESSAGE_SIZE, this.#options.maxMessage), uintOption(BLOCK_WISE_TRANSFER, 0)];
		this.#write({ ...NOTHING, code: SIGNAL.csm, options: settings });
		this.#cancelTimer = this.#options.clock.schedule(this.#options.settingsTimeout ?? Seconds(30), () => {
			this.close(this.#error("TRANSPORT_TIMEOUT", "does not say its settings"));
		});
		this.#stream.on("data", (chunk: Uint8Array) => this.#receive(chunk));
		this.#stream.on("error", (error) => this.#ended(toTransportError(error, this.remoteAddress)));
		this.#stream.on("end", () => this.#ended());
		this.#stream.on("close", () => this.#ended());
	}

	send(message: CoapMessage, delivery: Delivery = {}): () => void {
		if (this.#isClosed || this.#isReleased) {
			const reason = this.#isReleased ? "takes no more requests" : "is not connected any more";
			queueMicrotask(() => delivery.failed?.(this.#error("TRANSPORT_CLOSED", reason)));
			return () => {};
		}
		this.#write(message);
		queueMicrotask(() => delivery.acknowledged?.());
		return () => {};
	}

	ping(delivery: Delivery): void {
		const number = this.#pinged++ & 0xff;
		this.#pings.set(number, delivery);
		if (this.#isClosed)
			queueMicrotask(() => delivery.failed?.(this.#error("TRANSPORT_CLOSED", "is not connected any more")));
		else this.#write({ ...NOTHING, code: SIGNAL.ping, token: Uint8Array.of(number) });
	}

	close(cause?: Error): void {
		if (this.#isClosed) return;
		if (cause !== undefined) this.#write({ ...NOTHING, code: SIGNAL.abort });
		this.#stream.end();
		this.#ended(cause);
	}

	#write(message: CoapMessage): void {
		if (!this.#isClosed && this.#stream.writable) this.#stream.write(encodeFrame(message));
	}

	#receive(chunk: Uint8Array): void {
		this.lastHeard = this.#options.clock.now();
		try {
			for (const message of this.#reader.push(chunk)) if (!this.#isClosed) this.#take(message);
			this.#waitForReader();
		} catch (error) {
			if (!(error instanceof TransportError)) throw error;
			this.close(this.#error("TRANSPORT_PROTOCOL", error.message));
		}
	}

	/** Who does not read its answers is not heard until it has. */
	#waitForReader(): void {
		if (this.#isClosed || this.#stream.writableLength < MAX_UNREAD) return;
		this.#stream.pause();
		this.#stream.once("drain", () => this.#stream.resume());
	}

	#take(message: CoapMessage): void {
		if (!this.#isSettled && message.code !== SIGNAL.csm) {
			this.close(this.#error("TRANSPORT_PROTOCOL", "does not begin with its settings"));
		} else if (message.code === EMPTY) {
			// A keep-alive.
		} else if (isRequest(message.code)) {
			this.#receiver?.request(message, (response) => {
				if (response !== undefined) this.#write(response);
			});
		} else if (isResponse(message.code)) this.#receiver?.response(message);
		else this.#signal(message);
	}

	#signal({ code, token, options }: CoapMessage): void {
		const unknown = options.find(({ number }) => isCritical(number));
		if (unknown !== undefined) {
			this.close(this.#error("TRANSPORT_PROTOCOL", `has the critical option ${unknown.number} in a signal`));
		} else if (code === SIGNAL.csm) this.#settle(options);
		else if (code === SIGNAL.ping) {
			const custody = options.filter(({ number }) => number === CUSTODY);
			this.#write({ ...NOTHING, code: SIGNAL.pong, token, options: custody });
		} else if (code === SIGNAL.pong) {
			const number = token[0] ?? 0;
			this.#pings.get(number)?.acknowledged?.();
			this.#pings.delete(number);
		} else if (code === SIGNAL.release) this.#isReleased = true;
		else if (code === SIGNAL.abort) {
			this.#stream.destroy();
			this.#ended(this.#error("TRANSPORT_RESET", "gave the connection up"));
		}
	}

	#settle(options: readonly CoapOption[]): void {
		this.#cancelTimer();
		const size = optionUint(options, MAX_MESSAGE_SIZE);
		if (size !== undefined) this.#peerMaxMessage = size;
		if (options.some(({ number }) => number === BLOCK_WISE_TRANSFER)) this.#takesBlocks = true;
		this.#isSettled = true;
		for (const resolve of this.#onSettled.splice(0)) resolve();
	}

	#ended(cause?: Error): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#cancelTimer();
		this.#stream.end();
		for (const resolve of this.#onSettled.splice(0)) resolve();
		const lost = cause ?? this.#error("TRANSPORT_CLOSED", "is not connected any more");
		for (const delivery of this.#pings.values()) delivery.failed?.(lost);
		this.#pings.clear();
		this.#receiver?.closed(cause);
	}

	#error(code: "TRANSPORT_PROTOCOL" | "TRANSPORT_CLOSED" | "TRANSPORT_TIMEOUT" | "TRANSPORT_RESET", what: string) {
		return new TransportError(code, `${this.remoteAddress} ${what}`);
	}
}
