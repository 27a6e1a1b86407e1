import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it, onTestFailed } from "vitest";
import { DeviceBench } from "../../../test/procedures/ipa-device-bench.ts";
import { eimConfiguration, otherNotification, signedResult } from "../../../test/procedures/ipa-scripted-card.ts";

const CI_KEY = hex`F54172BDF98A95D65CBEB88A38A1C11D800A85C3`;
const OTHER_CI_KEY = hex`C0BC70BA36929D43B467FF57570530E57AB8FCD8`;
const INFO1 = tlv(
	0xbf20,
	hex`8203020500`,
	...[0xa9, 0xaa].map((tag) => tlv(tag, tlv(0x04, OTHER_CI_KEY), tlv(0x04, CI_KEY))),
);
/** Members stand below A5 and A6 without the tag 30, as real cards send them. */
/** Three members each, as of a certificate; with a single one, [5] and [6] would seem to have a second tag below them. */
const CERTS = hex`BF56 1A A018 A50A 3003020101 3000 030100 A60A 3003020102 3000 030100`;

/** What the agent sends when the eIM asks for these tags; the octets after BF50, EID and BF52. */
async function answerTo(request: Uint8Array, prepare: (bench: DeviceBench) => void = () => undefined) {
	const bench = new DeviceBench();
	onTestFailed(() => console.log(bench.log()));
	const { answers } = bench.card;
	bench.card.eims = [eimConfiguration("eim.example", 5)];
	answers.set(0xbf20, () => INFO1);
	answers.set(0xbf22, () => hex`BF2203810101`);
	answers.set(0xbf3c, () => tlv(0xbf3c, tlv(0x80, utf8("dp")), tlv(0x81, utf8("ds"))));
	answers.set(0xbf56, () => CERTS);
	prepare(bench);
	bench.eim.packages.push(request);
	await bench.round(await bench.restart());
	const sent = bench.eim.messages.filter((message) => message.startsWith("BF50"));
	expect(sent).toHaveLength(1);
	const { data } = /5A10[0-9A-F]{32}(?<data>BF52.*)$/.exec(sent[0] ?? "")?.groups ?? {};
	return { bench, data: data ?? "" };
}

const ask = (tags: string, ...more: Uint8Array[]) => tlv(0xbf52, tlv(0x5c, hex`${hexOf(tags)}`), ...more);
function hexOf(text: string): Uint8Array {
	return Uint8Array.from(Buffer.from(text.replace(/ /g, ""), "hex"));
}

describe("IPA and eUICC data", () => {
	it("come in the order of the module, whatever the order asked for, each as the card gave it", async () => {
		const { data } = await answerTo(ask("A9 A8 84 83 BF22 BF20 81", hex`83020102`));
		expect(data).toBe(
			toHex(
				tlv(
					0xbf52,
					tlv(
						0xa0,
						tlv(0x81, utf8("dp")),
						INFO1,
						hex`BF2203810101`,
						tlv(0x83, utf8("ds")),
						hex`840105`,
						hex`87020102`,
						hex`A808 80020640 81020780`,
						hex`A908 8004 00000000 A100`,
					),
				),
			),
		);
	});

	it("carry certificates without a second tag, and ask for them once", async () => {
		const { data, bench } = await answerTo(ask("A5 A6"));
		expect(data).toBe("BF521AA018A50A30030201013000030100A60A30030201023000030100");
		expect(bench.card.commands.filter((command) => command.startsWith("BF56"))).toEqual(["BF5600"]);
	});

	it("give the certificates under the CI that the eIM names, also by the beginning of its key", async () => {
		const { bench } = await answerTo(ask("A6", tlv(0x04, CI_KEY.subarray(0, 4))));
		expect(bench.card.commands).toContain(`BF56168014${toHex(CI_KEY)}`);
	});

	it.each([
		["a CI key that the card does not have", tlv(0x04, hex`DEAD`), undefined],
		["a CI key that the card refuses", tlv(0x04, CI_KEY), hex`BF5603810101`],
	])("say euiccCiPKIdNotFound for %s", async (_what, key, refusal) => {
		const { data } = await answerTo(ask("A6", key, hex`83020102`), (bench) => {
			if (refusal) bench.card.answers.set(0xbf56, () => refusal);
		});
		expect(data).toBe("BF5209A10780020102020105");
	});

	it.each(["5A", "BF2D", "BF20 85", "9F70"])("say incorrectTagList for %s", async (tags) => {
		const { data } = await answerTo(ask(tags));
		expect(data).toBe("BF5205A103020101");
	});

	it("come in the form of SGP.32 v1.0 to an eIM that names members as that version does", async () => {
		const { bench } = await answerTo(ask("80 88 BF2B 87"), ({ eim }) => {
			eim.answers.set(0xbf50, () => {
				eim.packages.shift();
				return hex`BF5000`;
			});
		});
		const data = tlv(0xbf52, tlv(0xa0, tlv(0x80, utf8("dp")), hex`A808 80020640 81020780 BF2B06 A304A000A100`));
		expect(bench.eim.messages.at(-2)).toBe(toHex(tlv(0xbf50, data)));
	});

	it("search notifications and results, and remove what the eIM acknowledges of what it was given", async () => {
		const [first, second] = [signedResult("other", 1, 3), signedResult("eim.example", 2, 4)];
		const request = ask("A0 A2", hex`A103800109`, hex`A203800104`);
		const { data, bench } = await answerTo(request, ({ card, eim }) => {
			card.results.push(first, second);
			card.answers.set(0xbf2b, (command) => {
				if (toHex(command) === "BF2B04A0028200") return tlv(0xbf2b, tlv(0xa2, ...card.results));
				if (toHex(command) === "BF2B05A003800109") return tlv(0xbf2b, tlv(0xa0, otherNotification(9)));
				return hex`BF2B02A000`;
			});
			eim.answers.set(0xbf50, () => {
				eim.packages.shift();
				return hex`BF500C BF5309 800109 800104 800103`;
			});
		});
		expect(data).toBe(toHex(tlv(0xbf52, tlv(0xa0, tlv(0xa0, otherNotification(9)), tlv(0xa2, second)))));
		expect(bench.card.commands.filter((command) => command.startsWith("BF30"))).toEqual([
			"BF3003800109",
			"BF3003800104",
		]);
	});

	it("give an eIM the results of its own packages, not those of another eIM", async () => {
		const [foreign, own] = [signedResult("other", 1, 3), signedResult("eim.example", 2, 4)];
		const { data } = await answerTo(ask("A2"), ({ card, eim }) => {
			card.results.push(foreign, own);
			eim.answers.set(0xbf50, () => {
				eim.packages.shift();
				return hex`BF5006 BF5303 800104`;
			});
		});
		expect(data).toBe(toHex(tlv(0xbf52, tlv(0xa0, tlv(0xa2, own)))));
	});

	it("leave out what the card does not have", async () => {
		const { data } = await answerTo(ask("81 84"), (bench) => {
			bench.card.eims = [tlv(0x30, tlv(0x80, utf8("eim.example")), tlv(0x81, utf8("eim.example")))];
			bench.card.answers.set(0xbf3c, () => tlv(0xbf3c, tlv(0x81, utf8("ds"))));
		});
		expect(data).toBe("BF5202A000");
	});
});
