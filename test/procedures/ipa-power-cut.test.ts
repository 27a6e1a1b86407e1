import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { DeviceBench } from "./ipa-device-bench.ts";
import { enablePackage, euiccPackage } from "./ipa-scripted-eim.ts";

const NEW_PROFILE = hex`98000000000000000022`;

/** The same flow, with the power cut at the n-th moment of any effect; false when the flow has fewer moments. */
async function cutAt(
	moment: number,
	prepare: (bench: DeviceBench) => void,
): Promise<{ bench: DeviceBench; hit: string }> {
	const bench = new DeviceBench();
	prepare(bench);
	let moments = 0;
	let hit = "";
	bench.interruption = (effect, when) => {
		if (moments++ !== moment) return undefined;
		hit = `${when} ${effect}`;
		return new Promise(() => undefined);
	};
	const dying = bench.restart().then((ipa) => ipa.pollOnce());
	await bench.clock.advance(Minutes(20));
	dying.catch(() => undefined);
	bench.interruption = () => undefined;
	for (let start = 0; start < 2; start++) {
		const ipa = await bench.restart();
		await bench.round(ipa);
		await bench.round(ipa);
	}
	return { bench, hit };
}

describe("a power cut at every single moment of the flow", () => {
	it("loses no result and executes no package twice", async () => {
		const hits = new Map<string, number>();
		for (let moment = 0; ; moment++) {
			const { bench, hit } = await cutAt(moment, ({ eim }) => {
				eim.packages.push(euiccPackage("eim.example", 5, { psmoList: [{ enable: { iccid: NEW_PROFILE } }] }));
				eim.packages.push(euiccPackage("eim.example", 6, { psmoList: [{ getRAT: {} }] }));
			});
			if (hit === "") break;
			hits.set(hit, (hits.get(hit) ?? 0) + 1);
			const place = `moment ${moment}, ${hit}`;
			expect(bench.card.executed, place).toEqual([5, 6]);
			expect(bench.eim.results, place).toHaveLength(2);
			expect(bench.eim.packages, place).toHaveLength(0);
			expect(bench.card.results, place).toHaveLength(0);
			expect(bench.card.notifications, place).toHaveLength(0);
		}
		console.log(`power cuts: ${[...hits].map(([hit, count]) => `${hit} x${count}`).join(", ")}`);
		expect(hits.size).toBeGreaterThan(10);
	});

	it("rolls back exactly once, and the eIM gets a result that says so", async () => {
		let moment = 0;
		for (; ; moment++) {
			const { bench, hit } = await cutAt(moment, ({ eim, card }) => {
				eim.packages.push(enablePackage("eim.example", 5, NEW_PROFILE));
				eim.isReachable = () => toHex(card.enabled) !== toHex(NEW_PROFILE);
			});
			if (hit === "") break;
			const place = `moment ${moment}, ${hit}`;
			expect(toHex(bench.card.enabled), place).not.toBe(toHex(NEW_PROFILE));
			expect(bench.eim.results, place).toHaveLength(1);
			expect(bench.eim.results[0], place).toContain("8C0100");
			expect(bench.card.results, place).toHaveLength(0);
			expect(bench.card.executed, place).toEqual([5]);
		}
		expect(moment).toBeGreaterThan(50);
	});
});
