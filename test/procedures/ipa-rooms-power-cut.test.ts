import { describe, expect, it } from "vitest";
import { agreedAfter, flowWithPowerCut } from "./ipa-rooms-power-cut.ts";

describe("a power cut of a real card and its agent", () => {
	it.each([3, 17, 39, 50, 72, 94, 105, 116])("at moment %i: the flow completes and all agree", async (moment) => {
		const outcome = await flowWithPowerCut(moment);
		console.log(`moment ${moment}: ${outcome.hit}, download ${outcome.download} in ${outcome.rounds} rounds after it`);
		expect(outcome.hit).not.toBe("");
		expect(outcome, outcome.log).toMatchObject(agreedAfter(outcome));
	});
});
