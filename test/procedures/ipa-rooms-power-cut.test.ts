import { describe, expect, it } from "vitest";
import { AGREED, flowWithPowerCut } from "./ipa-rooms-power-cut.ts";

describe.each(["agent and card", "agent"] as const)("a kill of the %s", (killed) => {
	it.each([3, 39, 50, 72, 94, 116])("at moment %i: the flow completes and all agree", async (moment) => {
		const outcome = await flowWithPowerCut(moment, killed);
		console.log(`moment ${moment}: ${outcome.hit}, ${outcome.rounds} rounds after it`);
		expect(outcome.hit).not.toBe("");
		expect(outcome, outcome.log).toMatchObject(AGREED);
	});

	it.each([101, 117, 133])("at moment %i of a direct download: the flow completes and all agree", async (moment) => {
		const outcome = await flowWithPowerCut(moment, killed, "direct");
		console.log(`direct, moment ${moment}: ${outcome.hit}, ${outcome.rounds} rounds after it`);
		expect(outcome.hit).not.toBe("");
		expect(outcome, outcome.log).toMatchObject(AGREED);
	});
});
