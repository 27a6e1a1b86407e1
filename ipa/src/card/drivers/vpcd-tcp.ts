import { type Clock, sleep } from "@iot-esim/shared/runtime/clock";
import { type HostPort, printHostPort, type TcpListener } from "@iot-esim/shared/transport/tcp";
import { VpcdReaderSide } from "@iot-esim/shared/transport/vpcd";
import { type Duration, Seconds } from "@iot-esim/shared/util/duration";
import type { CardDriver } from "../card-channel.ts";
import { CardError } from "../errors.ts";

export interface VpcdDriverOptions {
	readonly address: HostPort;
	readonly clock: Clock;
	/** Longest wait for one answer of the card; 30 s when absent. */
	readonly timeout?: Duration;
}

export interface VpcdListenOptions extends VpcdDriverOptions {
	/** Longest wait for a card to connect; 30 s when absent. */
	readonly connectTimeout?: Duration;
	/** Told the address in use, which matters for port 0. */
	readonly onListening?: (address: HostPort) => void;
}

/** A card behind a modem (or any vpcd-framed port): connects in the role of the reader. */
export function vpcdDriver(options: VpcdDriverOptions): CardDriver {
	const name = `vpcd://${printHostPort(options.address)}`;
	return readerDriver(name, {
		obtain: () => VpcdReaderSide.connect(options.address, readerOptions(options)),
		release: async () => undefined,
	});
}

/** A bare card that connects to us, as cards connect to vpcd. The port stays open until `close`. */
export function vpcdListenDriver(options: VpcdListenOptions): CardDriver {
	const name = `vpcd+listen://${printHostPort(options.address)}`;
	let listener: TcpListener | undefined;
	let newest: VpcdReaderSide | undefined;
	let arrived: () => void = () => undefined;
	return readerDriver(name, {
		obtain: async () => {
			if (listener === undefined) {
				listener = await VpcdReaderSide.listen(options.address, readerOptions(options), (card) => {
					newest?.close();
					newest = card;
					arrived();
				});
				options.onListening?.(listener.address);
			}
			if (!newest?.isOpen) {
				const arrival = new Promise<void>((resolve) => {
					arrived = resolve;
				});
				await within(options.clock, options.connectTimeout ?? Seconds(30), arrival, `${name}: no card connected`);
			}
			return newest as VpcdReaderSide;
		},
		release: async () => {
			const open = listener;
			listener = undefined;
			newest = undefined;
			await open?.close();
		},
	});
}

interface CardSource {
	obtain(): Promise<VpcdReaderSide>;
	release(): Promise<void>;
}

function readerDriver(name: string, source: CardSource): CardDriver {
	let card: VpcdReaderSide | undefined;
	const withCard = async <T>(step: string, call: (card: VpcdReaderSide) => Promise<T>): Promise<T> => {
		if (card === undefined) throw new CardError("CARD_UNREACHABLE", `${name}: ${step} before open()`);
		try {
			return await call(card);
		} catch (cause) {
			card.close();
			card = undefined;
			throw new CardError("CARD_LINK_LOST", `${name}: the connection broke at ${step}: ${reasonOf(cause)}`, { cause });
		}
	};
	return {
		name,
		open: async () => {
			if (card?.isOpen) return;
			try {
				card = await source.obtain();
			} catch (cause) {
				if (cause instanceof CardError) throw cause;
				throw new CardError("CARD_UNREACHABLE", `${name}: ${reasonOf(cause)}`, { cause });
			}
			await withCard("power on", (one) => one.powerOn());
		},
		reset: () => withCard("reset", (one) => one.reset()),
		transmit: (apdu) => withCard("a command", (one) => one.transmit(apdu)),
		close: async () => {
			const held = card;
			card = undefined;
			if (held?.isOpen) await held.powerOff().catch(() => undefined);
			held?.close();
			await source.release();
		},
	};
}

function readerOptions(options: VpcdDriverOptions) {
	return { clock: options.clock, ...(options.timeout === undefined ? {} : { timeout: options.timeout }) };
}

function reasonOf(cause: unknown): string {
	return cause instanceof Error ? cause.message : String(cause);
}

async function within(clock: Clock, limit: Duration, arrival: Promise<void>, message: string): Promise<void> {
	const waiting = new AbortController();
	const late = sleep(clock, limit, waiting.signal).then(() => {
		throw new CardError("CARD_UNREACHABLE", `${message} within ${limit / 1000} s`);
	});
	late.catch(() => undefined);
	try {
		await Promise.race([arrival, late]);
	} finally {
		waiting.abort();
	}
}
