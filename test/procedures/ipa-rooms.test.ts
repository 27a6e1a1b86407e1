import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it, onTestFailed } from "vitest";
import { BOOTSTRAP_ICCID, OTHER_ICCID, RoomsBench } from "./ipa-rooms-bench.ts";

const benches: RoomsBench[] = [];
afterEach(async () => {
	for (const bench of benches.splice(0)) await bench.close();
});

async function start(options: Parameters<typeof RoomsBench.start>[0] = {}): Promise<RoomsBench> {
	const bench = await RoomsBench.start(options);
	benches.push(bench);
	onTestFailed(() => console.log(bench.log()));
	return bench;
}

describe("IPA, eIM, SM-DP+ and eUICC together", () => {
	it("download a profile indirectly, enable it with rollback granted, and leave nothing on the card", async () => {
		const bench = await start();
		const download = await bench.orderDownload(OTHER_ICCID);
		const ipa = await bench.restart();
		await bench.round(ipa);
		expect(await bench.eim.state(download)).toBe("succeeded");
		expect(await bench.iccids()).toEqual([BOOTSTRAP_ICCID, OTHER_ICCID]);
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		await bench.round(ipa);
		await bench.round(ipa);
		expect(await bench.enabledIccid()).toBe(OTHER_ICCID);
		expect(await bench.eim.state(enable)).toBe("succeeded");
		expect(await bench.leftOnCard()).toBe(0);
		expect(bench.events.map((event) => event.type)).toContain("profile-installed");
	});

	it("roll back to the old profile when the new one has no coverage, and the eIM learns it from the card", async () => {
		const bench = await start();
		await bench.orderDownload(OTHER_ICCID);
		const ipa = await bench.restart();
		await bench.round(ipa);
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		bench.isAttached = async () => (await bench.enabledIccid()) === BOOTSTRAP_ICCID;
		const began = bench.eim.clock.now();
		await bench.round(ipa);
		await bench.round(ipa);
		expect(bench.eim.clock.now() - began).toBeGreaterThanOrEqual(Minutes(5));
		expect(await bench.enabledIccid()).toBe(BOOTSTRAP_ICCID);
		expect(await bench.eim.state(enable)).toBe("rolled-back");
		expect(await bench.leftOnCard()).toBe(0);
	});

	it("answer a request for eUICC data, so that results can be verified", async () => {
		const bench = await start();
		const read = await bench.eim.order(bench.eid, { type: "readEuiccData", parameters: {} });
		const list = await bench.eim.order(bench.eid, { type: "listProfiles", parameters: {} });
		const ipa = await bench.restart();
		await bench.round(ipa);
		await bench.round(ipa);
		expect(await bench.eim.state(read)).toBe("succeeded");
		expect(await bench.eim.state(list)).toBe("succeeded");
		expect(bench.events.filter((event) => event.type === "euicc-data-sent")).not.toHaveLength(0);
	});
});
