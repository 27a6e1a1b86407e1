import { expect, test } from "vitest";
import { playSchedule } from "./network-schedule.ts";

test("two thousand seeded schedules of mishaps keep the promises of the modem", { timeout: 600_000 }, async () => {
	let attachments = 0;
	for (let seed = 1_000; seed < 3_000; seed++) attachments += (await playSchedule(seed, 60)).attachments;
	expect(attachments).toBeGreaterThan(2_000);
});
