import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";
import type { DetachReason, DeviceEvent } from "./events.ts";
import type { AttachOutcome } from "./network.ts";
import { isFinal, type RejectCause } from "./reject-cause.ts";
import type { AuthenticateAnswer, UsimIdentity } from "./usim.ts";

/** Puts an authentication vector to the USIM. */
export type Challenge = (rand: Uint8Array, autn: Uint8Array) => Promise<AuthenticateAnswer>;

/** What the modem finds on the air. */
export interface Radio {
	/** Operators that can be received here and now. */
	available(identity: UsimIdentity): readonly string[];
	/** Registers with an operator. */
	attach(request: {
		readonly plmn: string;
		readonly identity: UsimIdentity;
		readonly challenge: Challenge;
	}): Promise<AttachOutcome>;
}

export interface RegistrationOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly radio: Radio;
	readonly onEvent: (event: DeviceEvent) => void;
	/** Opens the bearer, before the `attached` event. */
	readonly onAttached: () => Promise<void>;
	/** Shuts the bearer, before the `detached` event; gives the number of connections that this broke. */
	readonly onDetached: () => number;
	/** Pause after a search that did not end attached. */
	readonly searchInterval: Duration;
}

export interface Attachment {
	readonly plmn: string;
	readonly since: number;
}

export interface Rejection {
	readonly plmn: string;
	readonly cause: RejectCause;
	readonly at: number;
}

/** One USIM that was read, with what the networks have said of it since. */
interface Candidate {
	readonly identity: UsimIdentity;
	readonly challenge: Challenge;
	/** Operators that said "PLMN not allowed": not asked again before the card is read anew (TS 24.008 §4.4.4.7). */
	readonly forbidden: Set<string>;
	/** Regarded as invalid after "Illegal MS" and "IMSI unknown in HLR", until the card is read anew. */
	isInvalid: boolean;
	isOutOfReach: boolean;
}

/** The search for a network and the registration with it, for one USIM after the other. */
export class Registration {
	readonly #options: RegistrationOptions;
	#candidate: Candidate | undefined;
	#attachment: Attachment | undefined;
	#lastReject: Rejection | undefined;
	#isSearching = false;
	#cancelSearch: () => void = () => undefined;

	constructor(options: RegistrationOptions) {
		this.#options = options;
	}

	get attachment(): Attachment | undefined {
		return this.#attachment;
	}
	get identity(): UsimIdentity | undefined {
		return this.#candidate?.identity;
	}
	get lastReject(): Rejection | undefined {
		return this.#lastReject;
	}

	/** A USIM was read: the search begins. */
	begin(identity: UsimIdentity, challenge: Challenge): void {
		this.#candidate = { identity, challenge, forbidden: new Set(), isInvalid: false, isOutOfReach: false };
		this.#searchAfter(Milliseconds(0));
	}

	/** The USIM is gone or about to be read anew: nothing that was begun with it counts any more. */
	end(reason: DetachReason): void {
		this.#cancelSearch();
		this.#candidate = undefined;
		this.#detach(reason);
	}

	/** Coverage or place have changed: leaves an operator that is out of reach and searches at once. */
	reconsider(): void {
		if (!this.#candidate) return;
		if (this.#attachment) {
			if (this.#options.radio.available(this.#candidate.identity).includes(this.#attachment.plmn)) return;
			this.#detach("coverage-lost");
		}
		this.#searchAfter(Milliseconds(0));
	}

	#detach(reason: DetachReason): void {
		if (!this.#attachment) return;
		this.#attachment = undefined;
		this.#options.onEvent({ type: "detached", reason, resetTunnels: this.#options.onDetached() });
	}

	#searchAfter(pause: Duration): void {
		this.#cancelSearch();
		this.#cancelSearch = this.#options.clock.schedule(pause, () => void this.#search());
	}

	/** Tries the operators in reach, home first, until one takes the device. */
	async #search(): Promise<void> {
		const candidate = this.#candidate;
		if (!candidate || this.#attachment || candidate.isInvalid || this.#isSearching) return;
		this.#isSearching = true;
		try {
			for (const plmn of this.#inReach(candidate)) {
				if (candidate !== this.#candidate || this.#attachment || candidate.isInvalid) break;
				await this.#try(plmn, candidate);
			}
		} catch (error) {
			if (candidate === this.#candidate) this.#options.log.warn("attach failed", { error });
		} finally {
			this.#isSearching = false;
		}
		if (this.#attachment || !this.#candidate || this.#candidate.isInvalid) return;
		// The search that another USIM asked for meanwhile was turned away.
		this.#searchAfter(candidate === this.#candidate ? this.#options.searchInterval : Milliseconds(0));
	}

	/** Operators worth a try, best first; tells once, not at every search, that there is none. */
	#inReach(candidate: Candidate): readonly string[] {
		const { identity, forbidden } = candidate;
		const available = this.#options.radio.available(identity).filter((plmn) => !forbidden.has(plmn));
		if (available.length === 0 && !candidate.isOutOfReach) {
			this.#options.onEvent({ type: "no-coverage", imsi: identity.imsi });
		}
		candidate.isOutOfReach = available.length === 0;
		return ranked(available, identity);
	}

	async #try(plmn: string, candidate: Candidate): Promise<void> {
		const { onEvent, clock, radio } = this.#options;
		const { identity, challenge } = candidate;
		const { imsi, iccid } = identity;
		const outcome = await radio.attach({ plmn, identity, challenge });
		if (candidate !== this.#candidate) return;
		for (const step of outcome.steps) onEvent({ ...step, plmn, imsi });
		if (!outcome.isAttached) {
			const { cause, reason } = outcome;
			this.#lastReject = { plmn, cause, at: clock.now() };
			candidate.isInvalid = isFinal(cause);
			if (cause.code === 11) candidate.forbidden.add(plmn);
			onEvent({ type: "rejected", plmn, imsi, cause, reason });
			return;
		}
		await this.#options.onAttached();
		// Card, power or coverage may have gone while the bearer was being set up.
		if (candidate !== this.#candidate || !radio.available(identity).includes(plmn)) {
			this.#options.onDetached();
			return;
		}
		this.#attachment = { plmn, since: clock.now() };
		onEvent({ type: "attached", plmn, imsi, iccid });
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
