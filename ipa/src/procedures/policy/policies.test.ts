import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import type { FallbackState, Unreachable } from "../../state/device-state.ts";
import { type FallbackPolicy, fallbackStep } from "./fallback-policy.ts";
import { mayPoll, type PollPolicy, pauseBeforePoll } from "./poll-policy.ts";
import { parseQuietWindow, type QuietWindow, quietUntil } from "./quiet-hours.ts";
import { afterFailedDelivery } from "./rollback-policy.ts";

const MIDDLE = 127.5;
const utc = (text: string) => Date.parse(`${text}:00Z`);
const windows = (...texts: string[]) => texts.map((text) => parseQuietWindow(text) as QuietWindow);
const shown = (at: number | undefined) => at && new Date(at).toISOString().slice(0, 16);

describe("quiet hours", () => {
	it.each([
		["outside", "2026-03-01T21:59", ["22:00-06:00"], "UTC", undefined],
		["from the first minute", "2026-03-01T22:00", ["22:00-06:00"], "UTC", "2026-03-02T06:00"],
		["beyond midnight", "2026-03-02T03:30", ["22:00-06:00"], "UTC", "2026-03-02T06:00"],
		["not in the last minute", "2026-03-02T06:00", ["22:00-06:00"], "UTC", undefined],
		["by the local clock", "2026-03-01T21:30", ["22:00-06:00"], "Europe/Berlin", "2026-03-02T05:00"],
		["over the change to summer time", "2026-03-28T23:00", ["22:00-06:00"], "Europe/Berlin", "2026-03-29T04:00"],
		["over the change to winter time", "2026-10-24T22:00", ["22:00-06:00"], "Europe/Berlin", "2026-10-25T05:00"],
		["windows that touch are one", "2026-03-01T12:00", ["11:00-13:00", "13:00-14:00"], "UTC", "2026-03-01T14:00"],
		["half an hour's zones", "2026-03-01T17:00", ["22:00-23:00"], "Asia/Kolkata", "2026-03-01T17:30"],
	] as const)("%s", (_what, at, texts, zone, end) => {
		expect(shown(quietUntil(utc(at), windows(...texts), zone))).toBe(end);
	});

	it.each(["22:00", "25:00-06:00", "22:00-22:00", "nightly", "2:00-6:00"])("%s is no part of a day", (text) => {
		expect(parseQuietWindow(text)).toBeUndefined();
	});

	it("that cover the whole day still end after a day", () => {
		const at = utc("2026-03-01T12:00");
		expect((quietUntil(at, windows("00:00-12:00", "12:00-00:00"), "UTC") as number) - at).toBe(Hours(24));
	});
});

const poll: PollPolicy = {
	interval: Minutes(15),
	meteredInterval: Hours(6),
	retryAfter: Seconds(10),
	retryAtMost: Minutes(15),
	jitter: 0.1,
	quietHours: windows("22:00-06:00"),
	timeZone: "UTC",
};

describe("the pause before a poll", () => {
	const noon = utc("2026-03-01T12:00");
	it.each([
		["the interval", 0, false, MIDDLE, Minutes(15)],
		["the longer interval on a metered link", 0, true, MIDDLE, Hours(6)],
		["the first failure", 1, false, MIDDLE, Seconds(10)],
		["doubled", 4, false, MIDDLE, Seconds(80)],
		["doubled up to the limit", 30, false, MIDDLE, Minutes(15)],
		["the same back-off on a metered link", 2, true, MIDDLE, Seconds(20)],
		["shorter by the jitter", 0, false, 0, Minutes(13.5)],
		["longer by the jitter", 0, false, 255, Minutes(16.5)],
	])("%s", (_what, failures, isMetered, octet, expected) => {
		expect(pauseBeforePoll({ failures, isMetered, octet, now: noon }, poll)).toBe(expected);
	});

	it("ends after quiet hours, spread over at least a minute and the jitter of the interval", () => {
		const now = utc("2026-03-01T21:50");
		const pause = (octet: number) => pauseBeforePoll({ failures: 0, isMetered: false, octet, now }, poll);
		expect(shown(now + pause(0))).toBe("2026-03-02T06:00");
		expect(pause(255) - pause(0)).toBe(Minutes(1.5));
	});

	it("says whether a poll may start now", () => {
		expect(mayPoll(noon, poll)).toBe(true);
		expect(mayPoll(utc("2026-03-01T23:00"), poll)).toBe(false);
	});
});

describe("a result that cannot be delivered while rollback is possible", () => {
	const policy = { deliveryRetry: Seconds(5), attempts: 3 };
	it.each([
		["is tried again after the pause", 60, 1, { type: "wait", pause: Seconds(5) }],
		["is tried once more just in time", 2, 9, { type: "wait", pause: Seconds(2) }],
		["gives way to the rollback when time and attempts are used up", 0, 3, { type: "roll-back" }],
		["is tried as often as wanted, even late", -60, 2, { type: "wait", pause: Seconds(5) }],
	])("%s", (_what, left, attempts, expected) => {
		const now = 1_000_000;
		expect(afterFailedDelivery({ now, deliverBefore: now + Seconds(left), attempts }, policy)).toEqual(expected);
	});
});

const fallback: FallbackPolicy = {
	isEnabled: true,
	after: Hours(1),
	attempts: 5,
	returnAfter: Hours(24),
	returnAtMost: Hours(60),
};
const home: FallbackState = { state: "home", returns: 0 };
const away = (hoursAgo: number, returns = 0): FallbackState => ({
	state: "fallen-back",
	since: NOW - Hours(hoursAgo),
	returns,
});
const NOW = utc("2026-03-01T12:00");
const lost = (minutesAgo: number, attempts: number): Unreachable => ({ since: NOW - Minutes(minutesAgo), attempts });

describe("fallback", () => {
	const stay = (minutes?: number) => ({ type: "stay", at: minutes === undefined ? undefined : NOW + Minutes(minutes) });
	it.each([
		["nothing while eIMs are reached", home, undefined, stay()],
		["not before the time", home, lost(59, 9), stay(1)],
		["not before the attempts", home, lost(600, 4), stay()],
		["when both are used up", home, lost(60, 5), { type: "fall-back" }],
		["a clock that went back begins anew", home, lost(-600, 5), stay(60)],
		[
			"nothing in the middle of a switch",
			{ ...home, state: "returning", since: 0, enabledBeforeHex: "" },
			lost(99, 9),
			stay(),
		],
		["stays away for its time", away(23), undefined, stay(60)],
		["returns after it", away(24), undefined, { type: "return" }],
		["stays away twice as long after a return that did not help", away(24, 1), undefined, stay(24 * 60)],
		["but no longer than the limit", away(60, 9), undefined, { type: "return" }],
		["returns when no eIM is reached there either", away(2), lost(61, 6), { type: "return" }],
		["not at the first failure there", away(2), lost(61, 1), stay(22 * 60)],
		["a clock that went back does not keep it away for ever", away(-99), undefined, stay(24 * 60)],
	] as const)("%s", (_what, state, unreachable, expected) => {
		expect(
			fallbackStep({ now: NOW, fallback: state as FallbackState, unreachable, vainFallbacks: 0 }, fallback),
		).toEqual(expected);
	});

	it("that is switched off still brings a device back that has fallen back", () => {
		const off = { ...fallback, isEnabled: false };
		expect(fallbackStep({ now: NOW, fallback: home, unreachable: lost(600, 50), vainFallbacks: 0 }, off)).toEqual(
			stay(),
		);
		expect(fallbackStep({ now: NOW, fallback: away(24), unreachable: undefined, vainFallbacks: 0 }, off)).toEqual({
			type: "return",
		});
	});

	it.each([home, away(2)])(
		"takes twice the time after each switch that reached no eIM either, up to the limit",
		(state) => {
			const at = (vainFallbacks: number) => {
				const step = fallbackStep({ now: NOW, fallback: state, unreachable: lost(0, 5), vainFallbacks }, fallback);
				return step.type === "stay" && step.at !== undefined ? (step.at - NOW) / Hours(1) : undefined;
			};
			expect([at(0), at(1), at(3)]).toEqual([1, 2, 8]);
			expect(at(30)).toBe(state === home ? 60 : 22);
		},
	);
});
