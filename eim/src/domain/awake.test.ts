import { Hours, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import {
	type AwakeRule,
	afterWaking,
	expectationOf,
	psmTimer,
	rhythmOf,
	type SleepFacts,
	waitingText,
} from "./awake.ts";

const START = Date.UTC(2026, 0, 1);

/** The facts after polls at these times. */
function polled(times: readonly number[], before: SleepFacts = {}): SleepFacts {
	let facts = before;
	for (const at of times) facts = { ...facts, wakings: afterWaking(facts, at), lastPollAt: at };
	return facts;
}

const hourly = (count: number, strays: readonly number[] = []) =>
	Array.from({ length: count }, (_, i) => START + Hours(i) + (strays[i] ?? 0));

describe("the rhythm of a device", () => {
	it("is learnt from the first polls of its wakings, not from the polls within one", () => {
		const times = hourly(5).flatMap((at) => [at, at + Seconds(2), at + Seconds(20)]);
		expect(rhythmOf(polled(times).wakings)).toEqual({ every: Hours(1), jitter: 0 });
	});

	it("is unknown after fewer than four wakings, and of a device that never sleeps", () => {
		expect(rhythmOf(polled(hourly(3)).wakings)).toBeUndefined();
		const always = polled(Array.from({ length: 200 }, (_, i) => START + Seconds(10 * i)));
		expect(always.wakings).toEqual({ since: START, gaps: [] });
		expect(expectationOf(always, START + Hours(5))).toBeUndefined();
	});

	it("keeps its middle when a waking is missed, tells how far wakings stray, and follows a new rhythm", () => {
		const missed = polled([0, 1, 2, 4, 5, 6].map((hour) => START + Hours(hour)));
		expect(rhythmOf(missed.wakings)?.every).toBe(Hours(1));
		const straying = polled(hourly(6, [0, Minutes(2), 0, Minutes(2), 0, Minutes(2)]));
		expect(rhythmOf(straying.wakings)).toEqual({ every: Minutes(62), jitter: Minutes(4) });
		const slower = polled(
			[1, 2, 3, 4, 5].map((n) => START + Hours(5 + 6 * n)),
			polled(hourly(6)),
		);
		expect(rhythmOf(slower.wakings)?.every).toBe(Hours(6));
	});

	it("is not disturbed by a waking that was asked for", () => {
		const before = polled(hourly(5));
		const wakings = {
			...(before.wakings as NonNullable<SleepFacts["wakings"]>),
			triggeredAt: START + Hours(4) + Minutes(20),
		};
		const woken = polled([START + Hours(4) + Minutes(21)], { ...before, wakings });
		expect(rhythmOf(woken.wakings)).toEqual({ every: Hours(1), jitter: 0 });
		expect(polled([START + Hours(5) + Minutes(21)], woken).wakings?.gaps).toEqual(Array(5).fill(Hours(1)));
	});
});

describe("when a device is expected", () => {
	it("is now while it has just polled, then by its rhythm, one step further for each that it missed", () => {
		const facts = polled(hourly(5));
		const last = START + Hours(4);
		expect(expectationOf(facts, last + Seconds(29))).toMatchObject({ isAwake: true, until: last + Seconds(30) });
		const next = expectationOf(facts, last + Seconds(30));
		expect(next).toEqual({
			isAwake: false,
			by: "polls",
			from: last + Hours(1) - Minutes(3),
			until: last + Hours(1) + Minutes(3) + Seconds(30),
		});
		expect(expectationOf(facts, last + Hours(1))).toEqual(next);
		expect(expectationOf(facts, last + Hours(1) + Minutes(4))?.from).toBe(last + Hours(2) - Minutes(3));
		expect(expectationOf(facts, last + Hours(40))?.from).toBe(last + Hours(40) - Minutes(3));
		expect(waitingText(facts, last + Minutes(5))).toBe("waiting for device, expected at 2026-01-01T04:57:00.000Z");
		expect(waitingText({}, last)).toBeUndefined();
	});

	it("follows a schedule with a given moment, before and after it, whether the device polls or not", () => {
		const awake: AwakeRule = { by: "schedule", every: Hours(6), for: Minutes(2), at: START };
		expect(expectationOf({ awake }, START + Minutes(1))).toEqual({
			isAwake: true,
			by: "schedule",
			from: START,
			until: START + Minutes(2),
		});
		expect(expectationOf({ awake }, START + Minutes(2))?.from).toBe(START + Hours(6));
		expect(expectationOf({ awake }, START - Minutes(1))).toMatchObject({ isAwake: false, from: START });
		expect(expectationOf({ awake }, START + Hours(12))).toMatchObject({ isAwake: true, from: START + Hours(12) });
	});

	it("follows the timers of power saving mode from the last contact on, and is unknown before any", () => {
		const awake: AwakeRule = { by: "psm", every: Hours(24), for: Seconds(16) };
		expect(expectationOf({ awake }, START)).toBeUndefined();
		const facts = polled([START, START + Seconds(5)], { awake });
		expect(expectationOf(facts, START + Seconds(20))).toMatchObject({ isAwake: true, until: START + Seconds(21) });
		expect(expectationOf(facts, START + Seconds(21))).toEqual({
			isAwake: false,
			by: "psm",
			from: START + Seconds(5) + Hours(24),
			until: START + Seconds(21) + Hours(24),
		});
		expect(expectationOf(facts, START + Seconds(10) + Hours(24))?.isAwake).toBe(true);
	});

	it("follows the paging windows of extended DRX, whose phase the last contact tells, cycle after cycle", () => {
		const awake: AwakeRule = { by: "edrx", every: Seconds(655), for: Seconds(20) };
		expect(expectationOf({ awake }, START)).toBeUndefined();
		// Polls far apart: their own rhythm counts for nothing beside what the operator says.
		const facts = polled([...[-3, -2, -1].map((hour) => START + Hours(hour)), START - Seconds(5), START], { awake });
		const windowOf = (cycle: number, isAwake: boolean) => {
			const from = START + cycle * Seconds(655);
			return { isAwake, by: "edrx", from, until: from + Seconds(20) };
		};
		const at = (seconds: number) => expectationOf(facts, START + Seconds(seconds));
		expect(at(19)).toEqual({ ...windowOf(0, true), from: START - Seconds(5) });
		expect(at(20)).toEqual(windowOf(1, false));
		expect(at(654)).toEqual(windowOf(1, false));
		expect(at(655)).toEqual(windowOf(1, true));
		expect(at(674)).toEqual(windowOf(1, true));
		expect(at(675)).toEqual(windowOf(2, false));
		expect(at(10 * 655 + 5)).toEqual(windowOf(10, true));
		expect(waitingText(facts, START + Seconds(21))).toBe("waiting for device, expected at 2026-01-01T00:10:55.000Z");
	});
});

describe("timers of power saving mode", () => {
	// 3GPP TS 24.008 tables 10.5.163a and 10.5.163; the examples are those of AT+CPSMS in TS 27.007 (70 hours, 1 minute).
	it.each([
		["01000111", "T3412", Hours(70)],
		["00100001", "T3412", Hours(1)],
		["00000110", "T3412", Hours(1)],
		["10100001", "T3412", Minutes(1)],
		["01111111", "T3412", Milliseconds(31 * 2000)],
		["11111111", "T3412", undefined],
		["00100001", "T3324", Minutes(1)],
		["00000101", "T3324", Seconds(10)],
		["01000001", "T3324", Minutes(6)],
		["11100000", "T3324", undefined],
		["0010000", "T3324", undefined],
	] as const)("%s as %s", (bits, timer, duration) => expect(psmTimer(bits, timer)).toBe(duration));
});
