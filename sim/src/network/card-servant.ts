import { CommandType } from "@iot-esim/shared/messages/cat/cat-objects";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { concatBytes, hex } from "@iot-esim/shared/util/bytes";
import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";
import { BipChannels } from "./bip/bip-channels.ts";
import { type CardResponse, exchange, expectSuccess, type ModemCard } from "./card-line.ts";
import {
	durationTlv,
	GeneralResult,
	type ProactiveCommand,
	parseProactiveCommand,
	RefreshMode,
	terminalResponse,
} from "./proactive-command.ts";
import { TerminalTimers } from "./terminal-timers.ts";

/** What serving the card's proactive commands asks the modem to do. */
export interface Served {
	/** A REFRESH was answered: the card is to be reset, or only read again. */
	readonly refresh?: { readonly name: string; readonly isUiccReset: boolean };
	/** The card wants this time between two STATUS commands; 0 for none. */
	readonly pollInterval?: Duration;
}

/** A card that goes on asking for ever is left alone after so many commands in a row; a STATUS finds it again. */
const MAX_IN_A_ROW = 1024;

/** The modem's own commands on the basic channel of one powered card. Every call needs the line to be held. */
export class CardServant {
	readonly #card: ModemCard;
	readonly #log: Logger;
	readonly #timers: TerminalTimers | undefined;
	readonly #bip: BipChannels | undefined;
	#pending = 0;

	/** @param serves the card's timers and channels; they are beyond the capabilities of a modem without */
	constructor(
		card: ModemCard,
		log: Logger,
		serves: { readonly timers?: TerminalTimers | undefined; readonly bip?: BipChannels | undefined } = {},
	) {
		this.#card = card;
		this.#log = log;
		this.#timers = serves.timers;
		this.#bip = serves.bip;
	}

	/** Sends a command; a 91xx of its answer is kept for `takePending`. */
	async send(apdu: Uint8Array): Promise<CardResponse> {
		const response = await exchange(this.#card, apdu);
		if (response.status >> 8 === 0x91) this.#pending = response.status & 0xff;
		return response;
	}

	/** Length of the proactive command that waits, 0 for none; asked once. */
	takePending(): number {
		const pending = this.#pending;
		this.#pending = 0;
		return pending;
	}

	/** TERMINAL PROFILE; a card that does not know it has no toolkit. Gives the length of a command that waits. */
	async introduce(terminalProfile: Uint8Array): Promise<number> {
		await this.send(terminalProfile);
		return this.takePending();
	}

	/** STATUS without data (TS 102 221 §11.1.2). Gives the length of a command that waits. */
	async poll(): Promise<number> {
		await this.send(hex`80F2000C`);
		return this.takePending();
	}

	/** ENVELOPE (TS 102 221 §11.2.2). Gives the length of a command that waits. */
	async envelope(data: Uint8Array): Promise<number> {
		await this.send(concatBytes(hex`80C20000`, Uint8Array.of(data.length), data));
		return this.takePending();
	}

	/**
	 * Fetches and answers commands until none waits or the card wants to be reset.
	 * @throws NetworkError NETWORK_CARD_REFUSED, NETWORK_CARD_ANSWER_INVALID
	 */
	async serve(length: number): Promise<Served> {
		let served: Served = {};
		let pending = length;
		for (let count = 0; pending > 0 && count < MAX_IN_A_ROW; count++) {
			const fetched = expectSuccess(await this.send(Uint8Array.of(0x80, 0x12, 0x00, 0x00, pending)), "FETCH");
			this.takePending();
			const command = parseProactiveCommand(fetched);
			if (command.type === CommandType.setUpEventList) this.#bip?.noteEventList(command);
			const [body, wish] = await this.#answer(command);
			this.#log.debug("proactive command", { type: command.type, qualifier: command.qualifier });
			const response = concatBytes(hex`80140000`, Uint8Array.of(body.length), body);
			served = { ...served, ...wish };
			const answered = await this.send(response);
			pending = this.takePending();
			// A card on its way to a reset may answer what it likes.
			if (served.refresh?.isUiccReset) break;
			expectSuccess(answered, "TERMINAL RESPONSE");
		}
		return served;
	}

	async #answer(command: ProactiveCommand): Promise<[body: Uint8Array, wish: Served]> {
		if (this.#timers && TerminalTimers.serves(command)) return [this.#timers.answer(command), {}];
		if (this.#bip && BipChannels.serves(command)) return [await this.#bip.answer(command), {}];
		return answerTo(command);
	}
}

/** What the modem answers, and what it will do. Commands it does not know are beyond its capabilities. */
function answerTo(command: ProactiveCommand): [body: Uint8Array, wish: Served] {
	switch (command.type) {
		case CommandType.refresh: {
			const name = RefreshMode[command.qualifier as keyof typeof RefreshMode] ?? `mode ${command.qualifier}`;
			return [
				terminalResponse(command, GeneralResult.performed),
				{ refresh: { name, isUiccReset: command.qualifier === 4 } },
			];
		}
		case CommandType.pollInterval: {
			const interval = Math.max(1_000, command.duration ?? 30_000);
			const granted = durationTlv(interval / 1_000);
			return [terminalResponse(command, GeneralResult.performed, granted), { pollInterval: Milliseconds(interval) }];
		}
		case CommandType.pollingOff:
			return [terminalResponse(command, GeneralResult.performed), { pollInterval: Milliseconds(0) }];
		case CommandType.moreTime:
		case CommandType.setUpEventList:
			return [terminalResponse(command, GeneralResult.performed), {}];
		default:
			return [terminalResponse(command, GeneralResult.beyondCapabilities), {}];
	}
}
