import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { ATR } from "./apdu/atr.ts";
import { CardBench, iccidOf, testPki, tinyProfile } from "./testing/card-bench.ts";

const A = "89000000000000000011";
const B = "89000000000000000022";
const twoProfiles = [
	{ unprotectedProfilePackage: tinyProfile(A), isEnabled: true },
	{ unprotectedProfilePackage: tinyProfile(B), isEnabled: false },
];
const SELECT_ISD_R = "A4040010A0000005591010FFFFFFFF8900000100";

describe("a card at its contacts", () => {
	it("answers the start of an IPA in the order that foreign peers use", async () => {
		const bench = new CardBench();
		expect(toHex(await bench.card.powerOn())).toBe(toHex(ATR));
		expect(await bench.send("80AA000005A903830107")).toBe("9000");
		expect(await bench.send("0070000100")).toBe("9000");
		expect(await bench.send(`01${SELECT_ISD_R}`)).toMatch(/^61/);
		expect(await bench.send("01C0000000")).toMatch(/^6F..8410A0000005591010FFFFFFFF8900000100A5049F6501FFE0.*9000$/);
		expect(await bench.send("81E2910006BF3E035C015A")).toBe("6115");
		expect(await bench.send("01C0000015")).toBe(`BF3E125A10${testPki().eid}9000`);
		expect(await bench.send("81E2910003BF5500")).toBe("6105");
		expect(await bench.send("81C0000005")).toBe("BF5502A0009000");
		expect(await bench.send("81E2910003BF2B00")).toBe("6105");
		expect(await bench.send("01C0000005")).toBe("BF2B02A0009000");
		expect(await bench.send("0070800100")).toBe("9000");
		expect(await bench.send("81E2910003BF2B00")).toBe("6881");
	});

	it("opens the channels 1 to 19 in both class codings, and no more", async () => {
		const bench = new CardBench();
		await bench.card.powerOn();
		for (let channel = 1; channel <= 19; channel++) {
			expect(await bench.send("0070000001")).toBe(`${channel.toString(16).padStart(2, "0").toUpperCase()}9000`);
			const inter = channel < 4 ? channel : 0x40 | (channel - 4);
			const proprietary = channel < 4 ? 0x80 | channel : 0xc0 | (channel - 4);
			const octet = (value: number) => value.toString(16).padStart(2, "0");
			expect(await bench.send(`${octet(inter)}${SELECT_ISD_R}`)).toMatch(/^61/);
			expect(await bench.send(`${octet(proprietary)}E2910006BF3E035C015A`)).toBe("6115");
			expect(await bench.send(`${octet(inter)}C0000015`)).toMatch(/9000$/);
		}
		expect(await bench.send("0070000001")).toBe("6A81");
		expect(await bench.send("0070800700")).toBe("9000");
		expect(await bench.send("0070800700")).toBe("6881");
		expect(await bench.send("0070000001")).toBe("079000");
		expect(await bench.send("0070000005")).toBe("6A81");
		expect(await bench.send("4F708000")).toBe("9000");
		expect(await bench.send("0070000001")).toBe("139000");
		expect(await bench.send("00701400")).toBe("6A86");
		expect(await bench.send("00708000")).toBe("6A86");
	});

	it("says how many octets MANAGE CHANNEL gives, and refuses to open a channel twice", async () => {
		const bench = new CardBench();
		await bench.card.powerOn();
		expect(await bench.send("00700000")).toBe("6C01");
		expect(await bench.send("0070000002")).toBe("6C01");
		expect(await bench.send("0070000300")).toBe("9000");
		expect(await bench.send("0070000300")).toBe("6A81");
	});

	it("cuts answers over 256 octets into pieces that GET RESPONSE fetches", async () => {
		const bench = await new CardBench().start();
		expect(await bench.send("81E2910003BF5600")).toBe("6100");
		const first = await bench.send("01C0000000");
		expect(first).toMatch(/^BF5682.*61..$/);
		expect(first.length).toBe(2 * 258);
		expect(await bench.send("01C00000FF")).toHaveLength(2 * 257);
		const { data, status } = await bench.es10(fromHex("BF5600"));
		expect(status).toBe(0x9000);
		expect(data.length).toBeGreaterThan(512);
	});

	it("corrects a wrong length by 6Cxx and keeps the answer for the right one", async () => {
		const bench = await new CardBench().start();
		expect(await bench.send("81E2910006BF3E035C015A")).toBe("6115");
		expect(await bench.send("01C0000020")).toBe("6C15");
		expect(await bench.send("01C0000005")).toBe("BF3E125A106110");
		expect(await bench.send("01C0000010")).toBe(`${testPki().eid}9000`);
		expect(await bench.send("01C0000010")).toBe("6985");
	});

	it("puts blocks of STORE DATA together and drops a command whose blocks are out of turn", async () => {
		const bench = await new CardBench().start();
		expect(await bench.send("81E2110003BF3E03")).toBe("9000");
		expect(await bench.send("81E29101035C015A")).toBe("6115");
		await bench.send("01C0000000");
		expect(await bench.send("81E2110003BF3E03")).toBe("9000");
		expect(await bench.send("81E29102035C015A")).toBe("6A86");
		expect(await bench.send("81E29101035C015A")).toBe("6A86");
		expect(await bench.send("81E2110003BF3E03")).toBe("9000");
		expect(await bench.send("81E2910006BF3E035C015A")).toBe("6115");
		expect(await bench.send("81E2200006BF3E035C015A")).toBe("6A86");
	});

	it("interrupts a half-sent command when another command comes on the channel", async () => {
		const bench = await new CardBench().start();
		await bench.send("81E2110003BF3E03");
		await bench.send("81F2000C00");
		expect(await bench.send("81E29101035C015A")).toBe("6A86");
	});

	it.each([
		["an ES10 function it does not have", "81E2910003BF6F00", "6A88"],
		["a request that is no TLV", "81E2910002BF20", "6A80"],
		["GetEUICCData for another tag", "81E2910006BF3E035C015B", "6A80"],
		["a segment without a load", "81E2910004A10288AA", "6A88"],
		["a package without a session", "81E2910003BF3600", "6985"],
		["an unknown instruction", "8144000000", "6D00"],
		["a class that is not its own", "0144000000", "6E00"],
		["secure messaging", "04A4000C023F00", "6882"],
		["command chaining", "10A4000C023F00", "6884"],
		["a class of no standard", "20A4000C023F00", "6E00"],
		["a closed channel", "02A4000C023F00", "6881"],
		["a length that does not fit", "81E29100FFBF20", "6700"],
		["less than a header", "81E291", "6700"],
		["another application", "01A4040007A0000000871002", "6A82"],
	])("refuses %s", async (_what, apdu, status) => {
		const bench = await new CardBench().start();
		expect(await bench.send(apdu)).toBe(status);
		expect(bench.errors).toEqual([]);
	});

	it("accepts extended lengths and answers directly where only data was asked for", async () => {
		const bench = await new CardBench().start();
		expect(await bench.send("81E29100000006BF3E035C015A")).toBe("6115");
		expect(await bench.send("01C000000000FF")).toBe("6C15");
		expect(await bench.send("01C00000000000")).toBe(`BF3E125A10${testPki().eid}9000`);
	});

	it("shows an empty master file while no profile is enabled", async () => {
		const bench = new CardBench();
		await bench.card.powerOn();
		expect(await bench.send("00A40004023F00")).toBe("6119");
		expect(await bench.send("00C0000019")).toMatch(/^621782027821.*9000$/);
		expect(await bench.send("00A40004022FE2")).toBe("6A82");
		expect(await bench.send("80F2000C")).toBe("9000");
		expect(await bench.send("00A4040007A0000000871002")).toBe("6A82");
	});

	it("hides ISD-R until TERMINAL CAPABILITY where a card is made so", async () => {
		const bench = new CardBench({ card: { quirks: { needsTerminalCapability: true } } });
		await bench.card.powerOn();
		expect(await bench.send(`00${SELECT_ISD_R}`)).toBe("6A82");
		expect(await bench.send("80AA00000AA9088100820101830107")).toBe("9000");
		expect(await bench.send(`00${SELECT_ISD_R}`)).toMatch(/^61/);
		await bench.card.reset();
		expect(await bench.send(`00${SELECT_ISD_R}`)).toBe("6A82");
	});

	it("tells its EID by GET DATA on ECASD", async () => {
		const bench = new CardBench();
		await bench.card.powerOn();
		expect(await bench.send("00A4040010A0000005591010FFFFFFFF8900000200")).toMatch(/^61/);
		expect(await bench.send("80CA005A12")).toBe(`5A10${testPki().eid}9000`);
		expect(await bench.send("80CA006612")).toBe("6A88");
	});

	it("does nothing without power", async () => {
		const bench = new CardBench();
		await expect(bench.send("00A4000C023F00")).rejects.toThrow(/no power/);
	});
});

describe("REFRESH after a profile switch", () => {
	it("is announced by 91xx, fetched, answered, and then the terminal sees the other profile", async () => {
		const bench = await new CardBench({ profiles: twoProfiles }).start();
		expect(await bench.send("00B0000000")).toBe(`${A}9000`);
		expect(await bench.send(`81E2910014BF3111A00C5A0A${toHex(iccidOf(B))}8101FF`)).toBe("6106");
		expect(await bench.send("01C0000006")).toBe("BF3103800100910B");
		expect(await bench.send("00B0000000")).toBe(`${A}910B`);
		expect(await bench.send("8012000005")).toBe("6C0B");
		expect(await bench.send("801200000B")).toBe("D0098103010104820281829000");
		expect(await bench.send("00B0000000")).toBe(`${A}9000`);
		expect(await bench.send("801400000C810301010402028281830100")).toBe("9000");
		expect(await bench.send("00B0000000")).toBe(`${B}9000`);
		expect(await bench.send("801200000B")).toBe("6985");
	});

	it("is not needed when the card is reset instead", async () => {
		const bench = await new CardBench({ profiles: twoProfiles }).start();
		await bench.ask(`BF3111A00C5A0A${toHex(iccidOf(B))}8101FF`);
		await bench.card.reset();
		expect(await bench.send("00B0000000")).toBe(`${B}9000`);
	});

	it("is not sent when the request says so; the other profile is there at once", async () => {
		const bench = await new CardBench({ profiles: twoProfiles }).start();
		expect(await bench.send(`81E2910014BF3111A00C5A0A${toHex(iccidOf(B))}810100`)).toBe("6106");
		expect(await bench.send("01C0000006")).toBe("BF31038001009000");
		expect(await bench.send("00B0000000")).toBe(`${B}9000`);
	});

	it("refuses another switch while the terminal has not answered (catBusy)", async () => {
		const bench = await new CardBench({ profiles: twoProfiles }).start();
		await bench.ask(`BF3111A00C5A0A${toHex(iccidOf(B))}8101FF`);
		expect(await bench.ask(`BF3111A00C5A0A${toHex(iccidOf(A))}8101FF`)).toBe("BF3103800105");
		expect(await bench.ask(`BF3211A00C5A0A${toHex(iccidOf(B))}8101FF`)).toBe("BF3203800105");
	});

	it("closes ES10 until the next reset where a card is made so", async () => {
		const card = { quirks: { refusesEs10UntilReset: true } };
		const bench = await new CardBench({ profiles: twoProfiles, card }).start();
		await bench.ask(`BF3111A00C5A0A${toHex(iccidOf(B))}8101FF`);
		expect(await bench.send("81E2910003BF2B00")).toBe("6985");
		await bench.card.reset();
		await bench.start();
		expect(await bench.send("81E2910003BF2B00")).toBe("6105");
	});
});
