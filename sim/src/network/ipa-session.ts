import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { VpcdCard } from "@iot-esim/shared/transport/vpcd";
import { concatBytes, hex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { exchange, splitResponse } from "./card-line.ts";
import type { Modem } from "./modem.ts";

/** Longest time that an answer announced by 61xx is kept free for its GET RESPONSE. */
const HOLD = Seconds(2);

const Ins = { terminalProfile: 0x10, manageChannel: 0x70, terminalCapability: 0xaa, getResponse: 0xc0 } as const;

const OK = hex`9000`;
const CHANNEL_NOT_SUPPORTED = hex`6881`;

/**
 * The card as the modem offers it to one IPA: logical channels, passed through. The basic channel, proactive commands and
 * the reset of the card belong to the modem:
 * - on the basic channel only MANAGE CHANNEL, TERMINAL CAPABILITY and GET RESPONSE pass; TERMINAL PROFILE is answered
 *   9000, since the modem has sent its own; anything else is answered 6881;
 * - 91xx is answered as 9000, and the modem fetches the command;
 * - power off, power on and reset close this IPA's channels and no more: a reset of the card would throw the device off
 *   the network behind its back;
 * - a channel opened before the modem reset the card (REFRESH) is answered 6881: it has to be opened again.
 *
 * Without a card every call rejects with NETWORK_CARD_ABSENT, which over TCP closes the connection.
 */
export class IpaSession implements VpcdCard {
	readonly #modem: Modem;
	readonly #clock: Clock;
	readonly #channels = new Set<number>();
	readonly #stopListening: () => void;
	#held: { readonly release: () => void; readonly cancel: () => void } | undefined;
	/** The last command on the basic channel opens or closes a channel; its GET RESPONSE tells which. */
	#isOpening = false;

	constructor(modem: Modem, clock: Clock) {
		this.#modem = modem;
		this.#clock = clock;
		this.#stopListening = modem.onReset(() => {
			this.#channels.clear();
			this.#letGo();
		});
	}

	/** Channels that this IPA has open. */
	get openChannels(): readonly number[] {
		return [...this.#channels];
	}

	atr(): Uint8Array {
		return this.#modem.expectAtr();
	}

	powerOn(): Promise<Uint8Array> {
		return this.reset();
	}

	powerOff(): Promise<void> {
		return this.#closeChannels();
	}

	async reset(): Promise<Uint8Array> {
		await this.#closeChannels();
		// The modem may be starting the card at this moment.
		await this.#modem.line.exclusive(async () => undefined);
		return this.#modem.expectAtr();
	}

	/** The IPA has gone: its channels are closed. */
	async end(): Promise<void> {
		await this.#closeChannels();
		this.#stopListening();
	}

	async transmit(apdu: Uint8Array): Promise<Uint8Array> {
		const channel = channelOf(apdu[0] ?? 0);
		const own = channel === 0 ? basicChannelAnswer(apdu) : undefined;
		if (own) return own;
		const wasHeld = this.#held;
		this.#held = undefined;
		wasHeld?.cancel();
		const release = wasHeld?.release ?? (await this.#modem.line.acquire());
		let isHolding = false;
		try {
			if (channel !== 0 && !this.#channels.has(channel)) return CHANNEL_NOT_SUPPORTED;
			const response = await this.#modem.expectCard().transmit(apdu);
			this.#noteChannels(apdu, response);
			const { data, status } = splitResponse(response);
			if (status >> 8 === 0x61) {
				isHolding = true;
				this.#hold(release);
				return response;
			}
			if (status >> 8 !== 0x91) return response;
			this.#modem.noteStatus(status);
			return concatBytes(data, OK);
		} finally {
			if (!isHolding) release();
		}
	}

	/** Keeps the card for the GET RESPONSE that must follow: any other command would lose the answer. */
	#hold(release: () => void): void {
		const cancel = this.#clock.schedule(HOLD, () => this.#letGo());
		this.#held = { release, cancel };
	}

	#letGo(): void {
		this.#held?.cancel();
		this.#held?.release();
		this.#held = undefined;
	}

	#noteChannels(apdu: Uint8Array, response: Uint8Array): void {
		const [, ins, p1, p2 = 0] = apdu;
		const { data, status } = splitResponse(response);
		const isDone = status === 0x9000 || status >> 8 === 0x91;
		if (ins === Ins.manageChannel && p1 === 0x80 && isDone) this.#channels.delete(p2 || channelOf(apdu[0] ?? 0));
		if (ins === Ins.manageChannel && p1 === 0x00) {
			this.#isOpening = p2 === 0;
			if (p2 !== 0 && isDone) this.#channels.add(p2);
		}
		if (this.#isOpening && isDone && data.length === 1) {
			this.#channels.add(data[0] ?? 0);
			this.#isOpening = false;
		}
	}

	async #closeChannels(): Promise<void> {
		this.#letGo();
		const channels = [...this.#channels];
		this.#channels.clear();
		if (channels.length === 0) return;
		await this.#modem.line.exclusive(async () => {
			for (const channel of channels) {
				const { status } = await exchange(
					this.#modem.expectCard(),
					Uint8Array.of(0x00, Ins.manageChannel, 0x80, channel),
				);
				this.#modem.noteStatus(status);
			}
		});
	}
}

/** Logical channel of a class octet (ETSI TS 102 221 §10.1.1): 0 to 3 in the first form, 4 to 19 in the second. */
export function channelOf(cla: number): number {
	return cla & 0x40 ? 4 + (cla & 0x0f) : cla & 0x03;
}

/** What the modem answers itself on the basic channel; undefined for what passes. */
function basicChannelAnswer(apdu: Uint8Array): Uint8Array | undefined {
	switch (apdu[1]) {
		case Ins.manageChannel:
		case Ins.terminalCapability:
		case Ins.getResponse:
			return undefined;
		case Ins.terminalProfile:
			return OK;
		default:
			return CHANNEL_NOT_SUPPORTED;
	}
}
