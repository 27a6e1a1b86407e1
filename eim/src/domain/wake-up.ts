import type { Eid } from "@iot-esim/shared/ids/eid";
import { type Duration, Hours, Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { expectationOf, type SleepFacts } from "./awake.ts";

/** How a device that sleeps is asked to poll, by the name of the way. */
export type WakeUpAddress = WakeUpBySms | WakeUpByWebhook;

/** A short message of octets to the device. */
export interface WakeUpBySms {
	readonly via: "sms";
	/** Digits in international form, without a plus. */
	readonly msisdn: string;
	/** Destination port of the application (3GPP TS 23.040 section 9.2.3.24.4); none when absent. */
	readonly port?: number;
	/** What stands in the message, hex; that of the configuration when absent. */
	readonly payload?: string;
}

/** A request to the customer's own platform, which wakes the device. */
export interface WakeUpByWebhook {
	readonly via: "webhook";
	/** That of the configuration when absent. */
	readonly url?: string;
	/** What the platform calls the device; it gets it back with the EID. */
	readonly reference?: string;
}

export type WakeUpVia = WakeUpAddress["via"];

/** `sending`: under way, or its process died. `sent`: taken by the way. `delivered`, `undelivered`: the way says so later. */
export type WakeUpState = "sending" | "sent" | "delivered" | "undelivered" | "failed";

/** One time that a device was asked to poll. */
export interface WakeUp {
	readonly id: string;
	readonly eid: Eid;
	readonly via: WakeUpVia;
	readonly state: WakeUpState;
	/** How many operations waited. */
	readonly waiting: number;
	/** By what name the way knows it, for example the SMSC's message id. */
	readonly reference?: string;
	readonly error?: string;
	readonly createdAt: number;
	readonly updatedAt: number;
}

/** How a way's word changes a wake-up. */
export interface WakeUpChange {
	readonly state: WakeUpState;
	readonly at: number;
	readonly reference?: string | undefined;
	readonly error?: string | undefined;
}

export interface WakeUpLimits {
	/** Wake-ups of one device within an hour. */
	readonly perHour: number;
	/** A device that has not answered is asked again after this time, then after twice that, up to a day. */
	readonly repeatAfter: Duration;
	/** A device that will wake by itself within this time is left to it. */
	readonly patience: Duration;
}

/** What is known when it is asked whether to wake a device. */
export interface WakeUpSituation {
	readonly now: number;
	readonly device: SleepFacts & { readonly wakeUp?: WakeUpAddress; readonly inject?: object };
	/** How many operations wait for the device to ask. */
	readonly waiting: number;
	/** When the first of them was ordered. */
	readonly waitingSince?: number | undefined;
	/** Until then the device is taken to work on what it has fetched. */
	readonly worksUntil?: number | undefined;
	/** The newest first. */
	readonly wakeUps: readonly Pick<WakeUp, "createdAt" | "state">[];
	readonly limits: WakeUpLimits;
}

export type WakeUpStep =
	| { readonly type: "none" }
	| { readonly type: "send" }
	/** `reason` in words. */
	| { readonly type: "wait"; readonly until: number; readonly reason: string };

const LONGEST_WAIT = Hours(24);
/** So long what waits may be brought to a device that need not sleep. */
const BRINGING = Seconds(30);
const FAILED_PAUSE = Seconds(30);
const LONGEST_FAILED_PAUSE = Hours(6);
const SHORTEST_WAIT = Milliseconds(1000);

/** Whether to wake a device now, later, or not at all. Asked again at `until`, and whenever something new is ordered. */
export function nextWakeUpStep(situation: WakeUpSituation): WakeUpStep {
	const { now, device, waiting, waitingSince = 0, worksUntil, wakeUps, limits } = situation;
	if ((waiting === 0 && worksUntil === undefined) || device.wakeUp === undefined) return { type: "none" };
	const wait = (until: number, reason: string): WakeUpStep => ({
		type: "wait",
		until: Math.max(until, now + SHORTEST_WAIT),
		reason,
	});
	if (waiting === 0 && worksUntil !== undefined) return wait(worksUntil, "the device works on what it has fetched");
	const expected = expectationOf(device, now);
	if (expected?.isAwake) return wait(expected.until, "the device is awake and asks by itself");
	if (expected !== undefined && expected.from <= now + limits.patience) {
		return wait(expected.until, `the device is expected at ${new Date(expected.from).toISOString()}`);
	}
	if (device.inject !== undefined && heldUntil(device, now) === undefined && now < waitingSince + BRINGING) {
		return wait(waitingSince + BRINGING, "what waits is brought to the device");
	}
	const pause = pauseAfter(
		wakeUps.filter(({ createdAt }) => createdAt > (device.lastPollAt ?? 0)),
		limits,
	);
	if (pause !== undefined && pause.until > now) return wait(pause.until, pause.reason);
	const counted = wakeUps.filter(({ createdAt, state }) => state !== "failed" && createdAt > now - Hours(1));
	const oldestCounted = counted[limits.perHour - 1];
	if (oldestCounted !== undefined) {
		return wait(oldestCounted.createdAt + Hours(1), `woken ${limits.perHour} times within an hour`);
	}
	return { type: "send" };
}

/** How long to wait after wake-ups without a poll since. What never left is tried again sooner than what was not answered. */
function pauseAfter(
	unanswered: WakeUpSituation["wakeUps"],
	{ repeatAfter }: WakeUpLimits,
): { readonly until: number; readonly reason: string } | undefined {
	const [latest] = unanswered;
	if (latest === undefined) return undefined;
	const left = unanswered.filter(({ state }) => state !== "failed").length;
	const failures = unanswered.findIndex(({ state }) => state !== "failed");
	const [first, times, longest, reason] =
		latest.state === "failed"
			? [FAILED_PAUSE, failures < 0 ? unanswered.length : failures, LONGEST_FAILED_PAUSE, "the last wake-up failed"]
			: [repeatAfter, left, LONGEST_WAIT, `woken ${left === 1 ? "once" : `${left} times`} without a poll since`];
	return { until: latest.createdAt + Math.min(first * 2 ** Math.min(times - 1, 20), longest), reason };
}

/**
 * When packages may be brought to a device: now (undefined), or the moment from which it is expected. Only where its
 * operator has told when it is awake; others are tried at once.
 */
export function heldUntil(device: SleepFacts, now: number): number | undefined {
	if (device.awake === undefined) return undefined;
	const expected = expectationOf(device, now);
	return expected === undefined || expected.isAwake ? undefined : expected.from;
}
