import { sleep } from "@iot-esim/shared/runtime/clock";
import { type Duration, Milliseconds, Minutes } from "@iot-esim/shared/util/duration";
import type { IpaDeps } from "./ipa-settings.ts";
import { type FallbackStep, fallbackStep } from "./procedures/policy/fallback-policy.ts";
import { mayPoll, type PollPolicy, pauseBeforePoll } from "./procedures/policy/poll-policy.ts";

const JITTER = 0.1;
/** A moment that has come but could not be used is looked at again no sooner. */
const SHORTEST_PAUSE = Milliseconds(1000);
const LONGEST_URGENT_PAUSE = Minutes(1);

/** When the next round is: by the poll policy, by the next moment of the fallback policy, or when the network changes. */
export class PollSchedule {
	readonly #deps: IpaDeps;
	readonly #policy: PollPolicy;
	#wake: ((why: string) => void) | undefined;
	/** A round is wanted for news that the one under way may have missed. */
	#hasNews = false;

	constructor(deps: IpaDeps) {
		const { settings } = deps;
		this.#deps = deps;
		this.#policy = {
			interval: settings.pollInterval,
			meteredInterval: settings.meteredInterval ?? settings.pollInterval,
			retryAfter: settings.retryAfter,
			retryAtMost: settings.retryAtMost,
			jitter: settings.jitter ?? JITTER,
			quietHours: settings.quietHours ?? [],
			timeZone: settings.timeZone ?? "UTC",
		};
	}

	/** False in quiet hours, but for one more attempt right before the device gives up its own profile. */
	mayPoll(): boolean {
		return mayPoll(this.#deps.clock.now(), this.#policy) || this.#fallbackStep()?.type === "fall-back";
	}

	/** Pause until the next round, after so many failed ones in a row. */
	pause(failures: number): Duration {
		const { clock, random, network } = this.#deps;
		const [octet = 0] = random.bytes(1);
		const isMetered = network?.isMetered() ?? false;
		const pause = pauseBeforePoll({ failures, isMetered, now: clock.now(), octet }, this.#policy);
		const moments = [this.#fallbackMoment(), this.#urgentMoment(failures)].filter((moment) => moment !== undefined);
		return Milliseconds(Math.min(pause, ...moments));
	}

	/** What was done between two rounds may have left the device in the midst of a switch: then the pause is over. */
	endPauseWhenUrgent(): void {
		if (this.#urgentMoment(0) !== undefined) this.#wake?.("the device is in the midst of a switch");
	}

	/** Ends the pause; where there is none now, the next one. */
	endPause(): void {
		if (this.#wake === undefined) this.#hasNews = true;
		else this.#wake("an eIM has something for the device");
	}

	/** Sleeps; ends early when the network has changed, and at once with the signal. */
	async sleep(pause: Duration, signal: AbortSignal): Promise<void> {
		const { clock, network, settings } = this.#deps;
		const { pollAfterNetworkChange: settle } = settings;
		if (this.#hasNews) {
			this.#hasNews = false;
			return;
		}
		const woken = new AbortController();
		this.#wake = (why) => woken.abort(new Error(why));
		let cancel: (() => void) | undefined;
		const end =
			settle === undefined
				? undefined
				: network?.onChange(() => {
						// A network that comes up changes several times: the last change counts.
						cancel?.();
						cancel = clock.schedule(settle, () => woken.abort(new Error("the network has changed")));
					});
		try {
			await sleep(clock, pause, AbortSignal.any([signal, woken.signal]));
		} catch {
			// Woken up, or stopped: the caller looks at its signal.
		} finally {
			this.#wake = undefined;
			cancel?.();
			end?.();
		}
	}

	#fallbackStep(): FallbackStep | undefined {
		const { clock, journal, settings } = this.#deps;
		const { fallback, unreachable, vainFallbacks } = journal.state;
		const situation = { now: clock.now(), fallback, unreachable, vainFallbacks };
		return settings.fallback && fallbackStep(situation, settings.fallback);
	}

	/** Time until the fallback policy wants to be asked again. */
	#fallbackMoment(): number | undefined {
		const step = this.#fallbackStep();
		if (step?.type !== "stay" || step.at === undefined) return undefined;
		return Math.max(SHORTEST_PAUSE, step.at - this.#deps.clock.now());
	}

	/**
	 * A device in the midst of a switch may stand on a profile without coverage: its way back waits for no quiet hours and
	 * for no long pause, whatever has interrupted it.
	 */
	#urgentMoment(failures: number): number | undefined {
		const { work, fallback } = this.#deps.journal.state;
		const mayRollBack =
			(work.phase === "package-received" && work.rollbackGranted) ||
			(work.phase === "package-executed" && work.rollback.state === "armed") ||
			work.phase === "rollback-started";
		const isSwitching = fallback.state === "falling-back" || fallback.state === "returning";
		if (!mayRollBack && !isSwitching) return undefined;
		const { retryAfter } = this.#policy;
		return Math.min(LONGEST_URGENT_PAUSE, retryAfter * 2 ** Math.min(Math.max(failures - 1, 0), 20));
	}
}
