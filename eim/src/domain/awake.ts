import { type Duration, Milliseconds, Seconds } from "@iot-esim/shared/util/duration";

/** When a device can be reached, as its operator says. */
export interface AwakeRule {
	/**
	 * `schedule`: at fixed times. `psm` (power saving mode): for the active timer (T3324) after each contact, and again when
	 * the periodic timer (T3412 extended) since the last contact ends. `edrx`: in the paging window of each cycle.
	 */
	readonly by: "schedule" | "psm" | "edrx";
	/** From one waking to the next. */
	readonly every: Duration;
	/** How long it stays awake. */
	readonly for: Duration;
	/** A moment at which it wakes (`schedule`); its last waking when absent. */
	readonly at?: number;
}

/** What polls say of the times at which a device wakes by itself. */
export interface Wakings {
	/** The first poll after the device was silent. */
	readonly since: number;
	/** Milliseconds from one waking to the next, the newest last. */
	readonly gaps: readonly number[];
	/** When it was last asked to wake: what follows is none of its own times. */
	readonly triggeredAt?: number;
}

/** When a device is next to be reached. */
export interface Expectation {
	/** It is awake now; then the window is the present one. */
	readonly isAwake: boolean;
	readonly from: number;
	readonly until: number;
	/** `polls`: observed. */
	readonly by: AwakeRule["by"] | "polls";
}

/** What is known of a device's sleep; structurally a part of the device. */
export interface SleepFacts {
	readonly awake?: AwakeRule;
	readonly wakings?: Wakings;
	readonly lastPollAt?: number;
}

/** A device that was silent for so long has slept; one that polled within this time is there. */
export const SAME_WAKING = Seconds(30);
const GAPS_KEPT = 8;
/** Fewer say nothing of a rhythm. */
const GAPS_NEEDED = 3;

/** The wakings after a poll. A waking that was asked for says nothing of the device's own rhythm. */
export function afterWaking({ wakings, lastPollAt }: SleepFacts, at: number): Wakings {
	if (wakings === undefined || lastPollAt === undefined) return { ...wakings, since: at, gaps: wakings?.gaps ?? [] };
	if (at - lastPollAt < SAME_WAKING) return wakings;
	const { since, gaps, triggeredAt } = wakings;
	if (triggeredAt !== undefined && triggeredAt > since) return { ...wakings, since: at };
	return { ...wakings, since: at, gaps: [...gaps, at - since].slice(-GAPS_KEPT) };
}

/** How often a device wakes by itself (the median), and how far three of four wakings at most stray from that. */
export function rhythmOf(wakings: Wakings | undefined): { every: Duration; jitter: Duration } | undefined {
	const gaps = wakings?.gaps ?? [];
	if (gaps.length < GAPS_NEEDED) return undefined;
	const every = medianOf(gaps);
	const strays = gaps.map((gap) => Math.abs(gap - every)).sort((a, b) => a - b);
	const jitter = strays[Math.ceil(strays.length * 0.75) - 1] ?? 0;
	return { every: Milliseconds(every), jitter: Milliseconds(jitter) };
}

function medianOf(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	const [low = 0, high = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
	return Math.round((low + high) / 2);
}

/** The present or the next time at which the device is to be reached; undefined where nothing is known of it. */
export function expectationOf(facts: SleepFacts, now: number): Expectation | undefined {
	return presenceOf(facts, now) ?? (facts.awake ? toldWindow(facts, facts.awake, now) : observedWindow(facts, now));
}

/** It has just polled. */
function presenceOf({ awake, lastPollAt, wakings }: SleepFacts, now: number): Expectation | undefined {
	if (lastPollAt === undefined) return undefined;
	const until = lastPollAt + staysFor(awake);
	if (now >= until) return undefined;
	return { isAwake: true, from: Math.min(wakings?.since ?? lastPollAt, lastPollAt), until, by: awake?.by ?? "polls" };
}

/** How long a device is there after it has polled. */
function staysFor(awake: AwakeRule | undefined): number {
	if (awake === undefined) return SAME_WAKING;
	return awake.by === "schedule" ? Math.min(awake.for, SAME_WAKING) : awake.for;
}

function toldWindow({ wakings, lastPollAt }: SleepFacts, rule: AwakeRule, now: number): Expectation | undefined {
	const { by, every } = rule;
	const anchor = by === "schedule" ? (rule.at ?? wakings?.since) : lastPollAt;
	if (anchor === undefined) return undefined;
	// The last window that has begun, counted from the anchor; a device that has missed some keeps its step.
	const begun = anchor + Math.floor((now - anchor) / every) * every;
	const isOpen = now < begun + rule.for && (by === "schedule" || begun > anchor);
	const from = isOpen ? begun : begun + every;
	return { isAwake: isOpen, from, until: from + rule.for, by };
}

/** A guess by the rhythm of the polls: it says when to expect the device, never that it is there. */
function observedWindow({ wakings }: SleepFacts, now: number): Expectation | undefined {
	const rhythm = rhythmOf(wakings);
	if (rhythm === undefined || wakings === undefined) return undefined;
	const { every, jitter } = rhythm;
	const stray = Math.max(2 * jitter, every / 20);
	const missed = Math.max(0, Math.ceil((now - wakings.since - every - stray - SAME_WAKING) / every));
	const middle = wakings.since + every * (1 + missed);
	const until = Math.round(middle + stray + SAME_WAKING);
	return { isAwake: false, from: Math.round(middle - stray), until, by: "polls" };
}

/** Why an operation is still queued, in words; undefined where nothing is known of the device's sleep. */
export function waitingText(facts: SleepFacts, now: number): string | undefined {
	const expected = expectationOf(facts, now);
	if (expected === undefined) return undefined;
	if (expected.isAwake) return "waiting for device, which is awake and asks by itself";
	return `waiting for device, expected at ${new Date(expected.from).toISOString()}`;
}

const TIMER3_UNITS: readonly number[] = [600, 3600, 36_000, 2, 30, 60, 1_152_000];
const TIMER2_UNITS: Readonly<Record<number, number>> = { 0: 2, 1: 60, 2: 360 };

/**
 * A timer of power saving mode as modems write it (AT+CPSMS, `+CEREG`): eight bits, a unit and a count.
 * @param timer `T3412`: GPRS timer 3 of 3GPP TS 24.008 section 10.5.7.4a; `T3324`: GPRS timer 2, section 10.5.7.4
 * @returns undefined for a timer that is switched off, or bits that are none
 */
export function psmTimer(bits: string, timer: "T3412" | "T3324"): Duration | undefined {
	if (!/^[01]{8}$/.test(bits)) return undefined;
	const unit = Number.parseInt(bits.slice(0, 3), 2);
	const count = Number.parseInt(bits.slice(3), 2);
	// An unknown unit of timer 2 counts minutes.
	const seconds = timer === "T3412" ? TIMER3_UNITS[unit] : unit === 7 ? undefined : (TIMER2_UNITS[unit] ?? 60);
	return seconds === undefined ? undefined : Seconds(seconds * count);
}
