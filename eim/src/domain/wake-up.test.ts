import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { heldUntil, nextWakeUpStep, type WakeUpAddress, type WakeUpSituation } from "./wake-up.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const wakeUp: WakeUpAddress = { via: "sms", msisdn: "491701234567" };
const limits = { perHour: 3, repeatAfter: Minutes(10), patience: Minutes(1) };
const asleep = { wakeUp, lastPollAt: NOW - Hours(5) };

function step(situation: Partial<WakeUpSituation> = {}) {
	return nextWakeUpStep({ now: NOW, device: asleep, waiting: 1, wakeUps: [], limits, ...situation });
}
const at = (...agos: number[]) => agos.map((ago) => ({ createdAt: NOW - ago, state: "sent" as const }));
const failed = (...agos: number[]) => at(...agos).map((one) => ({ ...one, state: "failed" as const }));

describe("a device with something waiting", () => {
	it("is woken when it sleeps, and when it has never polled", () => {
		expect(step()).toEqual({ type: "send" });
		expect(step({ device: { wakeUp } })).toEqual({ type: "send" });
	});

	it("is left alone when nothing waits, when there is no way to it, and when it is awake", () => {
		expect(step({ waiting: 0 })).toEqual({ type: "none" });
		expect(step({ device: { lastPollAt: NOW } })).toEqual({ type: "none" });
		const awake = step({ device: { wakeUp, lastPollAt: NOW - Seconds(10) } });
		expect(awake).toMatchObject({ type: "wait", until: NOW + Seconds(20) });
	});

	it("is woken when what waits could not be brought to it, and at once when it is known to sleep", () => {
		const device = { ...asleep, inject: {} };
		expect(step({ device, waitingSince: NOW - Seconds(29) })).toMatchObject({ type: "wait", until: NOW + Seconds(1) });
		expect(step({ device, waitingSince: NOW - Seconds(30) })).toEqual({ type: "send" });
		const awake = { by: "psm", every: Hours(24), for: Seconds(20) } as const;
		expect(step({ device: { ...device, awake }, waitingSince: NOW })).toEqual({ type: "send" });
	});

	it("is left to work on what it has fetched", () => {
		const worksUntil = NOW + Minutes(3);
		expect(step({ waiting: 0, worksUntil })).toMatchObject({ type: "wait", until: worksUntil });
		expect(step({ waiting: 1, worksUntil })).toEqual({ type: "send" });
	});

	it("is left to itself when it wakes within the patience, and only then", () => {
		const rule = { by: "schedule", every: Hours(6), for: Minutes(1) } as const;
		const soon = { wakeUp, awake: { ...rule, at: NOW + Seconds(50) } };
		expect(step({ device: soon })).toMatchObject({ type: "wait", until: NOW + Seconds(110) });
		expect(step({ device: { wakeUp, awake: { ...rule, at: NOW + Seconds(61) } } })).toEqual({ type: "send" });
	});

	it("is woken once for many orders, and again only when it has not answered, less often each time", () => {
		expect(step({ waiting: 20, wakeUps: at(Minutes(1)) })).toMatchObject({ until: NOW + Minutes(9) });
		expect(step({ wakeUps: at(Minutes(10)) })).toEqual({ type: "send" });
		expect(step({ wakeUps: at(Minutes(10), Minutes(20)) })).toMatchObject({ until: NOW + Minutes(10) });
		expect(step({ wakeUps: at(...Array.from({ length: 12 }, (_, i) => Hours(2) + i)) })).toMatchObject({
			type: "wait",
			until: NOW + Hours(22),
		});
	});

	it("is tried again soon when the wake-up never left, which costs nothing of the bound", () => {
		expect(step({ wakeUps: failed(Seconds(29)) })).toMatchObject({
			until: NOW + Seconds(1),
			reason: "the last wake-up failed",
		});
		expect(step({ wakeUps: failed(Seconds(30)) })).toEqual({ type: "send" });
		const often = failed(...Array.from({ length: 9 }, (_, i) => Minutes(1) + i));
		expect(step({ wakeUps: often })).toMatchObject({ until: NOW - Minutes(1) + Seconds(30) * 256 });
		const afterOne = [...failed(Minutes(2)), ...at(Minutes(30))];
		expect(step({ wakeUps: afterOne })).toEqual({ type: "send" });
	});

	it("is woken anew when it has polled since, within the bound of an hour", () => {
		const device = { wakeUp, lastPollAt: NOW - Minutes(4) };
		expect(step({ device, wakeUps: at(Minutes(5), Minutes(15)) })).toEqual({ type: "send" });
		expect(step({ device, wakeUps: at(Minutes(5), Minutes(15), Minutes(40)) })).toMatchObject({
			type: "wait",
			until: NOW + Minutes(20),
			reason: "woken 3 times within an hour",
		});
	});
});

describe("bringing packages", () => {
	it("is held until the device is awake, where its operator has told when that is", () => {
		const awake = { by: "psm", every: Hours(6), for: Seconds(20) } as const;
		expect(heldUntil({ lastPollAt: NOW - Hours(5) }, NOW)).toBeUndefined();
		expect(heldUntil({ awake }, NOW)).toBeUndefined();
		expect(heldUntil({ awake, lastPollAt: NOW - Seconds(19) }, NOW)).toBeUndefined();
		expect(heldUntil({ awake, lastPollAt: NOW - Seconds(20) }, NOW)).toBe(NOW - Seconds(20) + Hours(6));
	});
});
