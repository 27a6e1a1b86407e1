import { describe, expect, it } from "vitest";
import { fallbackWithPowerCut } from "./ipa-fallback-power-cut.ts";
import { BOOTSTRAP_ICCID } from "./ipa-rooms-bench.ts";
import { AGREED, flowWithPowerCut, rollbackWithPowerCut } from "./ipa-rooms-power-cut.ts";

describe.each(["agent and card", "agent"] as const)("a kill of the %s", (killed) => {
	it("at every single moment of download and switch: the flow completes and all agree", async () => {
		const hits = new Map<string, number>();
		for (let moment = 0; ; moment++) {
			const outcome = await flowWithPowerCut(moment, killed);
			if (outcome.hit === "") break;
			hits.set(outcome.hit, (hits.get(outcome.hit) ?? 0) + 1);
			expect(outcome, `moment ${moment}, ${outcome.hit}\n${outcome.log}`).toMatchObject(AGREED);
		}
		console.log([...hits].map(([kind, count]) => `${kind}: ${count}`).join("\n"));
		expect(hits.size).toBeGreaterThan(10);
	});

	it("at every single moment of a direct download and a switch: the flow completes and all agree", async () => {
		const hits = new Map<string, number>();
		for (let moment = 0; ; moment++) {
			const outcome = await flowWithPowerCut(moment, killed, "direct");
			if (outcome.hit === "") break;
			hits.set(outcome.hit, (hits.get(outcome.hit) ?? 0) + 1);
			expect(outcome, `moment ${moment}, ${outcome.hit}\n${outcome.log}`).toMatchObject(AGREED);
		}
		console.log([...hits].map(([kind, count]) => `${kind}: ${count}`).join("\n"));
		expect(hits.size).toBeGreaterThan(10);
	});

	it("at every single moment of a fallback: one switch, and the eIM knows", async () => {
		let moment = 0;
		for (; ; moment++) {
			const outcome = await fallbackWithPowerCut(moment, killed);
			if (outcome.hit === "") break;
			const expected = { enabled: BOOTSTRAP_ICCID, fallback: "fallen-back", wasTold: true };
			expect(outcome, `moment ${moment}, ${outcome.hit}\n${outcome.log}`).toMatchObject(expected);
		}
		expect(moment).toBeGreaterThan(30);
	});

	it("at every single moment of a rollback: the old profile is back, and the eIM knows", async () => {
		const hits = new Map<string, number>();
		for (let moment = 0; ; moment++) {
			const outcome = await rollbackWithPowerCut(moment, killed);
			if (outcome.hit === "") break;
			hits.set(outcome.hit, (hits.get(outcome.hit) ?? 0) + 1);
			const rolledBack = { ...AGREED, enable: "rolled-back", enabled: BOOTSTRAP_ICCID };
			expect(outcome, `moment ${moment}, ${outcome.hit}\n${outcome.log}`).toMatchObject(rolledBack);
		}
		console.log([...hits].map(([kind, count]) => `${kind}: ${count}`).join("\n"));
		expect(hits.size).toBeGreaterThan(10);
	});
});
