import { expect, test } from "vitest";
import { playSchedule } from "./network-schedule.ts";

test("whatever happens to card, power, place and coverage, the bearer is open exactly while attached, and all recovers", async () => {
	let attachments = 0;
	for (let seed = 1; seed <= 60; seed++) attachments += (await playSchedule(seed)).attachments;
	expect(attachments).toBeGreaterThan(60);
});
