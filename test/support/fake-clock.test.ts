import { sleep } from "@iot-esim/shared/runtime/clock";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, test } from "vitest";
import { FakeClock } from "./fake-clock.ts";

describe("FakeClock", () => {
	test("runs timers in order of their due time and lets a timer set another on the way", async () => {
		const clock = new FakeClock(0);
		const seen: string[] = [];
		clock.schedule(Seconds(2), () => seen.push(`b@${clock.now()}`));
		clock.schedule(Seconds(1), () => {
			seen.push(`a@${clock.now()}`);
			clock.schedule(Milliseconds(500), () => seen.push(`c@${clock.now()}`));
		});
		await clock.advance(1_999);
		expect(seen).toEqual(["a@1000", "c@1500"]);
		await clock.advance(1);
		expect(seen).toEqual(["a@1000", "c@1500", "b@2000"]);
		expect(clock.pending).toBe(0);
	});

	test("a timer taken back never runs", async () => {
		const clock = new FakeClock();
		let ran = false;
		clock.schedule(Seconds(1), () => {
			ran = true;
		})();
		await clock.advance(5_000);
		expect(ran).toBe(false);
	});

	test("never goes back where two pass time at once", async () => {
		const clock = new FakeClock(0);
		await Promise.all([clock.advance(120_000), clock.advance(1000)]);
		expect(clock.now()).toBe(120_000);
	});

	test("until jumps through sleeps and gives the result", async () => {
		const clock = new FakeClock(0);
		const work = async () => {
			for (let i = 0; i < 3; i++) await sleep(clock, Seconds(10));
			return clock.now();
		};
		expect(await clock.until(work())).toBe(30_000);
		await expect(clock.until(new Promise(() => undefined))).rejects.toThrow("still pending");
	});
});
