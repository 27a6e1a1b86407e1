import { createIpa, type DeviceNetwork, type Ipa, type IpaSettings } from "@iot-esim/ipa/agent";
import { inProcessDriver } from "@iot-esim/ipa/card/drivers/in-process";
import type { IpaEvent } from "@iot-esim/ipa/procedures/ipa-event";
import { openJournal } from "@iot-esim/ipa/state/journal";
import { type JournalStorage, memoryJournalStorage } from "@iot-esim/ipa/state/journal-storage";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { FakeClock } from "../support/fake-clock.ts";
import { ScriptedCard } from "./ipa-scripted-card.ts";
import { ScriptedEim } from "./ipa-scripted-eim.ts";

/** Settings of an agent with round numbers. */
export const benchSettings: IpaSettings = {
	card: { proactive: "modem" },
	procedures: {
		refreshDelay: Seconds(1),
		refreshTimeout: Seconds(60),
		rollbackAfter: Minutes(5),
		deliveryRetry: Seconds(5),
		immediateEnable: false,
		consentGranted: true,
		deviceInfo: { tac: new Uint8Array(4), deviceCapabilities: {} },
	},
	pollInterval: Minutes(15),
	retryAfter: Seconds(10),
	retryAtMost: Minutes(15),
	packagesInOneGo: 50,
};

/** Called before and after every effect of the agent; a promise that never resolves is a power cut at that place. */
export type Interruption = (effect: string, moment: "before" | "after") => Promise<void> | undefined;

/** One device with a scripted card and two scripted eIMs; `restart` is what a power cut leaves of the agent. */
export class DeviceBench {
	clock = new FakeClock();
	card = new ScriptedCard();
	eim = new ScriptedEim();
	otherEim = new ScriptedEim("other.example");
	storage: JournalStorage = memoryJournalStorage();
	readonly events: IpaEvent[] = [];
	/** eIMs whose links were opened anew. */
	readonly renewed: string[] = [];
	network: DeviceNetwork | undefined;
	readonly #log = memoryLogger();
	interruption: Interruption = () => undefined;

	/** A new agent over what survives: the card's memory, the journal, the eIMs. */
	async restart(changes: Partial<IpaSettings> = {}): Promise<Ipa> {
		await this.card.reset();
		const interruption = this.interruption;
		const around = async <T>(effect: string, act: () => Promise<T>): Promise<T> => {
			await interruption(effect, "before");
			const result = await act();
			await interruption(effect, "after");
			return result;
		};
		const card = this.card;
		const storage = this.storage;
		const ipa = createIpa({
			driver: inProcessDriver({
				reset: () => card.reset(),
				transmit: (apdu) => around(`card ${apdu[1]?.toString(16)}`, () => card.transmit(apdu)),
			}),
			link: ({ eimId }) => {
				const eim = eimId === this.eim.name ? this.eim : this.otherEim;
				return {
					name: eim.name,
					exchange: (message) => around(`eim ${message[1]?.toString(16)}`, () => eim.exchange(message)),
					renew: () => this.renewed.push(eimId),
					close: () => eim.close(),
				};
			},
			clock: this.clock,
			random: { bytes: (length) => new Uint8Array(length).fill(128) },
			journal: await openJournal({
				read: () => storage.read(),
				append: (bytes) => around("journal append", () => storage.append(bytes)),
				replace: (bytes) => around("journal replace", () => storage.replace(bytes)),
			}),
			logger: this.#log.logger,
			settings: { ...benchSettings, ...changes },
			network: this.network,
		});
		ipa.events.onAny((event) => this.events.push(event));
		return ipa;
	}

	/** A round on the fake clock. */
	async round(ipa: Ipa) {
		return this.clock.until(ipa.pollOnce());
	}

	types(): string[] {
		return this.events.map((event) => event.type);
	}

	/** The log, for a test that failed. */
	log(): string {
		return this.#log.entries.map((entry) => JSON.stringify(entry)).join("\n");
	}
}
