import { createIpa, type IpaSettings } from "@iot-esim/ipa/agent";
import { inProcessDriver } from "@iot-esim/ipa/card/drivers/in-process";
import { Es9PlusClient } from "@iot-esim/ipa/es9plus/es9plus-client";
import { poster } from "@iot-esim/ipa/es9plus/http";
import { jsonBinding } from "@iot-esim/ipa/es9plus/json-binding";
import { httpAsn1Link } from "@iot-esim/ipa/esipa/http-asn1";
import { httpJsonLink } from "@iot-esim/ipa/esipa/http-json";
import type { IpaEvent } from "@iot-esim/ipa/procedures/ipa-event";
import { type Journal, openJournal } from "@iot-esim/ipa/state/journal";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { Network } from "@iot-esim/sim/network/network";
import { CardMemory } from "./card-memory.ts";
import { CardSlot } from "./card-slot.ts";
import type { Draws } from "./draws.ts";
import type { DeviceModel } from "./factory.ts";
import type { Faults } from "./faults.ts";
import { bareHardware, type Hardware, modemHardware } from "./hardware.ts";
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
	/** Has no modem: the IPA is alone with the card. */
	readonly isBare: boolean;
	readonly binding: "asn1" | "json";
	/** Nothing that the device does by itself is known from its journal alone. */
	readonly mayLoseJournal: boolean;
	readonly isCovered: (plmn: string) => boolean;
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

/** Errors that say of the IPA itself that it has lost its way. */
const STUMBLES = ["UNKNOWN", "JOURNAL_EVENT_MISPLACED"];

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
	readonly hardware: Hardware;
	readonly #options: DevicePartOptions;
	readonly #link: Link;
	readonly #journalMedium: JournalMedium;
	/** Goes on over restarts of the IPA. */
	readonly #random: Draws;
	#isOn = true;
	#isCardIn = false;
	#ipa: IpaRun | undefined;
	/** Every run of the IPA waits by this signal, the dead ones too. */
	readonly #ended = new AbortController();

	constructor(options: DevicePartOptions) {
		const { name, model, timeline, clock, draws, logger, faults, record, network } = options;
		this.#options = options;
		this.name = name;
		this.model = model;
		this.memory = new CardMemory(model.memory);
		this.memory.onChange = (change) => record.note(`card ${name}`, change);
		this.#random = draws.stream("ipa");
		const random = draws.stream("card");
		this.card = new CardSlot({
			name,
			memory: this.memory,
			random,
			logger,
			faults,
			timeline,
			onCut: () => this.#onCut(),
		});
		this.#journalMedium = new JournalMedium(name, faults, () => clock.now());
		this.#link = options.link(() => this.#isOn && (options.hasCable || this.hardware.plmn !== undefined));
		this.hardware = (options.isBare ? bareHardware : modemHardware)({
			name,
			card: this.card,
			model,
			timeline,
			network,
			isCovered: options.isCovered,
			log: logger("modem"),
			note: (what) => record.note(`modem ${name}`, what),
			onAttached: options.onAttached,
			onDetached: () => (options.hasCable ? 0 : this.#link.reset()),
		});
	}

	/** Nothing is under way: neither on the card nor in the journal. */
	get isIdle(): boolean {
		const state = this.#ipa?.journal?.state;
		if (state === undefined || this.memory.waiting.length > 0) return false;
		if (!this.#options.hasCable && this.hardware.plmn === undefined) return false;
		const isQuiet = state.work.phase === "idle" && !state.hasWaitingResults;
		const untold = [state.stateChanges, state.downloadResults].flatMap((byEim) => Object.values(byEim));
		return isQuiet && untold.flat().length === 0;
	}

	/** What is under way, for people. */
	describe(): string {
		const { eid: _eid, lastResult: _last, ...state } = this.#ipa?.journal?.state ?? {};
		const waiting = this.memory.waiting.map(({ kind, seqNumber }) => `${kind} ${seqNumber}`).join(", ");
		const attachment = this.hardware.plmn ?? "nothing";
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
		this.hardware.insertCard();
	}

	#startIpa(): void {
		const { faults, clock, record, logger, settings } = this.#options;
		if (!this.#isOn || this.#ipa !== undefined) return;
		const life = new Life(this.name, clock, (dying, step) => {
			if (!faults.isDeath("ipa", this.name)) return;
			record.fault(`ipa ${this.name}`, `dies ${step}`);
			dying.die();
			if (faults.isDeviceDeath()) this.#loseDevicePower();
		});
		const session = this.hardware.openSession();
		const run: IpaRun = { life, journal: undefined };
		this.#ipa = run;
		life.onDeath(() => {
			this.#ipa = undefined;
			session.end();
			this.#options.timeline.schedule(faults.downtime(), () => this.#startIpa());
		});
		const random = this.#random;
		if (this.#options.mayLoseJournal && faults.isJournalLost()) {
			record.fault(`ipa ${this.name}`, "finds an empty journal");
			this.#journalMedium.erase();
		}
		const openLink = this.#options.binding === "json" ? httpJsonLink : httpAsn1Link;
		openJournal(this.#journalMedium.of(life))
			.then((journal) => {
				run.journal = journal;
				const agent = createIpa({
					driver: inProcessDriver(life.owning("card", session.card)),
					link: (target) =>
						openLink(target, { clock: life.clock, timeout: Seconds(30), makeClient: () => this.#client(life) }),
					clock: life.clock,
					random,
					journal,
					logger,
					settings,
					rsp: this.#rsp(life, random),
					registeredPlmn: () => this.#plmn(),
				});
				agent.events.onAny((event) => {
					const isSurprise = event.type === "poll-failed" && STUMBLES.includes(event.code);
					if (isSurprise) record.surprise(`ipa ${this.name}`, shown(event));
					else record.note(`ipa ${this.name}`, shown(event));
				});
				return agent.run(this.#ended.signal);
			})
			.catch((error) => {
				if (!life.isAlive) return;
				record.note(`ipa ${this.name}`, `ends: ${error}`);
				life.die();
			});
	}

	/** Lets go of what waits in any run of the IPA: a signal with a listener is never collected. */
	close(): void {
		this.#ipa?.life.die();
		this.#ended.abort();
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
		const { plmn } = this.hardware;
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
		this.hardware.removeCard();
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
		this.hardware.setPower(false);
		timeline.schedule(faults.downtime(), () => this.#powerUp());
	}

	#powerUp(): void {
		if (this.#isOn) return;
		this.#isOn = true;
		this.#options.record.note(this.name, "has power again");
		this.hardware.setPower(true);
		this.#startIpa();
	}
}

/** An event in one line, without what differs from run to run. */
function shown({ type, ...facts }: IpaEvent): string {
	const members = Object.entries(facts).filter(([name]) => name !== "eid" && name !== "eimId" && name !== "eimIds");
	return [type, ...members.map(([name, value]) => `${name}=${value}`)].join(" ");
}
