import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";
import { type QuietWindow, quietUntil } from "./quiet-hours.ts";

/** When a device asks its eIMs. */
export interface PollPolicy {
	readonly interval: Duration;
	/** Instead of `interval` on a link that is paid by volume. */
	readonly meteredInterval: Duration;
	/** Pause after the first failure; doubled after each further one. */
	readonly retryAfter: Duration;
	readonly retryAtMost: Duration;
	/** Part of a pause, 0 to 0.5, by which it is made longer or shorter at random. */
	readonly jitter: number;
	/** Local times in which no poll starts. */
	readonly quietHours: readonly QuietWindow[];
	readonly timeZone: string;
}

export interface PollSituation {
	/** Rounds that have failed in a row. */
	readonly failures: number;
	readonly isMetered: boolean;
	readonly now: number;
	/** A random octet. */
	readonly octet: number;
}

/** Devices whose quiet hours end together are spread over this time at least. */
const LEAST_SPREAD = Milliseconds(60_000);

/** Pause until the next poll: the interval or the back-off, spread by the jitter, and moved out of quiet hours. */
export function pauseBeforePoll(situation: PollSituation, policy: PollPolicy): Duration {
	const { failures, isMetered, now, octet } = situation;
	const interval = isMetered ? policy.meteredInterval : policy.interval;
	const first = Math.min(policy.retryAfter, interval);
	const base = failures === 0 ? interval : Math.min(policy.retryAtMost, first * 2 ** Math.min(failures - 1, 20));
	const pause = Math.round(base * (1 - policy.jitter + (2 * policy.jitter * octet) / 255));
	const quietEnd = quietUntil(now + pause, policy.quietHours, policy.timeZone);
	if (quietEnd === undefined) return Milliseconds(pause);
	const spread = Math.max(LEAST_SPREAD, policy.jitter * interval);
	return Milliseconds(quietEnd - now + Math.round((spread * octet) / 255));
}

/** Whether a poll may start now. */
export function mayPoll(now: number, policy: PollPolicy): boolean {
	return quietUntil(now, policy.quietHours, policy.timeZone) === undefined;
}
