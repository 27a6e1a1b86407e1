import { hex, toHex } from "@iot-esim/shared/util/bytes";
import type { Duration } from "@iot-esim/shared/util/duration";
import { BipChannels } from "./bip/bip-channels.ts";
import { NameServer } from "./bip/name-server.ts";
import { CardLine, type ModemCard } from "./card-line.ts";
import { CardServant } from "./card-servant.ts";
import type { DataPath } from "./data-path.ts";
import { NetworkError } from "./errors.ts";
import type { DetachReason } from "./events.ts";
import { Registration, type RegistrationOptions } from "./registration.ts";
import { TerminalTimers } from "./terminal-timers.ts";
import { type AuthenticateAnswer, authenticate, readIccid, readIdentity, type Send } from "./usim.ts";

export interface ModemOptions extends RegistrationOptions {
	readonly pin?: string;
	/** Time between two STATUS commands, until the card asks for another. */
	readonly pollInterval: Duration;
	/** Where the card's own channels lead (bearer independent protocol); it is offered none when absent. */
	readonly dataPath?: DataPath;
	/** Whether the card is offered timers (TIMER MANAGEMENT); true when absent. */
	readonly hasTimers?: boolean;
}

/** Contents of TERMINAL PROFILE (TS 102 223 §5.2), octets of which the bits of several are put together. */
const TerminalProfile = {
	/** Profile download; MORE TIME, POLL INTERVAL, POLLING OFF, REFRESH; SET UP EVENT LIST. */
	basic: hex`01 00 E8 00 01`,
	/** Timer expiration, TIMER MANAGEMENT with all its actions. */
	timers: hex`20 00 00 00 00 00 00 03`,
	/** The events of channels, the commands of the bearer independent protocol, a packet bearer with seven channels, TCP and UDP. */
	channels: hex`00 00 00 00 00 0C 00 00 00 00 00 1F E2 00 00 00 03`,
} as const;

/** TERMINAL PROFILE with what is offered besides. */
function profileOf(offered: { readonly timers: unknown; readonly channels: unknown }): Uint8Array {
	const names = ["timers", "channels"] as const;
	const parts = [TerminalProfile.basic, ...names.flatMap((name) => (offered[name] ? [TerminalProfile[name]] : []))];
	const length = Math.max(...parts.map((part) => part.length));
	const octets = Array.from({ length }, (_, i) => parts.reduce((bits, part) => bits | (part[i] ?? 0), 0));
	return Uint8Array.of(0x80, 0x10, 0x00, 0x00, length, ...octets);
}

/** A card that cannot be read so often in a row is left alone until it is reset. */
const MAX_FAILED_READS = 3;

/**
 * The modem of one device. It owns the card: everybody else (the IPA) reaches it through `line`, and only the modem
 * uses the basic channel, serves proactive commands and resets the card.
 */
export class Modem {
	readonly line = new CardLine();
	/** Where the device is registered, and with which USIM. */
	readonly registration: Registration;
	readonly #options: ModemOptions;
	readonly #onReset = new Set<() => void>();
	#card: ModemCard | undefined;
	#atr: Uint8Array | undefined;
	#isOn = true;
	/** Rises with every reset of the card: work begun before belongs to a card state that is gone. */
	#epoch = 0;
	#servant: CardServant | undefined;
	#bip: BipChannels | undefined;
	#timers: TerminalTimers | undefined;
	readonly #names = new NameServer();
	#iccid: string | undefined;
	#failedReads = 0;
	#pollInterval: Duration;
	#cancelRetry: () => void = () => undefined;
	#cancelPoll: () => void = () => undefined;

	constructor(options: ModemOptions) {
		this.#options = options;
		const onDetached = () => options.onDetached() + (this.#bip?.drop() ?? 0);
		this.registration = new Registration({ ...options, onDetached });
		this.#pollInterval = options.pollInterval;
	}

	/** Also known of a card without USIM, when it has an EF.ICCID. */
	get iccid(): string | undefined {
		return this.#iccid;
	}
	get isOn(): boolean {
		return this.#isOn;
	}

	/** True while a card is powered and has given its answer to reset. */
	get hasCard(): boolean {
		return this.#atr !== undefined;
	}

	/** @throws NetworkError NETWORK_CARD_ABSENT */
	expectCard(): ModemCard {
		if (this.#card && this.#isOn) return this.#card;
		throw new NetworkError("NETWORK_CARD_ABSENT", this.#isOn ? "no card is in the modem" : "the modem is switched off");
	}

	/** The card's answer to reset. @throws NetworkError NETWORK_CARD_ABSENT, also before the card has given one */
	expectAtr(): Uint8Array {
		this.expectCard();
		if (this.#atr) return this.#atr;
		throw new NetworkError("NETWORK_CARD_ABSENT", "the card in the modem has not started");
	}

	/** Calls `listener` after every reset or loss of the card: all logical channels are gone then. */
	onReset(listener: () => void): () => void {
		this.#onReset.add(listener);
		return () => {
			this.#onReset.delete(listener);
		};
	}

	/** Takes a card, replacing any other, and resolves when it was read; the search for a network goes on after that. */
	async insertCard(card: ModemCard): Promise<void> {
		if (this.#card) this.removeCard("another card was inserted");
		this.#card = card;
		if (this.#isOn) await this.line.exclusive(() => this.#start(() => card.powerOn(), "card-inserted"));
	}

	/** The card is gone, or its connection. */
	removeCard(reason: string): void {
		if (!this.#card) return;
		this.#card = undefined;
		this.#forgetCard("card-removed");
		this.#options.onEvent({ type: "card-removed", reason });
	}

	/** Switches the device on or off. Off, the card has no power and nothing is attached. */
	async setPower(isOn: boolean): Promise<void> {
		if (isOn === this.#isOn) return;
		this.#isOn = isOn;
		this.#options.onEvent({ type: "power-changed", isOn });
		const card = this.#card;
		if (!card) return;
		if (isOn) return this.line.exclusive(() => this.#start(() => card.powerOn(), "card-inserted"));
		this.#forgetCard("powered-off");
		await this.line.exclusive(async () => card.powerOff());
	}

	/** Ends everything; the card is powered off. */
	async stop(): Promise<void> {
		const card = this.#card;
		this.#card = undefined;
		this.#forgetCard("stopped");
		await this.line.exclusive(async () => card?.powerOff()).catch(() => undefined);
	}

	/**
	 * Notes the status of any command on the card. On 91xx the waiting command is fetched, before anybody who queues for
	 * the line from now on.
	 */
	noteStatus(status: number): void {
		if (status >> 8 !== 0x91) return;
		const epoch = this.#epoch;
		void this.line.exclusive(async () => {
			if (epoch === this.#epoch) await this.#serve(status & 0xff);
		});
	}

	/**
	 * Powers or resets the card, reads it and starts the search. Called with the line held. Whoever takes the card or the
	 * power away meanwhile has begun another epoch, and nothing of this one counts any more.
	 */
	async #start(reset: () => Promise<Uint8Array>, event: "card-inserted" | "reset"): Promise<void> {
		this.#forgetCard("refresh");
		const card = this.#card;
		if (!card || !this.#isOn) return;
		const epoch = this.#epoch;
		const { servant, bip, timers } = this.#newServant(card);
		try {
			const atr = await reset();
			if (epoch !== this.#epoch) return;
			this.#atr = atr;
			this.#servant = servant;
			this.#bip = bip;
			this.#timers = timers;
			if (event === "card-inserted") this.#options.onEvent({ type: "card-inserted", atr: toHex(atr) });
			const pending = await servant.introduce(profileOf({ timers, channels: bip }));
			if (epoch === this.#epoch && pending > 0) await this.#serve(pending);
			if (epoch === this.#epoch) await this.#read(servant);
		} catch (error) {
			if (epoch === this.#epoch) this.#unusable(error);
		}
	}

	/** Timers and channels of one life of the card; what happens with them is brought to it as soon as the line is free. */
	#newServant(card: ModemCard) {
		const { dataPath: path, hasTimers = true, clock, onEvent, log } = this.#options;
		const tell = (envelope: Uint8Array) => {
			void this.line.exclusive(async () => {
				if (this.#servant !== servant) return;
				const pending = await servant.envelope(envelope).catch((error) => {
					log.debug("ENVELOPE failed", { error });
					return 0;
				});
				if (pending > 0) await this.#serve(pending);
			});
		};
		const isAttached = () => this.registration.attachment !== undefined;
		const timers = hasTimers ? new TerminalTimers(clock, tell) : undefined;
		const bip = path && new BipChannels({ path, names: this.#names, isAttached, tell, onEvent, log });
		const servant = new CardServant(card, log, { timers, bip });
		return { servant, bip, timers };
	}

	/** Reads who the card is. Called with the line held. */
	async #read(servant: CardServant): Promise<void> {
		const epoch = this.#epoch;
		this.#pollAfter(this.#pollInterval);
		const send: Send = (apdu) => servant.send(apdu);
		const identity = await readIdentity(send, this.#options.pin);
		const iccid = identity?.iccid ?? (await readIccid(send).catch(() => undefined));
		if (epoch !== this.#epoch) return;
		this.#failedReads = 0;
		this.#iccid = iccid;
		const imsi = identity?.imsi;
		this.#options.onEvent({
			type: "card-read",
			...(iccid === undefined ? {} : { iccid }),
			...(imsi === undefined ? {} : { imsi }),
		});
		if (identity) this.registration.begin(identity, (rand, autn) => this.#challenge(rand, autn, epoch));
		const pending = servant.takePending();
		if (pending > 0) await this.#serve(pending);
	}

	/** Fetches and answers proactive commands until none waits. Called with the line held. */
	async #serve(length: number): Promise<void> {
		const epoch = this.#epoch;
		const card = this.#card;
		const servant = this.#servant;
		if (!card || !servant) return;
		try {
			const outcome = await servant.serve(length);
			if (epoch !== this.#epoch) return;
			if (outcome.pollInterval !== undefined) {
				this.#pollInterval = outcome.pollInterval;
				this.#pollAfter(outcome.pollInterval);
			}
			if (!outcome.refresh) return;
			this.#options.onEvent({ type: "refreshed", mode: outcome.refresh.name });
			if (outcome.refresh.isUiccReset) await this.#start(() => card.reset(), "reset");
			else await this.#reread();
		} catch (error) {
			if (epoch === this.#epoch) this.#unusable(error);
		}
	}

	/** REFRESH without reset: files may have changed and the USIM is initialised again; channels stay. */
	async #reread(): Promise<void> {
		const servant = this.#servant;
		if (!servant) return;
		const epoch = ++this.#epoch;
		this.#cancelRetry();
		this.#iccid = undefined;
		this.registration.end("refresh");
		try {
			await this.#read(servant);
		} catch (error) {
			if (epoch === this.#epoch) this.#unusable(error);
		}
	}

	/** A card may stumble once; it is read again a few times, but a PIN is never tried twice. */
	#unusable(error: unknown): void {
		const reason = error instanceof Error ? error.message : String(error);
		this.#options.log.warn("card unusable", { error });
		this.#options.onEvent({ type: "card-unusable", reason });
		const isPinWrong = error instanceof NetworkError && error.code === "NETWORK_PIN_REFUSED";
		if (isPinWrong || ++this.#failedReads >= MAX_FAILED_READS) return;
		const epoch = this.#epoch;
		this.#cancelRetry = this.#options.clock.schedule(this.#options.searchInterval, () => {
			void this.line.exclusive(async () => {
				if (epoch === this.#epoch) await this.#reread();
			});
		});
	}

	/** The state of the card before is void. */
	#forgetCard(reason: DetachReason): void {
		this.#epoch++;
		this.#cancelRetry();
		this.#cancelPoll();
		this.#iccid = undefined;
		this.registration.end(reason);
		this.#failedReads = 0;
		this.#pollInterval = this.#options.pollInterval;
		this.#servant = undefined;
		this.#bip?.end();
		this.#bip = undefined;
		this.#timers?.end();
		this.#timers = undefined;
		this.#atr = undefined;
		for (const listener of [...this.#onReset]) listener();
	}

	#pollAfter(interval: Duration): void {
		this.#cancelPoll();
		if (interval === 0) return;
		const epoch = this.#epoch;
		this.#cancelPoll = this.#options.clock.schedule(interval, () => {
			void this.line.exclusive(async () => {
				const servant = this.#servant;
				if (epoch !== this.#epoch || !servant) return;
				this.#pollAfter(interval);
				const pending = await servant.poll().catch((error) => {
					this.#options.log.debug("STATUS failed", { error });
					return 0;
				});
				if (pending > 0) await this.#serve(pending);
			});
		});
	}

	async #challenge(rand: Uint8Array, autn: Uint8Array, epoch: number): Promise<AuthenticateAnswer> {
		return this.line.exclusive(async () => {
			const servant = this.#servant;
			if (epoch !== this.#epoch || !servant) {
				throw new NetworkError("NETWORK_CARD_ABSENT", "the card was reset during the authentication");
			}
			const answer = await authenticate((apdu) => servant.send(apdu), rand, autn);
			const pending = servant.takePending();
			if (pending > 0) this.noteStatus(0x9100 | pending);
			return answer;
		});
	}
}
