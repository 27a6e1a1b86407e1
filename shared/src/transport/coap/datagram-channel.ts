import type { Clock } from "../../runtime/clock.ts";
import type { RandomSource } from "../../runtime/random.ts";
import { type Duration, Milliseconds } from "../../util/duration.ts";
import type { DatagramPath, ProvenPeer } from "../datagram.ts";
import { TransportError } from "../errors.ts";
import { exponentWithin, LARGEST_EXPONENT } from "./block.ts";
import type { ChannelReceiver, CoapChannel, Delivery } from "./coap-channel.ts";
import { EMPTY, isRequest, isResponse } from "./code.ts";
import { ExpiringCache } from "./expiring-cache.ts";
import { type CoapMessage, decodeMessage, encodeDatagram, encodeEmpty, NOTHING, readHeader } from "./message.ts";
import { RoundTrips } from "./round-trips.ts";
import { type CoapTiming, RFC_TIMING } from "./timing.ts";

export interface DatagramChannelOptions {
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly timing?: Partial<CoapTiming>;
	/** Largest block, 0 to 6 for 16 to 1024 octets; the path's own limit counts as well. */
	readonly blockExponent?: number;
}

/** A confirmable message until its acknowledgement. */
interface Outgoing {
	readonly messageId: number;
	/** Empty: its rejection is the answer (RFC 7252 section 4.3). */
	readonly isPing: boolean;
	readonly datagram: Uint8Array;
	readonly delivery: Delivery;
	transmissions: number;
	/** When it was sent first. */
	sentAt: number;
	wait: number;
	/** What each further wait is longer by. */
	growth: number;
	cancelTimer: () => void;
}

/** A message that came, with the datagram that answers it; none yet while its response is being made. */
interface Incoming {
	answer?: Uint8Array;
}

/** Waits double (RFC 7252); those of a path that is known to be slow must not outlive what the peer remembers. */
const GROWTH = 2;
const GROWTH_ON_SLOW_PATHS = 1.3;
/** A first wait from which on a path is slow, in times of ackTimeout. */
const SLOW = 4;

/** Header, token and options around a block. */
const AROUND_A_BLOCK = 64;

/** Message ids that are remembered of one peer: it has one exchange under way, so that older ones seldom come again. */
const REMEMBERED = 64;

/** Messages that wait for the acknowledgement of those before them. */
const MAX_WAITING = 64;

/** The message layer of RFC 7252 section 4 over one path. */
export class DatagramChannel implements CoapChannel {
	readonly #path: DatagramPath;
	readonly #clock: Clock;
	readonly #random: RandomSource;
	readonly #timing: CoapTiming;
	readonly blockExponent: number;
	readonly maxPayload: number;
	readonly takesBert = false;
	lastHeard = 0;
	readonly #underWay = new Map<number, Outgoing>();
	readonly #waiting: Outgoing[] = [];
	readonly #incoming: ExpiringCache<Incoming>;
	readonly #timers = new Set<() => void>();
	readonly #roundTrips = new RoundTrips();
	#receiver: ChannelReceiver | undefined;
	#nextId: number;
	#isClosed = false;

	constructor(path: DatagramPath, { clock, random, timing, blockExponent = LARGEST_EXPONENT }: DatagramChannelOptions) {
		this.#path = path;
		this.#clock = clock;
		this.#random = random;
		this.#timing = { ...RFC_TIMING, ...timing };
		this.blockExponent = Math.min(blockExponent, exponentWithin(path.maxDatagram - AROUND_A_BLOCK));
		this.maxPayload = 16 << this.blockExponent;
		this.#incoming = new ExpiringCache({
			clock,
			lifetime: this.#timing.exchangeLifetime,
			maxEntries: REMEMBERED,
		});
		const [high = 0, low = 0] = random.bytes(2);
		this.#nextId = (high << 8) | low;
	}

	get remoteAddress(): string {
		return this.#path.remoteAddress;
	}

	get proven(): ProvenPeer | undefined {
		return this.#path.proven;
	}

	async ready(): Promise<void> {
		return;
	}

	start(receiver: ChannelReceiver): void {
		this.#receiver = receiver;
		this.#path.receive({
			datagram: (octets) => this.#receive(octets),
			closed: (cause) => this.#ended(cause),
		});
	}

	ping(delivery: Delivery): void {
		this.send(NOTHING, delivery);
	}

	send(message: CoapMessage, delivery: Delivery = {}): () => void {
		const messageId = this.#takeId();
		const datagram = encodeDatagram({ type: "confirmable", messageId }, message);
		const isPing = message.code === EMPTY;
		const begun = { transmissions: 0, sentAt: 0, wait: 0, growth: GROWTH, cancelTimer: () => undefined };
		const one: Outgoing = { messageId, isPing, datagram, delivery, ...begun };
		if (this.#isClosed || this.#waiting.length >= MAX_WAITING) {
			queueMicrotask(() => delivery.failed?.(this.#isClosed ? this.#closedError() : this.#overrun()));
			return () => undefined;
		}
		this.#waiting.push(one);
		this.#sendWaiting();
		return () => this.#forget(one);
	}

	close(cause?: Error): void {
		if (this.#isClosed) return;
		this.#path.close();
		this.#ended(cause);
	}

	#takeId(): number {
		const messageId = this.#nextId;
		this.#nextId = (messageId + 1) & 0xffff;
		return messageId;
	}

	#sendWaiting(): void {
		while (this.#underWay.size < this.#timing.nstart) {
			const next = this.#waiting.shift();
			if (next === undefined) return;
			const [high = 0, low = 0] = this.#random.bytes(2);
			const factor = 1 + ((this.#timing.ackRandomFactor - 1) * ((high << 8) | low)) / 0xffff;
			const { ackTimeout } = this.#timing;
			const least = Math.max(ackTimeout, this.#roundTrips.patience);
			next.wait = least * factor;
			if (least > SLOW * ackTimeout) next.growth = GROWTH_ON_SLOW_PATHS;
			next.sentAt = this.#clock.now();
			this.#underWay.set(next.messageId, next);
			this.#transmit(next);
		}
	}

	#transmit(one: Outgoing): void {
		one.transmissions++;
		one.cancelTimer = this.#after(Milliseconds(one.wait), () => {
			if (one.transmissions <= this.#timing.maxRetransmit) {
				one.wait *= one.growth;
				this.#transmit(one);
				return;
			}
			this.#forget(one);
			const message = `${this.remoteAddress} acknowledged none of ${one.transmissions} transmissions`;
			one.delivery.failed?.(new TransportError("TRANSPORT_TIMEOUT", message));
		});
		this.#path.send(one.datagram);
	}

	#forget(one: Outgoing): void {
		one.cancelTimer();
		if (this.#underWay.get(one.messageId) === one) this.#underWay.delete(one.messageId);
		const at = this.#waiting.indexOf(one);
		if (at >= 0) this.#waiting.splice(at, 1);
		this.#sendWaiting();
	}

	#after(delay: Duration, task: () => void): () => void {
		const cancel = this.#clock.schedule(delay, () => {
			this.#timers.delete(cancel);
			task();
		});
		this.#timers.add(cancel);
		return () => {
			this.#timers.delete(cancel);
			cancel();
		};
	}

	#receive(octets: Uint8Array): void {
		const header = readHeader(octets);
		if (header === undefined || this.#isClosed) return;
		this.lastHeard = this.#clock.now();
		const { type, messageId } = header;
		const message = readable(octets);
		if (type === "reset") this.#rejected(messageId);
		else if (type === "acknowledgement") {
			if (message !== undefined) this.#acknowledged(messageId, message);
		} else this.#take(type === "confirmable", messageId, message);
	}

	/** @param message absent when it cannot be read */
	#take(isConfirmable: boolean, messageId: number, message: CoapMessage | undefined): void {
		const isKnownKind = message !== undefined && (isRequest(message.code) || isResponse(message.code));
		if (!isKnownKind) {
			// Also a ping, which is confirmable and empty.
			if (isConfirmable) this.#path.send(encodeEmpty({ type: "reset", messageId }));
			return;
		}
		const known = this.#incoming.get(String(messageId));
		if (known !== undefined) {
			if (isConfirmable) this.#answerAgain(messageId, known);
			return;
		}
		const incoming: Incoming = {};
		this.#incoming.set(String(messageId), incoming);
		if (isRequest(message.code)) this.#request(message, messageId, isConfirmable, incoming);
		else this.#response(message, messageId, isConfirmable, incoming);
	}

	/** Who repeats a request whose response is still being made is told at least that it came. */
	#answerAgain(messageId: number, incoming: Incoming): void {
		incoming.answer ??= encodeEmpty({ type: "acknowledgement", messageId });
		this.#path.send(incoming.answer);
	}

	#request(message: CoapMessage, messageId: number, isConfirmable: boolean, incoming: Incoming): void {
		const acknowledge = () => this.#answerAgain(messageId, incoming);
		const cancelTimer = isConfirmable ? this.#after(this.#timing.piggybackWindow, acknowledge) : () => undefined;
		this.#receiver?.request(message, (response) => {
			cancelTimer();
			if (this.#isClosed) return;
			if (response === undefined) {
				if (isConfirmable && incoming.answer === undefined) acknowledge();
				return;
			}
			if (!isConfirmable) {
				this.#path.send(encodeDatagram({ type: "non-confirmable", messageId: this.#takeId() }, response));
				return;
			}
			if (incoming.answer !== undefined) {
				this.send(response);
				return;
			}
			incoming.answer = encodeDatagram({ type: "acknowledgement", messageId }, response);
			this.#path.send(incoming.answer);
		});
	}

	#response(message: CoapMessage, messageId: number, isConfirmable: boolean, incoming: Incoming): void {
		const isExpected = this.#receiver?.response(message) ?? false;
		if (this.#isClosed || (!isConfirmable && isExpected)) return;
		incoming.answer = encodeEmpty({ type: isExpected ? "acknowledgement" : "reset", messageId });
		this.#path.send(incoming.answer);
	}

	#acknowledged(messageId: number, message: CoapMessage): void {
		const one = this.#underWay.get(messageId);
		if (one === undefined) this.#roundTrips.acknowledgedAgain(messageId);
		if (one === undefined || (message.code !== EMPTY && !isResponse(message.code))) return;
		this.#roundTrips.acknowledged(messageId, this.#clock.now() - one.sentAt, one.transmissions);
		this.#forget(one);
		if (message.code === EMPTY) one.delivery.acknowledged?.();
		else if (!this.#receiver?.response(message)) {
			// With a token of nobody: whoever waits for this exchange would wait for ever.
			one.delivery.failed?.(new TransportError("TRANSPORT_RESET", `${this.remoteAddress} answered something else`));
		}
	}

	#rejected(messageId: number): void {
		const one = this.#underWay.get(messageId);
		if (one === undefined) return;
		this.#forget(one);
		if (one.isPing) one.delivery.acknowledged?.();
		else one.delivery.failed?.(new TransportError("TRANSPORT_RESET", `${this.remoteAddress} rejected the message`));
	}

	#ended(cause?: Error): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		for (const cancel of [...this.#timers]) cancel();
		this.#timers.clear();
		const lost = [...this.#underWay.values(), ...this.#waiting];
		this.#underWay.clear();
		this.#waiting.length = 0;
		for (const one of lost) one.delivery.failed?.(cause ?? this.#closedError());
		this.#receiver?.closed(cause);
	}

	#overrun(): TransportError {
		const message = `${this.remoteAddress} acknowledges too little: ${MAX_WAITING} messages wait`;
		return new TransportError("TRANSPORT_TIMEOUT", message);
	}

	#closedError(): TransportError {
		return new TransportError("TRANSPORT_CLOSED", `the path to ${this.remoteAddress} is closed`);
	}
}

function readable(octets: Uint8Array): CoapMessage | undefined {
	try {
		return decodeMessage(octets);
	} catch (error) {
		if (error instanceof TransportError) return undefined;
		throw error;
	}
}
