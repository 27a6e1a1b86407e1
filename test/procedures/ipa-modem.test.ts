import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { Device } from "@iot-esim/sim/network/device";
import { EventLog } from "@iot-esim/sim/network/events";
import { Hss } from "@iot-esim/sim/network/hss";
import { Network } from "@iot-esim/sim/network/network";
import { memorySequenceStore } from "@iot-esim/sim/network/sequence-store";
import { fixedSubscribers, subscriberOfUpp } from "@iot-esim/sim/network/subscriber-source";
import { afterEach, describe, expect, it, onTestFailed } from "vitest";
import { BOOTSTRAP_ICCID, OTHER_ICCID, OTHER_PLMN, profile, RoomsBench } from "./ipa-rooms-bench.ts";

const benches: RoomsBench[] = [];
afterEach(async () => {
	for (const bench of benches.splice(0)) await bench.close();
});

/** The rooms, with a modem that owns the card and whose network decides whether the device gets through. */
async function start(options: { readonly isOtherCovered: boolean }) {
	const bench = await RoomsBench.start({ settings: { card: { proactive: "modem" } } });
	benches.push(bench);
	const { clock } = bench.eim;
	const log = silentLogger("test");
	const subscribers = [BOOTSTRAP_ICCID, OTHER_ICCID].map((iccid) => subscriberOfUpp(profile(iccid).package, "test"));
	const hss = new Hss({
		sources: [fixedSubscribers(subscribers)],
		sequences: memorySequenceStore(),
		random: systemRandom,
		log,
	});
	const rules = [{ plmn: OTHER_PLMN, place: "*", covered: options.isOtherCovered }];
	const network = new Network({ hss, operators: [], coverage: { isCoveredByDefault: true, rules }, log });
	const events = new EventLog(clock);
	const device = new Device({
		name: "meter",
		place: "home",
		clock,
		log,
		network,
		bearer: { open: async () => undefined, shut: () => 0 },
		onEvent: (event) => events.record("meter", event),
		pollInterval: Seconds(30),
		searchInterval: Seconds(5),
		attachTime: Milliseconds(500),
	});
	bench.isAttached = () => device.isAttached;
	bench.reader = async (card) => {
		await bench.inTime(device.insertCard(card));
		await clock.advance(Seconds(2));
		return device.openIpaSession();
	};
	const types = () => events.since().map((event) => event.type);
	onTestFailed(() => console.log(bench.log(), types()));
	return { bench, device, types };
}

describe("an agent behind a modem", () => {
	it("downloads, switches and answers the network with the keys of the new profile", async () => {
		const { bench, device, types } = await start({ isOtherCovered: true });
		const download = await bench.orderDownload(OTHER_ICCID);
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		const ipa = await bench.restart();
		expect(device.status().iccid).toBe(BOOTSTRAP_ICCID);
		await bench.round(ipa);
		await bench.round(ipa);
		expect(await bench.eim.state(download)).toBe("succeeded");
		expect(await bench.eim.state(enable)).toBe("succeeded");
		expect(device.status()).toMatchObject({ attached: true, iccid: OTHER_ICCID, plmn: OTHER_PLMN });
		expect(types()).toEqual(expect.arrayContaining(["refreshed", "detached", "attached"]));
		expect(bench.events.map((event) => event.type)).not.toContain("rollback-started");
	});

	it("rolls back over the modem when the new profile finds no network, and reports over the old one", async () => {
		const { bench, device, types } = await start({ isOtherCovered: false });
		await bench.orderDownload(OTHER_ICCID);
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		const ipa = await bench.restart();
		const began = bench.eim.clock.now();
		await bench.round(ipa);
		await bench.round(ipa);
		expect(bench.eim.clock.now() - began).toBeGreaterThan(Minutes(5));
		expect(await bench.eim.state(enable)).toBe("rolled-back");
		expect(device.status()).toMatchObject({ attached: true, iccid: BOOTSTRAP_ICCID });
		expect(types().filter((type) => type === "refreshed")).toHaveLength(2);
		expect(await bench.leftOnCard()).toBe(0);
	});

	it("goes on after the modem was switched off and on in the middle of everything", async () => {
		const { bench, device } = await start({ isOtherCovered: true });
		const ipa = await bench.restart();
		await bench.round(ipa);
		await bench.inTime(device.setPower(false));
		expect((await bench.round(ipa)).failure).toMatchObject({ code: expect.stringMatching(/^(CARD|IPA)_/) });
		await bench.inTime(device.setPower(true));
		await bench.eim.clock.advance(Seconds(5));
		const list = await bench.order({ type: "listProfiles", parameters: {} });
		await bench.round(ipa);
		await bench.round(ipa);
		expect(await bench.eim.state(list)).toBe("succeeded");
	});
});
