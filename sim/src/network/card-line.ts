import { concatBytes, toHex } from "@iot-esim/shared/util/bytes";
import { NetworkError } from "./errors.ts";

/** The card as the modem holds it; a `VpcdReaderSide` and a card in process both fit. */
export interface ModemCard {
	/** Gives the answer to reset. */
	powerOn(): Promise<Uint8Array>;
	powerOff(): Promise<void> | void;
	reset(): Promise<Uint8Array>;
	transmit(apdu: Uint8Array): Promise<Uint8Array>;
}

/** A response APDU taken apart. */
export interface CardResponse {
	readonly data: Uint8Array;
	/** Both status octets as one number, as 0x9000. */
	readonly status: number;
}

/** One user of the card at a time: a holder has the card for itself until it lets go. First come, first served. */
export class CardLine {
	#tail: Promise<void> = Promise.resolve();

	/** Waits for the line; the returned function lets it go and may be called more than once. */
	async acquire(): Promise<() => void> {
		const before = this.#tail;
		let release: () => void = () => undefined;
		this.#tail = new Promise((resolve) => {
			release = resolve;
		});
		await before;
		return release;
	}

	/** Runs `use` with the line held. */
	async exclusive<T>(use: () => Promise<T>): Promise<T> {
		const release = await this.acquire();
		try {
			return await use();
		} finally {
			release();
		}
	}
}

/** Splits a response into data and status. */
export function splitResponse(response: Uint8Array): CardResponse {
	const end = response.length - 2;
	if (end < 0) throw new NetworkError("NETWORK_CARD_ANSWER_INVALID", "the card answered without status octets");
	return { data: response.slice(0, end), status: ((response[end] ?? 0) << 8) | (response[end + 1] ?? 0) };
}

/** Sends a command of the basic channel, which has no data or ends in its Le, and collects its whole answer: 61xx by GET RESPONSE, 6Cxx by repeating with that length. */
export async function exchange(card: ModemCard, apdu: Uint8Array): Promise<CardResponse> {
	let answer = splitResponse(await card.transmit(apdu));
	if (answer.status >> 8 === 0x6c) {
		const withoutLe = apdu.length <= 5 ? apdu.subarray(0, 4) : apdu.subarray(0, -1);
		const repeated = concatBytes(withoutLe, Uint8Array.of(answer.status & 0xff));
		answer = splitResponse(await card.transmit(repeated));
	}
	const parts = [answer.data];
	for (let round = 0; answer.status >> 8 === 0x61; round++) {
		if (round > 256) throw new NetworkError("NETWORK_CARD_ANSWER_INVALID", "the card's answer does not end (61xx)");
		answer = splitResponse(await card.transmit(Uint8Array.of(0x00, 0xc0, 0x00, 0x00, answer.status & 0xff)));
		parts.push(answer.data);
	}
	return { data: concatBytes(...parts), status: answer.status };
}

/** True for 9000 and for 91xx, which adds that a proactive command waits. */
export function isSuccess(status: number): boolean {
	return status === 0x9000 || status >> 8 === 0x91;
}

/** @throws NetworkError NETWORK_CARD_REFUSED */
export function expectSuccess(response: CardResponse, command: string): Uint8Array {
	if (isSuccess(response.status)) return response.data;
	const status = response.status.toString(16).toUpperCase();
	const data = response.data.length > 0 ? ` with ${toHex(response.data)}` : "";
	throw new NetworkError("NETWORK_CARD_REFUSED", `the card answered ${command} with status ${status}${data}`);
}
