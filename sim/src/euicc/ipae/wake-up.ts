import { LONGEST_TIMER } from "@iot-esim/shared/messages/cat/cat-objects";
import { Seconds } from "@iot-esim/shared/util/duration";
import { BipTerminal } from "./bip-terminal.ts";
import type { CardClock } from "./card-clock.ts";
import { IpaeError } from "./errors.ts";

/** Octets and bits of TERMINAL PROFILE (ETSI TS 102 223 section 5.2): timer expiration, TIMER MANAGEMENT "start". */
const TIMERS: readonly (readonly [octet: number, bits: number])[] = [
	[1, 0x20],
	[8, 0x01],
];

/** The one of the terminal's timers that the IPAe uses. */
const TIMER = 1;

/**
 * How a card without a clock gets to do at its time what is due: by a timer of the terminal, to the second, or where the
 * terminal has none by what is sent to the card anyway, for which STATUS is asked for (POLL INTERVAL).
 */
export class WakeUp {
	readonly #terminal: BipTerminal;
	readonly #clock: CardClock;
	readonly #pollSeconds: number;
	/** When the timer ends that runs; undefined while none does. */
	#endsAt: number | undefined;
	#hasTimers: boolean;
	#isAsking = false;

	constructor(
		terminal: BipTerminal,
		clock: CardClock,
		options: { readonly terminalProfile: Uint8Array; readonly pollSeconds: number },
	) {
		this.#terminal = terminal;
		this.#clock = clock;
		this.#pollSeconds = options.pollSeconds;
		this.#hasTimers = TIMERS.every(([octet, bits]) => ((options.terminalProfile[octet - 1] ?? 0) & bits) === bits);
	}

	/** Asks for STATUS where there are no timers. */
	async begin(): Promise<void> {
		if (!this.#hasTimers) await this.#terminal.wantPolls(this.#pollSeconds);
	}

	/** @throws IpaeError IPAE_TERMINAL_ANSWER_INVALID */
	envelope(data: Uint8Array): void {
		if (BipTerminal.expiredTimer(data) === TIMER) this.#endsAt = undefined;
	}

	/**
	 * Sees to it that the card is told in time. A timer that ends earlier than needed is left as it is, so that what is
	 * scheduled and taken back again costs no commands.
	 */
	arm(): void {
		const next = this.#clock.next;
		if (!this.#hasTimers || this.#isAsking || next === undefined) return;
		// One whose end was never told is over too.
		const endsAt = this.#endsAt ?? Number.NEGATIVE_INFINITY;
		if (endsAt + Seconds(1) > this.#clock.now() && endsAt <= next) return;
		const seconds = Math.min(LONGEST_TIMER, Math.max(1, Math.ceil((next - this.#clock.now()) / 1_000)));
		this.#isAsking = true;
		this.#terminal.startTimer(TIMER, seconds).then(
			() => this.#armed(this.#clock.now() + Seconds(seconds)),
			(error) => this.#refused(error),
		);
	}

	#armed(endsAt: number): void {
		this.#isAsking = false;
		this.#endsAt = endsAt;
	}

	/** A terminal that does not do what its profile says is taken for one without timers. */
	#refused(error: unknown): void {
		this.#isAsking = false;
		if (!(error instanceof IpaeError)) return;
		this.#hasTimers = false;
		this.#terminal.wantPolls(this.#pollSeconds).catch(() => undefined);
	}
}
