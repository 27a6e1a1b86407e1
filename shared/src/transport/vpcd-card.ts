import type { Socket } from "node:net";
import { type Clock, sleep } from "../runtime/clock.ts";
import { type Duration, Seconds } from "../util/duration.ts";
import { TransportError, toTransportError } from "./errors.ts";
import { connectTcp, type HostPort, listenTcp, type TcpListener } from "./tcp.ts";
import { VPCD_GET_ATR, VPCD_POWER_OFF, VPCD_POWER_ON, VPCD_RESET, VpcdFrameReader, vpcdFrame } from "./vpcd-frame.ts";

/** What can be put behind the card end of a vpcd connection. */
export interface VpcdCard {
	/** Gives the answer to reset. */
	powerOn(): Promise<Uint8Array>;
	powerOff(): Promise<void> | void;
	/** Warm reset; gives the answer to reset. */
	reset(): Promise<Uint8Array>;
	atr(): Uint8Array;
	/** Command APDU in, response with its two status octets out. */
	transmit(apdu: Uint8Array): Promise<Uint8Array>;
}

export interface VpcdCardSession {
	/** Resolves when the connection has ended and the card was powered off; never rejects. */
	readonly closed: Promise<TransportError>;
	close(): void;
}

/**
 * Serves a card on an open connection: frames are worked off one after the other. A reader that goes away powers the
 * card off; an error thrown by the card closes the connection, as a card that stops answering does.
 */
export function serveVpcdCard(socket: Socket, card: VpcdCard): VpcdCardSession {
	const frames = new VpcdFrameReader();
	let queue: Promise<void> = Promise.resolve();
	let failure: TransportError | undefined;
	const fail = (error: TransportError) => {
		failure ??= error;
		socket.destroy();
	};
	const answer = async (payload: Uint8Array) => {
		if (failure) return;
		const response = await respond(card, payload);
		if (response && !socket.destroyed) socket.write(vpcdFrame(response));
	};
	socket.setNoDelay(true);
	socket.on("data", (chunk) => {
		try {
			for (const payload of frames.push(chunk)) {
				queue = queue.then(() => answer(payload)).catch((error) => fail(toTransportError(error, "card")));
			}
		} catch (error) {
			fail(toTransportError(error, "vpcd connection"));
		}
	});
	socket.on("error", (error) => fail(toTransportError(error, "vpcd connection")));
	const closed = new Promise<TransportError>((resolve) => {
		socket.on("close", () => {
			failure ??= new TransportError("TRANSPORT_CLOSED", "the reader closed the vpcd connection");
			const end = failure;
			queue
				.then(() => card.powerOff())
				.catch(() => undefined)
				.then(() => resolve(end));
		});
	});
	return {
		closed,
		close: () => fail(new TransportError("TRANSPORT_CLOSED", "the vpcd connection was closed by the card")),
	};
}

async function respond(card: VpcdCard, payload: Uint8Array): Promise<Uint8Array | undefined> {
	if (payload.length >= 4) return card.transmit(payload);
	switch (payload.length === 1 ? payload[0] : undefined) {
		case VPCD_POWER_OFF:
			await card.powerOff();
			return undefined;
		case VPCD_POWER_ON:
			await card.powerOn();
			return undefined;
		case VPCD_RESET:
			await card.reset();
			return undefined;
		case VPCD_GET_ATR:
			return card.atr();
		default:
			throw new TransportError(
				"TRANSPORT_FRAME_INVALID",
				`a payload of ${payload.length} octets is neither APDU nor control`,
			);
	}
}

/** Listens for readers (an IPA, say) and serves each the card that `cardFor` makes for it. */
export function listenForVpcdReaders(address: HostPort, cardFor: (socket: Socket) => VpcdCard): Promise<TcpListener> {
	return listenTcp(address, (socket) => {
		serveVpcdCard(socket, cardFor(socket));
	});
}

/** Keeps a card connected to a reader that listens (vpcd, the modem), and connects again after a loss. */
export function keepVpcdCardConnected(options: {
	readonly address: HostPort;
	readonly card: VpcdCard;
	readonly clock: Clock;
	/** Pause before another attempt; 1 s when absent. */
	readonly retryAfter?: Duration;
	/** Asked before each attempt; while it says no, none is made. */
	readonly isReady?: () => boolean;
	readonly onConnected?: () => void;
	/** Called after each lost connection and each failed attempt. */
	readonly onDisconnected?: (error: TransportError) => void;
}): { stop(): Promise<void> } {
	const stopping = new AbortController();
	let session: VpcdCardSession | undefined;
	const run = async () => {
		while (!stopping.signal.aborted) {
			try {
				if (options.isReady?.() === false) throw new TransportError("TRANSPORT_CLOSED", "the card is not ready");
				session = serveVpcdCard(await connectTcp(options.address, stopping.signal), options.card);
				options.onConnected?.();
				const end = await session.closed;
				options.onDisconnected?.(end);
			} catch (error) {
				options.onDisconnected?.(toTransportError(error, "vpcd connection"));
			}
			session = undefined;
			await sleep(options.clock, options.retryAfter ?? Seconds(1), stopping.signal).catch(() => undefined);
		}
	};
	const running = run();
	return {
		stop: async () => {
			stopping.abort();
			session?.close();
			await running;
		},
	};
}
