import { describe, expect, it } from "vitest";
import { agreedAfter, flowWithPowerCut } from "./ipa-rooms-power-cut.ts";

describe("a power cut of a real card and its agent", () => {
	it("at every single moment of download and switch: the flow completes and all agree", async () => {
		const hits = new Map<string, number>();
		for (let moment = 0; ; moment++) {
			const outcome = await flowWithPowerCut(moment);
			if (outcome.hit === "") break;
			const kind = `${outcome.hit}, download ${outcome.download}`;
			hits.set(kind, (hits.get(kind) ?? 0) + 1);
			expect(outcome, `moment ${moment}, ${outcome.hit}\n${outcome.log}`).toMatchObject(agreedAfter(outcome));
		}
		console.log([...hits].map(([kind, count]) => `${kind}: ${count}`).join("\n"));
		expect(hits.size).toBeGreaterThan(10);
	});
});
