import type { Socket } from "node:net";
import type { Clock } from "../runtime/clock.ts";
import { type Duration, Seconds } from "../util/duration.ts";
import { TransportError, toTransportError } from "./errors.ts";
import { connectTcp, type HostPort, listenTcp, type TcpListener } from "./tcp.ts";
import {
	VPCD_GET_ATR,
	VPCD_MAX_PAYLOAD,
	VPCD_POWER_OFF,
	VPCD_POWER_ON,
	VPCD_RESET,
	VpcdFrameReader,
	vpcdFrame,
} from "./vpcd-frame.ts";

export { keepVpcdCardConnected, listenForVpcdReaders, serveVpcdCard, type VpcdCard } from "./vpcd-card.ts";
export { VpcdFrameReader, vpcdFrame } from "./vpcd-frame.ts";

export interface VpcdReaderOptions {
	readonly clock: Clock;
	/** Longest wait for one answer of the card; 30 s when absent (a profile element may take long). */
	readonly timeout?: Duration;
	/** Largest answer accepted, in octets; 65535 when absent. */
	readonly maxPayload?: number;
}

interface Waiting {
	readonly resolve: (payload: Uint8Array) => void;
	readonly reject: (error: TransportError) => void;
	readonly cancelTimer: () => void;
}

/**
 * The reader end of a vpcd connection: a card whose APDUs travel in frames. Calls are sent one after the other, in the
 * order made. After a timeout or a broken connection the connection is closed and every call rejects.
 */
export class VpcdReaderSide {
	readonly #socket: Socket;
	readonly #options: VpcdReaderOptions;
	readonly #frames: VpcdFrameReader;
	readonly closed: Promise<TransportError>;
	#tail: Promise<unknown> = Promise.resolve();
	#waiting: Waiting | undefined;
	#failure: TransportError | undefined;
	#onClosed: (error: TransportError) => void = () => undefined;

	private constructor(socket: Socket, options: VpcdReaderOptions) {
		this.#socket = socket;
		this.#options = options;
		this.#frames = new VpcdFrameReader(options.maxPayload ?? VPCD_MAX_PAYLOAD);
		this.closed = new Promise((resolve) => {
			this.#onClosed = resolve;
		});
		socket.setNoDelay(true);
		socket.on("data", (chunk) => this.#receive(chunk));
		socket.on("error", (error) => this.#fail(toTransportError(error, "vpcd connection")));
		socket.on("close", () =>
			this.#fail(new TransportError("TRANSPORT_CARD_GONE", "the card closed the vpcd connection")),
		);
	}

	/** The reader end of a connection that is already open. */
	static over(socket: Socket, options: VpcdReaderOptions): VpcdReaderSide {
		return new VpcdReaderSide(socket, options);
	}

	/** Connects as a reader to a card that listens, as the IPA does to its modem. */
	static async connect(
		address: HostPort,
		options: VpcdReaderOptions & { signal?: AbortSignal },
	): Promise<VpcdReaderSide> {
		return VpcdReaderSide.over(await connectTcp(address, options.signal), options);
	}

	/** Listens for cards that connect, as vpcd does. */
	static listen(
		address: HostPort,
		options: VpcdReaderOptions,
		onCard: (card: VpcdReaderSide) => void,
	): Promise<TcpListener> {
		return listenTcp(address, (socket) => onCard(VpcdReaderSide.over(socket, options)));
	}

	get isOpen(): boolean {
		return this.#failure === undefined;
	}

	/** The answer to reset of the card as it is now. */
	atr(): Promise<Uint8Array> {
		return this.#enqueue(() => this.#exchange(Uint8Array.of(VPCD_GET_ATR)));
	}

	/** Powers the card on and gives its answer to reset. */
	powerOn(): Promise<Uint8Array> {
		return this.#enqueue(() => {
			this.#send(Uint8Array.of(VPCD_POWER_ON));
			return this.#exchange(Uint8Array.of(VPCD_GET_ATR));
		});
	}

	powerOff(): Promise<void> {
		return this.#enqueue(async () => this.#send(Uint8Array.of(VPCD_POWER_OFF)));
	}

	/** Resets the card and gives its answer to reset. */
	reset(): Promise<Uint8Array> {
		return this.#enqueue(() => {
			this.#send(Uint8Array.of(VPCD_RESET));
			return this.#exchange(Uint8Array.of(VPCD_GET_ATR));
		});
	}

	/** Sends a command APDU (at least 4 octets) and gives the response with its two status octets. */
	transmit(apdu: Uint8Array): Promise<Uint8Array> {
		if (apdu.length < 4) {
			const message = `an APDU of ${apdu.length} octets would be a control frame; it needs at least 4`;
			return Promise.reject(new TransportError("TRANSPORT_FRAME_INVALID", message));
		}
		return this.#enqueue(async () => {
			const response = await this.#exchange(apdu);
			if (response.length >= 2) return response;
			throw this.#fail(
				new TransportError("TRANSPORT_FRAME_INVALID", "the card answered an APDU without status octets"),
			);
		});
	}

	/** Closes the connection; calls under way reject with TRANSPORT_CLOSED. */
	close(): void {
		this.#fail(new TransportError("TRANSPORT_CLOSED", "the vpcd connection was closed on the reader's side"));
	}

	#enqueue<T>(call: () => Promise<T>): Promise<T> {
		const result = this.#tail.then(() => {
			if (this.#failure) throw this.#failure;
			return call();
		});
		this.#tail = result.catch(() => undefined);
		return result;
	}

	#send(payload: Uint8Array): void {
		this.#socket.write(vpcdFrame(payload));
	}

	#exchange(payload: Uint8Array): Promise<Uint8Array> {
		return new Promise((resolve, reject) => {
			const timeout = this.#options.timeout ?? Seconds(30);
			const cancelTimer = this.#options.clock.schedule(timeout, () => {
				this.#fail(new TransportError("TRANSPORT_TIMEOUT", `the card did not answer within ${timeout} ms`));
			});
			this.#waiting = { resolve, reject, cancelTimer };
			try {
				this.#send(payload);
			} catch (error) {
				this.#settle()?.reject(toTransportError(error, "vpcd"));
			}
		});
	}

	#receive(chunk: Uint8Array): void {
		try {
			for (const payload of this.#frames.push(chunk)) {
				const waiting = this.#settle();
				if (!waiting) {
					throw new TransportError("TRANSPORT_FRAME_INVALID", "the card sent a frame that nothing had asked for");
				}
				waiting.resolve(payload);
			}
		} catch (error) {
			this.#fail(toTransportError(error, "vpcd connection"));
		}
	}

	#settle(): Waiting | undefined {
		const waiting = this.#waiting;
		this.#waiting = undefined;
		waiting?.cancelTimer();
		return waiting;
	}

	#fail(error: TransportError): TransportError {
		if (this.#failure === undefined) {
			this.#failure = error;
			this.#socket.destroy();
			this.#onClosed(error);
			this.#settle()?.reject(error);
		}
		return this.#failure;
	}
}
