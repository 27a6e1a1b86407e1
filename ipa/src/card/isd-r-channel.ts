import type { Logger } from "@iot-esim/shared/runtime/logger";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import {
	type CommandApdu,
	exchange,
	hasProactiveCommand,
	interindustryClass,
	isSuccess,
	type ResponseApdu,
	storeData,
} from "./apdu.ts";
import type { CardDriver } from "./card-channel.ts";
import { CardError, statusHex } from "./errors.ts";
import { drainProactiveCommands } from "./proactive.ts";

/** ISD-R AID of SGP.22 §2.4.3; some cards carry it under another one. */
export const ISD_R_AID = "A0000005591010FFFFFFFF8900000100";

/** Who answers the card's proactive commands: the modem that owns the card, or the agent itself on a bare card. */
export type ProactiveDuty = "modem" | "agent";

export interface IsdRChannelOptions {
	readonly isdrAid?: string;
	/** Logical channel asked for, 1 to 19; the card may give another one. */
	readonly channel?: number;
	/** Data octets in one STORE DATA, 1 to 255. */
	readonly blockSize?: number;
	/** See StoreDataOptions. */
	readonly storeDataWithLe?: boolean;
	readonly proactive?: ProactiveDuty;
	readonly logger: Logger;
}

/** What an ES10 function needs from below: one command in, its whole response out. */
export interface EuiccChannel {
	/**
	 * @param repeatable true for functions that change nothing: when the channel turns out to be lost, it is opened
	 * again and the command sent once more
	 * @throws CardError
	 */
	call(command: Uint8Array, repeatable: boolean): Promise<Uint8Array>;
}

const TERMINAL_CAPABILITY: CommandApdu = { cla: 0x80, ins: 0xaa, p1: 0, p2: 0, data: fromHex("A903830107") };

/** Statuses by which cards and modems say that the logical channel or its selection is gone. */
const CHANNEL_GONE = new Set([0x6881, 0x6882, 0x6985, 0x6999, 0x6a82, 0x6d00, 0x6e00]);

/** A logical channel with the ISD-R selected on it; opened on first use and again after it was lost. */
export class IsdRChannel implements EuiccChannel {
	readonly #driver: CardDriver;
	readonly #options: Required<IsdRChannelOptions>;
	#channel: number | undefined;
	#proactivePending = false;
	/** A bare card may come from another agent with a REFRESH that was never served; a reset ends all that. */
	#mustReset: boolean;

	constructor(driver: CardDriver, options: IsdRChannelOptions) {
		this.#driver = driver;
		this.#options = {
			isdrAid: ISD_R_AID,
			channel: 1,
			blockSize: 255,
			storeDataWithLe: false,
			proactive: "modem",
			...options,
		};
		this.#mustReset = this.#options.proactive === "agent";
	}

	/** True after a 91xx that nobody has served yet. */
	get proactivePending(): boolean {
		return this.#proactivePending;
	}

	/** TERMINAL CAPABILITY, MANAGE CHANNEL, SELECT ISD-R; does nothing when the channel is open. */
	async open(): Promise<void> {
		if (this.#channel !== undefined) return;
		await this.#driver.open();
		if (this.#mustReset) await this.#driver.reset();
		this.#mustReset = false;
		// A card that does not know the command refuses it, and shows its ISD-R all the same.
		await this.#exchange(TERMINAL_CAPABILITY, 0);
		const channel = await this.#manageChannel();
		await this.#selectIsdR(channel);
		this.#channel = channel;
		this.#options.logger.debug("isd-r selected", { card: this.#driver.name, channel });
	}

	async call(command: Uint8Array, repeatable: boolean): Promise<Uint8Array> {
		const wasOpen = this.#channel !== undefined;
		try {
			return await this.#callOnce(command);
		} catch (error) {
			if (!isChannelLoss(error)) throw error;
			this.#channel = undefined;
			if (!repeatable || !wasOpen) throw error;
			this.#options.logger.info("channel lost, opening it again", { card: this.#driver.name, reason: error.message });
			await this.reopen();
			return this.#callOnce(command);
		}
	}

	/**
	 * After a REFRESH or a lost channel. On a bare card: proactive commands are answered, the card is reset. Behind a
	 * modem the reset is the modem's business; the connection is made anew when it broke.
	 */
	async reopen(): Promise<void> {
		const hadProactive = this.#proactivePending;
		const before = this.#channel;
		this.#channel = undefined;
		this.#proactivePending = false;
		if (this.#options.proactive === "agent") {
			await this.#driver.open();
			if (hadProactive) await drainProactiveCommands((apdu) => this.#driver.transmit(apdu), this.#options.logger);
			this.#mustReset = true;
			return this.open();
		}
		try {
			// The modem may not have reset the card: the channel would stay open for nobody.
			if (before !== undefined) await this.#closeChannel(before);
			await this.open();
		} catch (error) {
			if (!isChannelLoss(error)) throw error;
			await this.#driver.close();
			await this.open();
		}
	}

	/** Closes the logical channel and lets go of the card. */
	async close(): Promise<void> {
		const channel = this.#channel;
		this.#channel = undefined;
		try {
			if (channel !== undefined) await this.#closeChannel(channel);
		} catch (error) {
			this.#options.logger.debug("closing the channel failed", { reason: String(error) });
		} finally {
			await this.#driver.close();
		}
	}

	async #callOnce(command: Uint8Array): Promise<Uint8Array> {
		await this.open();
		const { blockSize, storeDataWithLe } = this.#options;
		const channel = this.#channel as number;
		const transmit = (apdu: Uint8Array) => this.#driver.transmit(apdu);
		const response = await storeData(transmit, command, { channel, blockSize, withLe: storeDataWithLe });
		if (hasProactiveCommand(response.status)) this.#proactivePending = true;
		if (!isSuccess(response.status)) {
			const status = response.status;
			const name = toHex(command.subarray(0, 2));
			throw new CardError("CARD_STATUS", `the card refused command ${name} with ${statusHex(status)}`, { status });
		}
		return response.data;
	}

	async #manageChannel(): Promise<number> {
		const wanted = this.#options.channel;
		const open = { cla: 0, ins: 0x70, p1: 0 };
		const byNumber = await this.#exchange({ ...open, p2: wanted, le: 256 }, 0);
		if (isSuccess(byNumber.status)) return byNumber.data[0] ?? wanted;
		const byCard = await this.#exchange({ ...open, p2: 0, le: 1 }, 0);
		const given = byCard.data[0];
		if (isSuccess(byCard.status) && given !== undefined) return given;
		const statuses = `${statusHex(byNumber.status)} for channel ${wanted}, ${statusHex(byCard.status)} for any channel`;
		throw new CardError("CARD_NO_CHANNEL", `the card opens no logical channel: ${statuses}`, { status: byCard.status });
	}

	async #selectIsdR(channel: number): Promise<void> {
		const data = fromHex(this.#options.isdrAid);
		const select = { cla: interindustryClass(channel), ins: 0xa4, p1: 0x04, data };
		let response = await this.#exchange({ ...select, p2: 0x04 }, channel);
		// Cards that know only the ISO form of SELECT refuse P2 04.
		if (response.status === 0x6a86) response = await this.#exchange({ ...select, p2: 0x00 }, channel);
		if (isSuccess(response.status)) return;
		await this.#closeChannel(channel);
		throw new CardError(
			"CARD_NOT_EUICC",
			`no ISD-R under AID ${this.#options.isdrAid}: the card answered ${statusHex(response.status)}`,
			{ status: response.status },
		);
	}

	async #closeChannel(channel: number): Promise<void> {
		await this.#exchange({ cla: 0, ins: 0x70, p1: 0x80, p2: channel, le: 256 }, 0);
	}

	#exchange(command: CommandApdu, channel: number): Promise<ResponseApdu> {
		return exchange((apdu) => this.#driver.transmit(apdu), command, channel);
	}
}

function isChannelLoss(error: unknown): error is CardError {
	if (!(error instanceof CardError)) return false;
	if (error.code === "CARD_LINK_LOST") return true;
	return error.code === "CARD_STATUS" && error.status !== undefined && CHANNEL_GONE.has(error.status);
}
