import { type DeviceMessage, isBeginning, isSame, isTransferAnswer, isWhole, readMessage } from "./device-message.ts";

export interface ToldMessagesOptions {
	/** What stands in the device's resource now. */
	readonly read: () => Promise<Uint8Array>;
	/** Takes a whole message. */
	readonly take: (whole: DeviceMessage) => void;
	readonly onUnreadable: (error: unknown) => void;
}

/** The messages that a device tells of: what it tells the beginning of is read. */
export class ToldMessages {
	readonly #options: ToldMessagesOptions;
	/** What the device has told of last, or the beginning of it. */
	#latest: DeviceMessage | undefined;
	#isReading = false;

	constructor(options: ToldMessagesOptions) {
		this.#options = options;
	}

	/** A message, however it came, or the beginning of one. */
	tell(octets: Uint8Array): void {
		const told = readMessage(octets);
		// There is none to tell of.
		if (told.message.length === 0) return;
		this.#latest = told;
		if (isWhole(told)) this.#options.take(told);
		else if (!this.#isReading) void this.#readAll(told);
	}

	/** Reads this one, and what the device tells the beginning of meanwhile. */
	async #readAll(told: DeviceMessage): Promise<void> {
		this.#isReading = true;
		for (let reading: DeviceMessage | undefined = told; reading !== undefined; ) {
			reading = await this.#readOne(reading);
		}
		this.#isReading = false;
	}

	/** What is to be read next. */
	async #readOne(told: DeviceMessage): Promise<DeviceMessage | undefined> {
		const whole = await this.#readWhole();
		const latest = this.#latest ?? told;
		const isLatest = isSame(latest, told) || (whole !== undefined && isBeginning(latest, whole));
		// A device has one request at a time, and beside it the answer to what it was brought.
		const isReplaced = !isLatest && whole !== undefined && isTransferAnswer(latest) === isTransferAnswer(whole);
		if (whole !== undefined && !isReplaced) this.#options.take(whole);
		return isLatest || isWhole(latest) ? undefined : latest;
	}

	async #readWhole(): Promise<DeviceMessage | undefined> {
		const { read, onUnreadable } = this.#options;
		try {
			return readMessage(await read());
		} catch (error) {
			onUnreadable(error);
			return undefined;
		}
	}
}
