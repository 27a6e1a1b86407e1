import { createIpa, type IpaSettings } from "@iot-esim/ipa/agent";
import { inProcessDriver } from "@iot-esim/ipa/card/drivers/in-process";
import { Es9PlusClient } from "@iot-esim/ipa/es9plus/es9plus-client";
import { poster } from "@iot-esim/ipa/es9plus/http";
import { jsonBinding } from "@iot-esim/ipa/es9plus/json-binding";
import { httpAsn1Link } from "@iot-esim/ipa/esipa/http-asn1";
import type { IpaEvent } from "@iot-esim/ipa/procedures/ipa-event";
import { type Journal, openJournal } from "@iot-esim/ipa/state/journal";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { Device } from "@iot-esim/sim/network/device";
import type { IpaSession } from "@iot-esim/sim/network/ipa-session";
import type { Network } from "@iot-esim/sim/network/network";
import { CardMemory } from "./card-memory.ts";
import { CardSlot } from "./card-slot.ts";
import type { Draws } from "./draws.ts";
import type { DeviceModel } from "./factory.ts";
import type { Faults } from "./faults.ts";
import { JournalMedium } from "./journal-medium.ts";
import { Life, type MachineClock } from "./life.ts";
import type { Link } from "./link.ts";
import type { RunRecord } from "./record.ts";
import type { Timeline } from "./timeline.ts";

export interface DevicePartOptions {
	readonly name: string;
	readonly model: DeviceModel;
	/** Has another way out than its modem, a cable for instance. */
	readonly hasCable: boolean;
	readonly network: Network;
	readonly timeline: Timeline;
	readonly clock: MachineClock;
	readonly draws: Draws;
	readonly logger: LoggerFactory;
	readonly faults: Faults;
	readonly record: RunRecord;
	readonly settings: IpaSettings;
	readonly link: (isUp: () => boolean) => Link;
	/** A network has taken the device. */
	readonly onAttached: (plmn: string) => void;
}

/** The IPA from one start to its death. */
interface IpaRun {
	readonly life: Life;
	journal: Journal | undefined;
}

/** A device: modem, card and IPA. Journal and card memory outlive every loss of power. */
export class DevicePart {
	readonly name: string;
	readonly model: DeviceModel;
	readonly memory: CardMemory;
	readonly card: CardSlot;
	readonly hardware: Device;
	readonly #options: DevicePartOptions;
	readonly #link: Link;
	readonly #journalMedium: JournalMedium;
	#isOn = true;
	#isCardIn = false;
	#ipa: IpaRun | undefined;

	constructor(options: DevicePartOptions) {
		const { name, model, timeline, clock, draws, logger, faults, record, network } = options;
		this.#options = options;
		this.name = name;
		this.model = model;
		this.memory = new CardMemory(model.memory);
		this.memory.onChange = (change) => record.note(`card ${name}`, change);
		const random = draws.stream("card");
		this.card = new CardSlot({ name, memory: this.memory, random, logger, faults, onCut: () => this.#onCut() });
		this.#journalMedium = new JournalMedium(name, faults, () => clock.now());
		this.#link = options.link(() => this.#isOn && (options.hasCable || this.hardware.isAttached));
		this.hardware = new Device({
			name,
			place: "home",
			clock: timeline,
			log: logger("modem"),
			network,
			bearer: { open: async () => undefined, shut: () => (options.hasCable ? 0 : this.#link.reset()) },
			onEvent: (event) => {
				if (event.type === "attached") {
					record.note(`modem ${name}`, `attached to ${event.plmn}`);
					options.onAttached(event.plmn);
				}
				if (event.type === "detached") record.note(`modem ${name}`, `detached: ${event.reason}`);
			},
			pollInterval: Minutes(10),
			searchInterval: Seconds(20),
			attachTime: Milliseconds(1_500),
		});
	}

	/** Nothing is under way: neither on the card nor in the journal. */
	get isIdle(): boolean {
		const state = this.#ipa?.journal?.state;
		if (state === undefined || this.memory.waiting.length > 0) return false;
		if (!this.#options.hasCable && !this.hardware.isAttached) return false;
		const isQuiet = state.work.phase === "idle" && !state.hasWaitingResults;
		const untold = [state.stateChanges, state.downloadResults].flatMap((byEim) => Object.values(byEim));
		return isQuiet && untold.flat().length === 0;
	}

	/** What is under way, for people. */
	describe(): string {
		const { eid: _eid, lastResult: _last, ...state } = this.#ipa?.journal?.state ?? {};
		const waiting = this.memory.waiting.map(({ kind, seqNumber }) => `${kind} ${seqNumber}`).join(", ");
		const attachment = this.hardware.modem.registration.attachment?.plmn ?? "nowhere";
		return `card keeps [${waiting}], attached to ${attachment}, journal ${JSON.stringify(state).slice(0, 600)}`;
	}

	/** Puts the card in and starts the IPA. */
	start(): void {
		this.#insertCard();
		this.#startIpa();
	}

	/** The faults are over: everything has power again and keeps it. */
	repair(): void {
		this.card.spare();
		if (!this.#isOn) this.#powerUp();
		if (!this.#isCardIn) this.#insertCard();
		if (this.#ipa === undefined) this.#startIpa();
	}

	#insertCard(): void {
		this.#isCardIn = true;
		this.hardware.insertCard(this.card).catch((error) => this.#note(`card not taken: ${error}`));
	}

	#startIpa(): void {
		const { faults, clock, record, logger, draws, settings } = this.#options;
		if (!this.#isOn || this.#ipa !== undefined) return;
		const life = new Life(this.name, clock, (dying, step) => {
			if (!faults.isDeath("ipa", this.name)) return;
			record.fault(`ipa ${this.name}`, `dies ${step}`);
			dying.die();
			if (faults.isDeviceDeath()) this.#loseDevicePower();
		});
		const session = this.hardware.openIpaSession();
		const run: IpaRun = { life, journal: undefined };
		this.#ipa = run;
		life.onDeath(() => {
			this.#ipa = undefined;
			void session.end().catch(() => undefined);
			this.#options.timeline.schedule(faults.downtime(), () => this.#startIpa());
		});
		const random = draws.stream("ipa");
		openJournal(this.#journalMedium.of(life))
			.then((journal) => {
				run.journal = journal;
				const agent = createIpa({
					driver: inProcessDriver(life.owning("card", { ...cardOf(session) })),
					link: (target) =>
						httpAsn1Link(target, { clock: life.clock, timeout: Seconds(30), makeClient: () => this.#client(life) }),
					clock: life.clock,
					random,
					journal,
					logger,
					settings,
					rsp: this.#rsp(life, random),
					registeredPlmn: () => this.#plmn(),
				});
				agent.events.onAny((event) => record.note(`ipa ${this.name}`, shown(event)));
				return agent.run(new AbortController().signal);
			})
			.catch((error) => {
				if (!life.isAlive) return;
				record.note(`ipa ${this.name}`, `ends: ${error}`);
				life.die();
			});
	}

	#client(life: Life) {
		return life.owning("link", {
			request: (message: Parameters<Link["request"]>[1]) => this.#link.request(life.clock, message),
			close: () => undefined,
		});
	}

	/** The way to SM-DP+ and SM-DS without the eIM. */
	#rsp(life: Life, random: Draws): Es9PlusClient {
		const newCallId = () => toHex(random.bytes(8));
		const post = poster(this.#client(life));
		return new Es9PlusClient(jsonBinding({ post, requester: this.name, newCallId }, () => undefined));
	}

	#plmn(): Uint8Array | undefined {
		const plmn = this.hardware.modem.registration.attachment?.plmn;
		if (plmn === undefined) return undefined;
		const [a, b, c, d, e, f = "F"] = plmn;
		return fromHex(`${b}${a}${f}${c}${e}${d}`);
	}

	/** In the middle of a write of the card. */
	#onCut(): void {
		const { record, faults, timeline } = this.#options;
		if (!faults.isCardAlone()) {
			record.fault(this.name, "loses its power in a write of the card");
			this.#ipa?.life.die();
			this.#loseDevicePower();
			return;
		}
		record.fault(`card ${this.name}`, "loses its power in a write");
		this.#isCardIn = false;
		this.hardware.modem.removeCard("its power was cut");
		timeline.schedule(faults.downtime(), () => {
			if (!this.#isCardIn) this.#insertCard();
		});
	}

	#loseDevicePower(): void {
		const { record, faults, timeline } = this.#options;
		if (!this.#isOn) return;
		this.#isOn = false;
		record.fault(this.name, "has no power");
		this.#link.reset();
		this.hardware.setPower(false).catch(() => undefined);
		timeline.schedule(faults.downtime(), () => this.#powerUp());
	}

	#powerUp(): void {
		if (this.#isOn) return;
		this.#isOn = true;
		this.#options.record.note(this.name, "has power again");
		this.hardware.setPower(true).catch((error) => this.#note(`not switched on: ${error}`));
		this.#startIpa();
	}

	#note(what: string): void {
		this.#options.record.note(this.name, what);
	}
}

function cardOf(session: IpaSession) {
	return {
		powerOn: () => session.powerOn(),
		powerOff: () => session.powerOff(),
		reset: () => session.reset(),
		transmit: (apdu: Uint8Array) => session.transmit(apdu),
	};
}

/** An event in one line, without what differs from run to run. */
function shown({ type, ...facts }: IpaEvent): string {
	const members = Object.entries(facts).filter(([name]) => name !== "eid" && name !== "eimId" && name !== "eimIds");
	return [type, ...members.map(([name, value]) => `${name}=${value}`)].join(" ");
}
