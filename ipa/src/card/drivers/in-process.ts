import type { CardDriver } from "../card-channel.ts";
import { CardError } from "../errors.ts";

/** A card in the same process: a simulated one, or any object that answers APDUs. */
export interface InProcessCard {
	reset(): Promise<Uint8Array>;
	transmit(apdu: Uint8Array): Promise<Uint8Array>;
	powerOn?(): Promise<Uint8Array>;
	powerOff?(): Promise<void>;
}

/** Drives a card object directly, without any transport. */
export function inProcessDriver(card: InProcessCard, name = "in-process"): CardDriver {
	let isOpen = false;
	const guarded = async <T>(step: string, call: () => Promise<T>): Promise<T> => {
		if (!isOpen) throw new CardError("CARD_UNREACHABLE", `${name}: ${step} before open()`);
		try {
			return await call();
		} catch (cause) {
			isOpen = false;
			throw new CardError("CARD_LINK_LOST", `${name}: the card failed at ${step}: ${String(cause)}`, { cause });
		}
	};
	return {
		name,
		open: async () => {
			if (isOpen) return;
			isOpen = true;
			await guarded("power on", () => (card.powerOn ? card.powerOn() : card.reset()));
		},
		reset: () => guarded("reset", () => card.reset()),
		transmit: (apdu) => guarded("a command", () => card.transmit(apdu)),
		close: async () => {
			if (!isOpen) return;
			isOpen = false;
			await card.powerOff?.();
		},
	};
}
