import { Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { makeHealth } from "./health.ts";

const well = { name: "well", check: async () => undefined };

it("is well when every check is, and leaves no timer behind", async () => {
	const clock = new FakeClock();
	const health = makeHealth([well], clock, Seconds(5));
	expect(await health.report()).toEqual({ ok: true, checks: { well: "ok" } });
	expect(clock.pending).toBe(0);
});

it("says why a check failed, and which took too long", async () => {
	const clock = new FakeClock();
	const broken = { name: "broken", check: () => Promise.reject(new Error("no route")) };
	const silent = { name: "silent", check: () => new Promise<void>(() => undefined) };
	const report = makeHealth([well, broken, silent], clock, Seconds(5)).report();
	await clock.advance(Seconds(5));
	expect(await report).toEqual({
		ok: false,
		checks: { well: "ok", broken: "no route", silent: "did not answer within 5 s" },
	});
});

it("is degraded, and well for the rest, without what only some devices need", async () => {
	const broker = { name: "mqtt", isPartial: true, check: () => Promise.reject(new Error("no connection")) };
	const checks = { well: "ok", mqtt: "no connection" };
	expect(await makeHealth([well, broker], new FakeClock(), Seconds(5)).report()).toEqual({
		ok: true,
		degraded: ["mqtt"],
		checks,
	});
	const ill = { name: "ill", check: () => Promise.reject(new Error("no disk")) };
	expect(await makeHealth([ill, broker], new FakeClock(), Seconds(5)).report()).toMatchObject({
		ok: false,
		degraded: ["mqtt"],
	});
});

it("is not well any more once it goes away, so that nobody sends it new work", async () => {
	const health = makeHealth([well], new FakeClock(), Seconds(5));
	health.beginShutdown();
	expect((await health.report()).ok).toBe(false);
});
