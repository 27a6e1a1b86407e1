import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";
import { CardLine, type ModemCard } from "./card-line.ts";
import { CardServant } from "./card-servant.ts";
import { NetworkError } from "./errors.ts";
import type { DetachReason, DeviceEvent } from "./events.ts";
import type { AttachOutcome } from "./network.ts";
import { isFinal, type RejectCause } from "./reject-cause.ts";
import {
	type AuthenticateAnswer,
	authenticate,
	readIccid,
	readIdentity,
	type Send,
	type UsimIdentity,
} from "./usim.ts";

/** What the modem finds on the air. */
export interface Radio {
	/** Operators that can be received here and now. */
	available(identity: UsimIdentity): readonly string[];
	/** Registers with an operator; `challenge` puts an authentication vector to the USIM. */
	attach(request: {
		readonly plmn: string;
		readonly identity: UsimIdentity;
		readonly challenge: (rand: Uint8Array, autn: Uint8Array) => Promise<AuthenticateAnswer>;
	}): Promise<AttachOutcome>;
}

export interface ModemOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly radio: Radio;
	readonly onEvent: (event: DeviceEvent) => void;
	/** Called before the `attached` event and before the `detached` event; gives the number of connections it broke. */
	readonly onAttached: () => Promise<void>;
	readonly onDetached: () => number;
	readonly pin?: string;
	/** Time between two STATUS commands, until the card asks for another. */
	readonly pollInterval: Duration;
	/** Pause after a search that did not end attached. */
	readonly searchInterval: Duration;
}

export interface Attachment {
	readonly plmn: string;
	readonly since: number;
}

/** TERMINAL PROFILE: profile download; MORE TIME, POLL INTERVAL, POLLING OFF, REFRESH; SET UP EVENT LIST (TS 102 223 §5.2). */
const TERMINAL_PROFILE = hex`8010000005 01 00 E8 00 01`;

/** A card that cannot be read so often in a row is left alone until it is reset. */
const MAX_FAILED_READS = 3;

/**
 * The modem of one device. It owns the card: everybody else (the IPA) reaches it through `line`, and only the modem
 * uses the basic channel, serves proactive commands and resets the card.
 */
export class Modem {
	readonly line = new CardLine();
	readonly #options: ModemOptions;
	readonly #onReset = new Set<() => void>();
	#card: ModemCard | undefined;
	#atr: Uint8Array | undefined;
	#isOn = true;
	/** Rises with every reset of the card: work begun before belongs to a card state that is gone. */
	#epoch = 0;
	#servant: CardServant | undefined;
	#identity: UsimIdentity | undefined;
	#iccid: string | undefined;
	#attachment: Attachment | undefined;
	#lastReject: { readonly plmn: string; readonly cause: RejectCause; readonly at: number } | undefined;
	#isSimInvalid = false;
	#isSearching = false;
	#failedReads = 0;
	#pollInterval: Duration;
	#isOutOfReach = false;
	/** Operators that said "PLMN not allowed": not asked again before the card is read anew (TS 24.008 §4.4.4.7). */
	readonly #forbidden = new Set<string>();
	#cancelSearch: () => void = () => undefined;
	#cancelPoll: () => void = () => undefined;

	constructor(options: ModemOptions) {
		this.#options = options;
		this.#pollInterval = options.pollInterval;
	}

	get attachment(): Attachment | undefined {
		return this.#attachment;
	}
	get identity(): UsimIdentity | undefined {
		return this.#identity;
	}
	/** Also known of a card without USIM, when it has an EF.ICCID. */
	get iccid(): string | undefined {
		return this.#iccid;
	}
	get lastReject(): { readonly plmn: string; readonly cause: RejectCause; readonly at: number } | undefined {
		return this.#lastReject;
	}
	get isOn(): boolean {
		return this.#isOn;
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

	/** Coverage, place or subscribers have changed: leaves an operator that is out of reach and searches at once. */
	reconsider(): void {
		if (this.#identity && this.#attachment) {
			if (this.#options.radio.available(this.#identity).includes(this.#attachment.plmn)) return;
			this.#detach("coverage-lost");
		}
		this.#searchAfter(Milliseconds(0));
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
		const servant = new CardServant(card, this.#options.log);
		try {
			const atr = await reset();
			if (epoch !== this.#epoch) return;
			this.#atr = atr;
			this.#servant = servant;
			if (event === "card-inserted") this.#options.onEvent({ type: "card-inserted", atr: toHex(atr) });
			const pending = await servant.introduce(TERMINAL_PROFILE);
			if (epoch === this.#epoch && pending > 0) await this.#serve(pending);
			if (epoch === this.#epoch) await this.#read(servant);
		} catch (error) {
			if (epoch === this.#epoch) this.#unusable(error);
		}
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
		this.#identity = identity;
		this.#iccid = iccid;
		const imsi = identity?.imsi;
		this.#options.onEvent({
			type: "card-read",
			...(iccid === undefined ? {} : { iccid }),
			...(imsi === undefined ? {} : { imsi }),
		});
		this.#searchAfter(Milliseconds(0));
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
		this.#forgetUsim("refresh");
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
		this.#cancelSearch();
		this.#cancelSearch = this.#options.clock.schedule(this.#options.searchInterval, () => {
			void this.line.exclusive(async () => {
				if (epoch === this.#epoch) await this.#reread();
			});
		});
	}

	/** The state of the card before is void. */
	#forgetCard(reason: DetachReason): void {
		this.#epoch++;
		this.#cancelSearch();
		this.#cancelPoll();
		this.#forgetUsim(reason);
		this.#failedReads = 0;
		this.#pollInterval = this.#options.pollInterval;
		this.#servant = undefined;
		this.#atr = undefined;
		for (const listener of [...this.#onReset]) listener();
	}

	/** What was read and what the network said of it is void. */
	#forgetUsim(reason: DetachReason): void {
		this.#detach(reason);
		this.#identity = undefined;
		this.#iccid = undefined;
		this.#isSimInvalid = false;
		this.#isOutOfReach = false;
		this.#forbidden.clear();
	}

	#detach(reason: DetachReason): void {
		if (!this.#attachment) return;
		this.#attachment = undefined;
		this.#options.onEvent({ type: "detached", reason, resetTunnels: this.#options.onDetached() });
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

	#searchAfter(pause: Duration): void {
		this.#cancelSearch();
		const epoch = this.#epoch;
		this.#cancelSearch = this.#options.clock.schedule(pause, () => {
			if (epoch === this.#epoch) void this.#search();
		});
	}

	/** Tries the operators in reach, home first, until one takes the device. */
	async #search(): Promise<void> {
		const identity = this.#identity;
		if (!identity || this.#attachment || this.#isSimInvalid || this.#isSearching) return;
		const epoch = this.#epoch;
		this.#isSearching = true;
		try {
			const available = this.#options.radio.available(identity).filter((plmn) => !this.#forbidden.has(plmn));
			if (available.length === 0) this.#noteNoCoverage(identity);
			else this.#isOutOfReach = false;
			for (const plmn of ranked(available, identity)) {
				if (epoch !== this.#epoch || this.#attachment || this.#isSimInvalid) break;
				await this.#try(plmn, identity, epoch);
			}
		} catch (error) {
			if (epoch === this.#epoch) this.#options.log.warn("attach failed", { error });
		} finally {
			this.#isSearching = false;
		}
		// The card may have been reset meanwhile, and the search that its reset asked for was turned away.
		if (!this.#attachment && !this.#isSimInvalid && this.#identity) {
			this.#searchAfter(epoch === this.#epoch ? this.#options.searchInterval : Milliseconds(0));
		}
	}

	async #try(plmn: string, identity: UsimIdentity, epoch: number): Promise<void> {
		const { onEvent, clock, radio } = this.#options;
		const imsi = identity.imsi;
		const outcome = await radio.attach({
			plmn,
			identity,
			challenge: (rand, autn) => this.#challenge(rand, autn, epoch),
		});
		if (epoch !== this.#epoch) return;
		for (const step of outcome.steps) onEvent({ ...step, plmn, imsi });
		if (!outcome.isAttached) {
			this.#lastReject = { plmn, cause: outcome.cause, at: clock.now() };
			this.#isSimInvalid = isFinal(outcome.cause);
			if (outcome.cause.code === 11) this.#forbidden.add(plmn);
			onEvent({ type: "rejected", plmn, imsi, cause: outcome.cause, reason: outcome.reason });
			return;
		}
		await this.#options.onAttached();
		// Card, power or coverage may have gone while the bearer was being set up.
		if (epoch !== this.#epoch || !radio.available(identity).includes(plmn)) {
			this.#options.onDetached();
			return;
		}
		this.#attachment = { plmn, since: clock.now() };
		onEvent({ type: "attached", plmn, imsi, iccid: identity.iccid });
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

	/** Told once, not at every search. */
	#noteNoCoverage(identity: UsimIdentity): void {
		if (this.#isOutOfReach) return;
		this.#isOutOfReach = true;
		this.#options.onEvent({ type: "no-coverage", imsi: identity.imsi });
	}
}

/** Home network first, then those the card prefers, then the others. */
function ranked(available: readonly string[], identity: UsimIdentity): readonly string[] {
	const wanted = [identity.homePlmn, ...identity.preferredPlmns];
	const rank = (plmn: string) => {
		const place = wanted.indexOf(plmn);
		return place === -1 ? wanted.length : place;
	};
	return [...available].sort((a, b) => rank(a) - rank(b));
}
