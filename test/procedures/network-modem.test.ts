import { createHash } from "node:crypto";
import type { Subscriber } from "@iot-esim/shared/profile/subscriber";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import type { CoverageMap } from "@iot-esim/sim/network/coverage";
import { CoverageWatch } from "@iot-esim/sim/network/coverage-watch";
import { Device } from "@iot-esim/sim/network/device";
import { EventLog } from "@iot-esim/sim/network/events";
import { Hss } from "@iot-esim/sim/network/hss";
import { Network, type Operator } from "@iot-esim/sim/network/network";
import { memorySequenceStore } from "@iot-esim/sim/network/sequence-store";
import { fixedSubscribers } from "@iot-esim/sim/network/subscriber-source";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../support/fake-clock.ts";
import { subscriberOfTiny, TINY_ATR, TinyCard, type TinyProfile } from "../support/tiny-card.ts";

const HOME: TinyProfile = {
	iccid: "8988280666000000014",
	imsi: "999701234567890",
	mncLength: 2,
	k: hex`000102030405060708090A0B0C0D0E0F`,
	opc: hex`101112131415161718191A1B1C1D1E1F`,
};
const OTHER: TinyProfile = {
	...HOME,
	iccid: "8988280666000000022",
	imsi: "001010123456063",
	k: hex`FF0102030405060708090A0B0C0D0E0F`,
};
/** REFRESH with UICC reset, as in protocol-facts section 12. */
const REFRESH = hex`D0098103010104 82028182`;

/** A network with one device; nothing in it touches a socket. */
function bench(
	options: {
		subscribers?: readonly Subscriber[];
		operators?: readonly Operator[];
		coverage?: CoverageMap;
		start?: number;
		whileOpening?: Promise<void>;
	} = {},
) {
	const clock = new FakeClock(options.start);
	const { logger } = memoryLogger();
	const bearer: string[] = [];
	const events = new EventLog(clock);
	let seed = 0;
	const hss = new Hss({
		sources: [fixedSubscribers(options.subscribers ?? [HOME, OTHER].map(subscriberOfTiny))],
		sequences: memorySequenceStore(),
		random: {
			bytes: (length) => new Uint8Array(createHash("sha256").update(`${seed++}`).digest()).subarray(0, length),
		},
		log: logger("hss"),
	});
	const network = new Network({
		hss,
		operators: options.operators ?? [],
		coverage: options.coverage ?? { isCoveredByDefault: true, rules: [] },
		log: logger("network"),
	});
	const device = new Device({
		name: "meter",
		place: "home",
		clock,
		log: logger("modem"),
		network,
		bearer: {
			open: async () => {
				await options.whileOpening;
				bearer.push("open");
			},
			shut: () => bearer.push("shut"),
		},
		onEvent: (event) => events.record("meter", event),
		pollInterval: Seconds(30),
		searchInterval: Seconds(5),
		attachTime: Milliseconds(0),
	});
	const watch = new CoverageWatch(clock, network, [device]);
	watch.start();
	const types = () => events.since().map((event) => event.type);
	return { clock, device, network, events, types, bearer, watch };
}

async function attached(card: TinyCard, options: Parameters<typeof bench>[0] = {}) {
	const made = bench(options);
	await made.clock.until(made.device.insertCard(card));
	await made.clock.advance(1);
	return made;
}

/** What the card was asked, without the reading of files. */
const asked = (card: TinyCard) => card.log.filter((apdu) => !/^00(A4|B0|B2|C0)/.test(apdu));

describe("modem", () => {
	test("powers the card, introduces itself, reads it, authenticates with it and opens the bearer", async () => {
		const card = new TinyCard(HOME);
		const { device, types, bearer } = await attached(card);
		expect(types()).toEqual(["card-inserted", "card-read", "authenticated", "attached"]);
		expect(device.status()).toMatchObject({
			attached: true,
			plmn: "99970",
			imsi: HOME.imsi,
			iccid: HOME.iccid,
			lastReject: null,
		});
		expect(bearer).toEqual(["open"]);
		expect(asked(card).map((apdu) => apdu.slice(0, 4))).toEqual(["on", "8010", "0088"]);
	});

	test("a USIM with other keys than the HSS does not accept the network, and the device stays out", async () => {
		const { device, types, bearer, clock } = await attached(new TinyCard({ ...HOME, k: OTHER.k }));
		expect(types()).toEqual(["card-inserted", "card-read", "rejected"]);
		expect(device.status()).toMatchObject({ attached: false, lastReject: { code: 20, name: "MAC failure" } });
		await clock.advance(60_000);
		expect(bearer).toEqual([]);
	});

	test("a card that lies about RES is an illegal MS and is not tried again before a reset", async () => {
		const card = new TinyCard(HOME);
		const honest = card.transmit.bind(card);
		card.transmit = async (apdu) => (apdu[1] === 0x88 ? hex`DB080011223344556677 9000` : honest(apdu));
		const { device, types, clock } = await attached(card);
		await clock.advance(60_000);
		expect(types()).toEqual(["card-inserted", "card-read", "rejected"]);
		expect(device.status().lastReject).toMatchObject({ code: 3, name: "Illegal MS" });
		card.transmit = honest;
		await clock.until(device.setPower(false));
		await clock.until(device.setPower(true));
		await clock.advance(1);
		expect(device.isAttached).toBe(true);
	});

	test("an IMSI that nobody ordered is unknown in the HLR", async () => {
		const { device } = await attached(new TinyCard(HOME), { subscribers: [subscriberOfTiny(OTHER)] });
		expect(device.status().lastReject).toMatchObject({ code: 2, name: "IMSI unknown in HLR" });
	});

	test("a card ahead of the HSS resynchronises it by AUTS", async () => {
		const card = new TinyCard(HOME);
		card.sequenceNumbers = Array.from({ length: 32 }, () => 5_000);
		const { types } = await attached(card);
		expect(types()).toEqual(["card-inserted", "card-read", "resynchronised", "authenticated", "attached"]);
	});

	test("REFRESH found by STATUS: answered, detached, card reset, read again, attached with the new profile", async () => {
		const card = new TinyCard(HOME);
		const { device, types, clock, bearer } = await attached(card);
		card.profile = OTHER;
		card.proactive.push(REFRESH);
		card.log.length = 0;
		await clock.advance(30_001);
		expect(asked(card).map((apdu) => (apdu.length > 10 ? apdu.slice(0, 4) : apdu))).toEqual([
			"80F2000C",
			"801200000B",
			"8014",
			"reset",
			"8010",
			"0088",
		]);
		expect(card.log).toContain("801400000C810301010402028281830100");
		expect(types().slice(4)).toEqual(["refreshed", "detached", "card-read", "authenticated", "attached"]);
		expect(bearer).toEqual(["open", "shut", "open"]);
		expect(device.status()).toMatchObject({ attached: true, plmn: "00101", iccid: OTHER.iccid });
	});

	test("a REFRESH without reset reads the card again and leaves its channels alone", async () => {
		const card = new TinyCard(HOME);
		const { clock, types } = await attached(card);
		card.proactive.push(hex`D0098103010101 82028182`);
		await clock.advance(30_001);
		expect(types().slice(4)).toEqual(["refreshed", "detached", "card-read", "authenticated", "attached"]);
		expect(card.log).not.toContain("reset");
	});

	test("grants POLL INTERVAL, and says of SET UP MENU that it is beyond its capabilities", async () => {
		const card = new TinyCard(HOME);
		const { clock } = await attached(card);
		card.proactive.push(hex`D00D8103010300 82028182 8402010A`, hex`D0098103012500 82028182`);
		await clock.advance(30_001);
		expect(card.log).toContain("80140000108103010300020282818301000402010A");
		expect(card.log).toContain("801400000C810301250002028281830130");
		const before = card.log.filter((apdu) => apdu.startsWith("80F2")).length;
		await clock.advance(20_000);
		expect(card.log.filter((apdu) => apdu.startsWith("80F2")).length).toBe(before + 2);
	});

	test("a card without an enabled profile is served but never attached", async () => {
		const card = new TinyCard(undefined);
		const { device, types, clock } = await attached(card);
		await clock.advance(60_000);
		expect(types()).toEqual(["card-inserted", "card-read"]);
		expect(device.status()).toMatchObject({ attached: false, imsi: null, iccid: null });
		const ipa = device.openIpaSession();
		expect(toHex(await ipa.transmit(hex`0070000001`))).toBe("019000");
	});

	test("taking the card out detaches; another card attaches again", async () => {
		const { device, types, clock } = await attached(new TinyCard(HOME));
		device.modem.removeCard("taken out");
		expect(types().slice(4)).toEqual(["detached", "card-removed"]);
		await clock.until(device.insertCard(new TinyCard(OTHER)));
		await clock.advance(1);
		expect(device.status()).toMatchObject({ attached: true, plmn: "00101" });
	});

	test("a card that dies while it is read leaves the modem usable", async () => {
		const card = new TinyCard(HOME);
		card.transmit = () => Promise.reject(new Error("worn out"));
		const { device, types, clock } = await attached(card);
		expect(types()).toEqual(["card-inserted", "card-unusable"]);
		await clock.until(device.insertCard(new TinyCard(HOME)));
		await clock.advance(1);
		expect(device.isAttached).toBe(true);
	});
});

describe("coverage", () => {
	const NOON = Date.UTC(2026, 0, 5, 12); // a Monday

	test("carried into a dead zone the device is off the network, and back at once when it returns", async () => {
		const coverage = { isCoveredByDefault: true, rules: [{ plmn: "*", place: "cellar", covered: false }] };
		const { device, types, clock, bearer } = await attached(new TinyCard(HOME), { coverage });
		device.moveTo("cellar");
		await clock.advance(60_000);
		expect(types().slice(4)).toEqual(["place-changed", "detached", "no-coverage"]);
		expect(bearer).toEqual(["open", "shut"]);
		device.moveTo("home");
		await clock.advance(1);
		expect(device.isAttached).toBe(true);
	});

	test("an operator that sleeps at night lets the device go at the minute, and takes it back in the morning", async () => {
		const coverage = {
			isCoveredByDefault: true,
			rules: [{ plmn: "99970", place: "*", covered: false, hours: { from: 22 * 60, until: 6 * 60 } }],
		};
		const { device, clock, events } = await attached(new TinyCard(HOME), { coverage, start: NOON });
		await clock.advance(18 * 3_600_000);
		const changes = events.since().filter((event) => event.type === "attached" || event.type === "detached");
		expect(changes.map((event) => [event.type, new Date(event.at).toISOString().slice(11, 19)])).toEqual([
			["attached", "12:00:00"],
			["detached", "22:00:00"],
			["attached", "06:00:00"],
		]);
		expect(device.isAttached).toBe(true);
	});

	test("without coverage of the home network the device roams where an agreement allows it, and nowhere else", async () => {
		const operators = [
			{ plmn: "99970", name: "home", roaming: [] },
			{ plmn: "26201", name: "closed", roaming: ["26202"] },
			{ plmn: "26202", name: "open", roaming: ["99970"] },
		];
		const rules = [{ plmn: "99970", place: "abroad", covered: false }];
		const { device, clock, events } = await attached(new TinyCard(HOME), {
			operators,
			coverage: { isCoveredByDefault: true, rules },
		});
		expect(device.status().plmn).toBe("99970");
		device.moveTo("abroad");
		await clock.advance(1);
		expect(device.status().plmn).toBe("26202");
		expect(events.since().find((event) => event.type === "rejected")).toMatchObject({
			plmn: "26201",
			cause: { code: 11, name: "PLMN not allowed" },
		});
	});

	test("coverage that is lost while the bearer is being set up leaves the device detached and the bearer shut", async () => {
		let opened: () => void = () => undefined;
		const whileOpening = new Promise<void>((resolve) => {
			opened = resolve;
		});
		const coverage = { isCoveredByDefault: true, rules: [{ plmn: "*", place: "cellar", covered: false }] };
		const { device, clock, bearer, types } = await attached(new TinyCard(HOME), { coverage, whileOpening });
		expect(types().at(-1)).toBe("authenticated");
		device.moveTo("cellar");
		opened();
		await clock.advance(60_000);
		expect(device.isAttached).toBe(false);
		expect(bearer).toEqual(["open", "shut"]);
	});

	test("a rule added at run time takes effect at once and can be taken back", async () => {
		const { device, clock, network, watch } = await attached(new TinyCard(HOME));
		network.addCoverageRule({ plmn: "99970", place: "*", covered: false });
		watch.reconsider();
		expect(device.isAttached).toBe(false);
		network.resetCoverage();
		watch.reconsider();
		await clock.advance(1);
		expect(device.isAttached).toBe(true);
	});
});

describe("the IPA's side of the modem", () => {
	test("opens and uses logical channels; the basic channel stays with the modem", async () => {
		const card = new TinyCard(HOME);
		const { device } = await attached(card);
		const ipa = device.openIpaSession();
		expect(toHex(await ipa.powerOn())).toBe(toHex(TINY_ATR));
		expect(toHex(await ipa.transmit(hex`80AA000005A903830107`))).toBe("9000");
		expect(toHex(await ipa.transmit(hex`0070000001`))).toBe("019000");
		expect(toHex(await ipa.transmit(hex`01A4040000`))).toBe("9000");
		expect(toHex(await ipa.transmit(hex`02A4040000`))).toBe("6881");
		expect(toHex(await ipa.transmit(hex`00A40004023F00`))).toBe("6881");
		expect(toHex(await ipa.transmit(hex`8010000003FFFFFF`))).toBe("9000");
		expect(ipa.openChannels).toEqual([1]);
	});

	test("a reset asked by the IPA closes its channels and leaves card and network alone", async () => {
		const card = new TinyCard(HOME);
		const { device } = await attached(card);
		const ipa = device.openIpaSession();
		await ipa.transmit(hex`0070000001`);
		await ipa.transmit(hex`0070000200`);
		card.log.length = 0;
		expect(toHex(await ipa.reset())).toBe(toHex(TINY_ATR));
		expect(card.log).toEqual(["00708001", "00708002"]);
		expect(card.openChannels).toEqual([]);
		expect(device.isAttached).toBe(true);
		expect(toHex(await ipa.transmit(hex`01A4040000`))).toBe("6881");
	});

	test("91xx on the IPA's channel: 9000 for the IPA, REFRESH for the modem; the channel is gone afterwards", async () => {
		const card = new TinyCard(HOME);
		const { device, clock, types } = await attached(card);
		const ipa = device.openIpaSession();
		await ipa.transmit(hex`0070000001`);
		card.onChannel = (apdu) => {
			if (apdu[1] === 0xe2) return hex`6108`;
			card.profile = OTHER;
			card.proactive.push(REFRESH);
			return hex`BF51050102030405 910B`;
		};
		expect(toHex(await ipa.transmit(hex`81E2910003BF5100`))).toBe("6108");
		expect(toHex(await ipa.transmit(hex`01C0000008`))).toBe("BF510501020304059000");
		expect(toHex(await ipa.transmit(hex`01A4040000`))).toBe("6881");
		await clock.advance(1);
		expect(types().slice(4)).toEqual(["refreshed", "detached", "card-read", "authenticated", "attached"]);
		expect(device.status().iccid).toBe(OTHER.iccid);
		expect(toHex(await ipa.transmit(hex`0070000001`))).toBe("019000");
	});

	test("between 61xx and GET RESPONSE nobody else reaches the card, but not for ever", async () => {
		const card = new TinyCard(HOME);
		const { device, clock } = await attached(card);
		const [first, second] = [device.openIpaSession(), device.openIpaSession()];
		await first.transmit(hex`0070000001`);
		card.onChannel = (apdu) => (apdu[1] === 0xc0 ? hex`0102 9000` : hex`6102`);
		await first.transmit(hex`81E2910003BF2E00`);
		const waiting = second.transmit(hex`0070000001`);
		await first.transmit(hex`01C0000002`);
		expect(toHex(await waiting)).toBe("029000");
		await first.transmit(hex`81E2910003BF2E00`);
		const late = second.transmit(hex`0070000001`);
		await clock.advance(2_000);
		expect(toHex(await late)).toBe("039000");
		expect(card.log.slice(-4).map((apdu) => apdu.slice(0, 4))).toEqual(["01C0", "0070", "81E2", "0070"]);
	});

	test("an IPA that goes away leaves no channel open, and one session never sees the channels of another", async () => {
		const card = new TinyCard(HOME);
		const { device } = await attached(card);
		const [first, second] = [device.openIpaSession(), device.openIpaSession()];
		await first.transmit(hex`0070000001`);
		expect(toHex(await second.transmit(hex`01A4040000`))).toBe("6881");
		await first.end();
		expect(card.openChannels).toEqual([]);
	});

	test("without a card every call says so", async () => {
		const { device } = bench();
		const ipa = device.openIpaSession();
		await expect(ipa.reset()).rejects.toMatchObject({ code: "NETWORK_CARD_ABSENT" });
		await expect(ipa.transmit(fromHex("0070000001"))).rejects.toMatchObject({ code: "NETWORK_CARD_ABSENT" });
		expect(() => ipa.atr()).toThrow("no card is in the modem");
	});
});
