import { Iccid } from "@iot-esim/shared/ids/iccid";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { Card } from "@iot-esim/sim/euicc/card";
import { FaultyDisk } from "@iot-esim/sim/euicc/faults";
import { DEFAULT_LIMITS } from "@iot-esim/sim/euicc/file-system/installation-limits";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { Nvm } from "@iot-esim/sim/euicc/nvm/nvm";
import { type Profile, ProfileRegistry } from "@iot-esim/sim/euicc/state/profiles";
import type { ModemCard } from "@iot-esim/sim/network/card-line";
import type { CardMemory } from "./card-memory.ts";
import type { Faults } from "./faults.ts";
import type { Timeline } from "./timeline.ts";

export interface CardSlotOptions {
	readonly name: string;
	readonly memory: CardMemory;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly faults: Faults;
	readonly timeline: Timeline;
	/** The power of the card is gone, in the middle of a write. */
	readonly onCut: () => void;
}

/** The card in its slot. After a cut of its power it is another object over what its memory kept. */
export class CardSlot implements ModemCard {
	readonly #options: CardSlotOptions;
	readonly #disk: FaultyDisk;
	readonly #fileSystems: ReturnType<typeof profileFileSystems>;
	#card: Card | undefined;
	#enabled: { readonly revision: number; readonly iccid: string | undefined } | undefined;

	constructor(options: CardSlotOptions) {
		this.#options = options;
		this.#fileSystems = profileFileSystems(DEFAULT_LIMITS, options.random);
		this.#disk = new FaultyDisk(options.memory, () => {
			this.#card = undefined;
			options.onCut();
		});
	}

	async powerOn(): Promise<Uint8Array> {
		const { faults, name, random, logger } = this.#options;
		if (this.#card === undefined) {
			this.#disk.restore();
			const onError = (error: unknown) => logger("card").error("card failed", { error });
			this.#card = new Card({ nvm: new Nvm(this.#disk), fileSystems: this.#fileSystems, random, onError });
			const cut = faults.nextCut(name);
			if (cut !== undefined) this.#disk.cutPower(cut);
		}
		return this.#card.powerOn();
	}

	async powerOff(): Promise<void> {
		await this.#card?.powerOff();
	}

	async reset(): Promise<Uint8Array> {
		return this.#card === undefined ? this.powerOn() : this.#card.reset();
	}

	async transmit(apdu: Uint8Array): Promise<Uint8Array> {
		await this.#pause();
		if (this.#card === undefined) throw new Error("the card has no power");
		return this.#card.transmit(apdu);
	}

	/** A slow card takes its time before it does anything. */
	async #pause(): Promise<void> {
		const { faults, timeline } = this.#options;
		const wait = faults.delayOf("card");
		if (wait > 0) await new Promise<void>((resolve) => timeline.schedule(wait, resolve));
	}

	/** Nothing cuts its power any more. */
	spare(): void {
		this.#disk.cutPower({ write: 0, octets: 0 });
	}

	/** The ICCID of the profile that is enabled in its memory. */
	enabledIccid(): string | undefined {
		const { revision } = this.#options.memory;
		if (this.#enabled?.revision !== revision) {
			const enabled = this.profiles().find(({ isEnabled }) => isEnabled);
			this.#enabled = { revision, iccid: enabled && Iccid.fromBytes(enabled.iccid) };
		}
		return this.#enabled.iccid;
	}

	/** The profiles as a card that starts now would have them. */
	profiles(): readonly Profile[] {
		const contents = this.#options.memory.read();
		return contents === undefined ? [] : new ProfileRegistry(new Nvm(copyOf(contents))).list();
	}
}

function copyOf(contents: Uint8Array) {
	const ignore = () => undefined;
	return { read: () => contents, append: ignore, truncate: ignore, replace: ignore, close: ignore };
}
