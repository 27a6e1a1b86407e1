import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { EsimError } from "@iot-esim/shared/util/errors";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";
import {
	type LinkChoice,
	type LinkEvent,
	type LinkPatience,
	type LinkPlan,
	linksToTry,
	newLinkChoice,
	nextLinkChoice,
} from "./link-choice.ts";
import { isTakenOnce } from "./taken-once.ts";

/** A link that is made when it is needed. */
export interface ChoosableLink extends LinkPlan {
	/** @throws EsimError when it cannot work here, or not to this eIM */
	readonly make: () => EsipaLink;
	/** Stays open beside the one in use, for what the eIM has to say over it. */
	readonly stays: boolean;
}

export interface LinkChoiceOptions extends LinkPatience {
	/** At least one. */
	readonly links: readonly ChoosableLink[];
	/** Links that were asked for and cannot work on this device, with the reason. */
	readonly unusable?: Readonly<Record<string, string>>;
	readonly isMetered: () => boolean;
	/** Another link is in use, or another one is in trouble. */
	readonly onChange: (choice: LinkChoice) => void;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly log: Logger;
}

/** Failures before anything of the message has left the device. A broker also refuses in the middle of a connection. */
const NOT_SENT: readonly unknown[] = [
	"TRANSPORT_CONNECT_REFUSED",
	"TRANSPORT_UNREACHABLE",
	"TRANSPORT_NAME_UNKNOWN",
	"TRANSPORT_TLS_UNTRUSTED",
	"TRANSPORT_TLS_FAILED",
	"TRANSPORT_PROXY_REFUSED",
	"DTLS_PEER_UNTRUSTED",
	"DTLS_TIMEOUT",
	"DTLS_KEY_MISMATCH",
];

/**
 * One link over several to the same eIM: each message goes over the cheapest that works, and over the next one when that
 * does not reach the eIM. An answer of the eIM, whatever it says, ends the search.
 * @throws EsimError what making a link has thrown, when none can be made
 */
export function choosingLink(options: LinkChoiceOptions): EsipaLink {
	return new ChoosingLink(options);
}

class ChoosingLink implements EsipaLink {
	readonly #options: LinkChoiceOptions;
	readonly #made = new Map<string, EsipaLink>();
	#choice: LinkChoice;

	constructor(options: LinkChoiceOptions) {
		this.#options = options;
		this.#choice = newLinkChoice(options.links);
		for (const [name, reason] of Object.entries(options.unusable ?? {})) this.#step({ type: "unusable", name, reason });
		let failure: unknown;
		for (const { name, stays } of this.#choice.plans.map(({ name }) => this.#plan(name))) {
			if (this.#made.size > 0 && !stays) continue;
			try {
				this.#make(name);
			} catch (error) {
				failure ??= error;
			}
		}
		if (this.#made.size === 0) throw failure;
	}

	get name(): string {
		const { current } = this.#choice;
		const [first] = this.#made.values();
		return (current === undefined ? first : this.#made.get(current))?.name ?? "";
	}

	async exchange(message: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
		const { clock, isMetered } = this.#options;
		const isInConversation = isTakenOnce(message);
		const before = this.#choice;
		const failures: EsipaLinkError[] = [];
		try {
			for (const name of linksToTry(before, { now: clock.now(), isMetered: isMetered(), isInConversation })) {
				const link = this.#linkOf(name);
				if (link === undefined) continue;
				try {
					const answer = await link.exchange(message, signal);
					await this.#reached(name);
					return answer;
				} catch (error) {
					if (!isUnreached(error)) {
						if (error instanceof EsipaLinkError) await this.#reached(name);
						throw error;
					}
					if (signal?.aborted) throw error;
					this.#failed(name, error);
					failures.push(error);
					if (isInConversation && mayHaveArrived(error)) throw error;
				}
			}
			throw allFailed(failures);
		} finally {
			if (isOtherwise(before, this.#choice)) this.#options.onChange(this.#choice);
		}
	}

	/** The device has another address, and perhaps another network. */
	renew(): void {
		this.tryAnew();
		for (const link of this.#made.values()) link.renew?.();
	}

	/** What failed before may work now; what is open stays. */
	tryAnew(): void {
		this.#step({ type: "network-changed" });
	}

	async close(): Promise<void> {
		const made = [...this.#made.values()];
		this.#made.clear();
		for (const link of made) await link.close();
	}

	/** The cheapest that works is in use: dearer ones are let go. */
	async #reached(name: string): Promise<void> {
		const { log } = this.#options;
		if (this.#choice.current !== name) log.info("link in use", { link: name });
		this.#step({ type: "reached", name });
		const dearer = this.#choice.plans.slice(this.#choice.plans.findIndex((plan) => plan.name === name) + 1);
		for (const plan of dearer) {
			const link = this.#made.get(plan.name);
			if (link === undefined || this.#plan(plan.name).stays) continue;
			this.#made.delete(plan.name);
			await link.close().catch((error) => log.warn("link not closed", { link: plan.name, error }));
		}
	}

	#failed(name: string, error: EsipaLinkError): void {
		const { clock, random, log } = this.#options;
		const stray = (random.bytes(1)[0] ?? 0) / 255;
		this.#step({ type: "failed", name, reason: error.message, at: clock.now(), stray });
		log.info("link does not reach the eIM", { link: name, error });
	}

	#linkOf(name: string): EsipaLink | undefined {
		try {
			return this.#made.get(name) ?? this.#make(name);
		} catch {
			return undefined;
		}
	}

	/** What cannot be made now cannot be made later: it is said once. */
	#make(name: string): EsipaLink {
		try {
			const link = this.#plan(name).make();
			this.#made.set(name, link);
			return link;
		} catch (error) {
			if (!(error instanceof EsimError)) throw error;
			this.#options.log.warn("link left out", { link: name, error });
			this.#step({ type: "unusable", name, reason: error.message });
			throw error;
		}
	}

	#plan(name: string): ChoosableLink {
		const plan = this.#options.links.find((one) => one.name === name);
		if (plan === undefined) throw new Error(`no link ${name}`);
		return plan;
	}

	#step(event: LinkEvent): void {
		this.#choice = nextLinkChoice(this.#choice, event, this.#options);
	}
}

/** Whether there is anything to tell: the same trouble once more is none. */
function isOtherwise(before: LinkChoice, after: LinkChoice): boolean {
	const shown = ({ current, troubles }: LinkChoice) => JSON.stringify([current, Object.keys(troubles).sort()]);
	return shown(before) !== shown(after);
}

/** What the link knows counts, then what its transport says. */
function mayHaveArrived({ context }: EsipaLinkError): boolean {
	const { nothingSent = NOT_SENT.includes(context.transportCode) } = context;
	return nothingSent !== true;
}

function isUnreached(error: unknown): error is EsipaLinkError {
	return error instanceof EsipaLinkError && error.code === "IPA_EIM_UNREACHABLE";
}

function allFailed(failures: readonly EsipaLinkError[]): EsipaLinkError {
	const [first] = failures;
	if (first === undefined) {
		return new EsipaLinkError("IPA_EIM_UNREACHABLE", "no link may be used on a network that is paid by volume");
	}
	if (failures.length === 1) return first;
	const reasons = failures.map(({ message }) => message).join("; ");
	return new EsipaLinkError("IPA_EIM_UNREACHABLE", `no link reaches the eIM: ${reasons}`, {
		cause: first,
		context: first.context,
	});
}
