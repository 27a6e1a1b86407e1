import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { hex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { CoverageWatch } from "@iot-esim/sim/network/coverage-watch";
import { Device } from "@iot-esim/sim/network/device";
import { EventLog } from "@iot-esim/sim/network/events";
import { Hss } from "@iot-esim/sim/network/hss";
import type { IpaSession } from "@iot-esim/sim/network/ipa-session";
import { Network } from "@iot-esim/sim/network/network";
import { memorySequenceStore } from "@iot-esim/sim/network/sequence-store";
import { fixedSubscribers } from "@iot-esim/sim/network/subscriber-source";
import { FakeClock } from "../support/fake-clock.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { subscriberOfTiny, TinyCard, type TinyProfile } from "../support/tiny-card.ts";

const FIRST: TinyProfile = {
	iccid: "8988280666000000014",
	imsi: "999701234567890",
	mncLength: 2,
	k: hex`000102030405060708090A0B0C0D0E0F`,
	opc: hex`101112131415161718191A1B1C1D1E1F`,
};
const SECOND: TinyProfile = { ...FIRST, iccid: "8988280666000000022", imsi: "001010123456063" };
const REFRESH = hex`D0098103010104 82028182`;

/** A device in a network on a fake clock, to which a seeded schedule of mishaps happens. */
class Mishaps {
	readonly clock = new FakeClock();
	readonly #random: SeededRandom;
	readonly #network: Network;
	readonly #watch: CoverageWatch;
	readonly device: Device;
	readonly events: EventLog;
	#card: TinyCard;
	#isCardIn = false;
	#ipa: IpaSession;
	isBearerOpen = false;

	constructor(seed: number) {
		this.#random = new SeededRandom(seed);
		this.events = new EventLog(this.clock);
		const log = silentLogger("test");
		const hss = new Hss({
			sources: [fixedSubscribers([FIRST, SECOND].map(subscriberOfTiny))],
			sequences: memorySequenceStore(),
			random: this.#random,
			log,
		});
		const coverage = { isCoveredByDefault: true, rules: [{ plmn: "*", place: "cellar", covered: false }] };
		this.#network = new Network({ hss, operators: [], coverage, log });
		this.device = new Device({
			name: "meter",
			place: "home",
			clock: this.clock,
			log,
			network: this.#network,
			bearer: {
				open: async () => {
					await this.#after(50);
					this.isBearerOpen = true;
				},
				shut: () => {
					this.isBearerOpen = false;
					return 0;
				},
			},
			onEvent: (event) => this.events.record("meter", event),
			pollInterval: Seconds(30),
			searchInterval: Seconds(5),
			attachTime: Milliseconds(this.#random.below(300)),
		});
		this.#watch = new CoverageWatch(this.clock, this.#network, [this.device]);
		this.#card = this.#newCard();
		this.#ipa = this.device.openIpaSession();
	}

	/** A card whose answers take time, and sometimes never come. */
	#newCard(): TinyCard {
		const card = new TinyCard(this.#random.pick([FIRST, SECOND]));
		const answer = card.transmit.bind(card);
		card.transmit = async (apdu) => {
			await this.#after(20);
			if (this.#isTired && this.#random.below(8) === 0) return hex`6F00`;
			return answer(apdu);
		};
		card.onChannel = (apdu) => {
			if (apdu[1] === 0xc0) return hex`01029000`;
			if (apdu[1] === 0xe2) return hex`6102`;
			if (card.proactive.length > 0) return hex`910B`;
			return hex`9000`;
		};
		return card;
	}
	#isTired = true;

	/** Lets up to `limit` ms pass. */
	#after(limit: number): Promise<void> {
		return new Promise((resolve) => this.clock.schedule(Milliseconds(this.#random.below(limit)), resolve));
	}

	/** One mishap or ordinary act; what it starts goes on while time moves. */
	act(): void {
		const ignore = () => undefined;
		switch (this.#random.below(14)) {
			case 0:
				this.device.moveTo(this.#random.pick(["home", "cellar", "roof"]));
				return;
			case 1:
				this.#network.addCoverageRule({
					plmn: this.#random.pick(["*", "99970", "00101"]),
					place: this.#random.pick(["*", "home", "roof"]),
					covered: this.#random.below(2) === 0,
				});
				this.#watch.reconsider();
				return;
			case 2:
				this.#network.resetCoverage();
				this.#watch.reconsider();
				return;
			case 3:
				this.device.setPower(this.#random.below(2) === 0).catch(ignore);
				return;
			case 4:
				if (this.#isCardIn) this.device.modem.removeCard("pulled");
				this.#isCardIn = false;
				return;
			case 5:
			case 6:
				this.#insert();
				return;
			case 7:
				this.#card.profile = this.#random.pick([FIRST, SECOND, undefined]);
				this.#card.proactive.push(REFRESH);
				return;
			case 8:
				this.#card.proactive.push(hex`D0098103010101 82028182`);
				return;
			case 9:
				this.#ipa.end().catch(ignore);
				this.#ipa = this.device.openIpaSession();
				return;
			default:
				this.#ipa
					.transmit(this.#random.pick([hex`0070000001`, hex`81E2910000`, hex`01C0000002`, hex`81F20000`]))
					.catch(ignore);
		}
	}

	#insert(): void {
		if (this.#random.below(3) === 0) this.#card = this.#newCard();
		this.#isCardIn = true;
		void this.device.insertCard(this.#card);
	}

	advance(): Promise<void> {
		return this.clock.advance(this.#random.pick([0, 1, 5, 50, 300, 6_000, 40_000]));
	}

	/** Throws a sentence on the first thing that must never be. */
	check(): void {
		const status = this.device.status();
		if (status.imsi !== null && status.power === "off") throw new Error("a card without power is known");
		if (status.imsi !== null && !this.#isCardIn) throw new Error("a card that is gone is known");
		if (this.isBearerOpen && !status.attached && !this.#isAttaching())
			throw new Error("the bearer is open without attachment");
		if (!status.attached) return;
		if (!this.isBearerOpen) throw new Error("attached without a bearer");
		if (status.power === "off") throw new Error("attached without power");
		if (!this.#isCardIn) throw new Error("attached without a card");
		const identity = this.device.modem.registration.identity;
		if (!identity || identity.imsi !== status.imsi) throw new Error("attached without identity");
		if (!this.#network.available(identity, this.device.place, this.clock.now()).includes(status.plmn ?? "")) {
			throw new Error(`attached to ${status.plmn} without its coverage`);
		}
	}

	/** The bearer opens a moment before the attachment counts. */
	#isAttaching(): boolean {
		return this.events.since().at(-1)?.type === "authenticated";
	}

	/** Everything is well again: the device must find its network, and the IPA its channel. */
	async recover(): Promise<void> {
		this.#isTired = false;
		this.#network.resetCoverage();
		this.#card = this.#newCard();
		this.#card.profile = FIRST;
		this.#isCardIn = true;
		this.device.moveTo("home");
		this.device.setPower(true).catch(() => undefined);
		void this.device.insertCard(this.#card);
		this.#watch.reconsider();
		await this.clock.advance(120_000);
		if (!this.device.isAttached) throw new Error(`not attached again: ${JSON.stringify(this.device.status())}`);
		const opened = this.device.openIpaSession().transmit(hex`0070000001`);
		const answer = await this.clock.until(opened);
		if (answer.length !== 3) throw new Error("the IPA cannot open a channel");
	}

	async end(): Promise<void> {
		this.#watch.stop();
		await this.clock.until(this.device.stop());
		await this.clock.advance(60_000);
		if (this.clock.pending > 0) throw new Error(`${this.clock.pending} timers are left behind`);
		if (this.isBearerOpen) throw new Error("the bearer is left open");
	}
}

/** Plays the schedule of a seed; rejects with the seed in the message. */
export async function playSchedule(seed: number, acts = 40): Promise<{ readonly attachments: number }> {
	const mishaps = new Mishaps(seed);
	try {
		for (let i = 0; i < acts; i++) {
			mishaps.act();
			await mishaps.advance();
			mishaps.check();
		}
		await mishaps.recover();
		await mishaps.end();
	} catch (error) {
		const last = mishaps.events
			.since()
			.slice(-12)
			.map((event) => event.type);
		throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}; last events ${last.join(", ")}`, {
			cause: error,
		});
	}
	return { attachments: mishaps.events.since().filter((event) => event.type === "attached").length };
}
