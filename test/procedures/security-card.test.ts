/** What somebody can do with octets that a card has taken before: nothing. */

import { encode } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import { PrepareDownloadRequest } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { segmentBoundProfilePackage } from "@iot-esim/shared/security/bound-profile-package";
import { toHex } from "@iot-esim/shared/util/bytes";
import { CardBench, iccidOf, testPki, tinyProfile } from "@iot-esim/sim/euicc/testing/card-bench";
import { TestEim } from "@iot-esim/sim/euicc/testing/test-eim";
import { metadataFor, TestSmdp } from "@iot-esim/sim/euicc/testing/test-smdp";
import { issueEuiccCredential } from "@iot-esim/sim/pki/test-pki";
import { describe, expect, it } from "vitest";

const ICCID = "89000000000000000011";
const good = { profile: tinyProfile(ICCID), metadata: metadataFor(ICCID) };
const enable = { psmoList: [{ enable: { iccid: iccidOf(ICCID) } }] };
const profiles = [{ unprotectedProfilePackage: tinyProfile(ICCID), isEnabled: false }];

/** Every code in an installation result that failed: command and reason. */
const failureOf = (result: Uint8Array) =>
	toHex(result)
		.match(/A1068001(..)8101(..)/)
		?.slice(1);

async function session(bench: CardBench, smdp: TestSmdp, otpk?: Uint8Array): Promise<Uint8Array> {
	return smdp.prepare(bench, (await smdp.authenticate(bench)).euiccSignature1, otpk);
}

describe("an eUICC package that was recorded", () => {
	it.each([
		[
			"the last eIM was deleted by its own package",
			async (bench: CardBench, eim: TestEim) => {
				const { euiccResult } = await eim.load(bench, { ecoList: [{ deleteEim: { eimId: eim.eimId } }] });
				expect(euiccResult).toEqual([{ deleteEimResult: 2 }]);
			},
		],
		[
			"the card's eIM configuration was reset",
			async (bench: CardBench) => {
				expect(await bench.ask("BF640482020204")).toMatch(/^BF64/);
			},
		],
	])("is worth nothing after %s and the same eIM was added again from counter 0", async (_, forget) => {
		const bench = await new CardBench({ profiles }).start();
		const eim = await new TestEim().associate(bench);
		const recorded = eim.request(bench, enable, { counterValue: 9 });
		await forget(bench, eim);
		eim.counter = 0;
		const oldToken = eim.token;
		await eim.associate(bench);
		expect(eim.token).toBeGreaterThan(oldToken);
		const { data } = await bench.es10(recorded);
		expect(toHex(data)).toMatch(/^BF51..A2/);
		expect(await bench.ask("BF2D055C039F705A")).toContain("9F700100");
		expect((await eim.load(bench, enable)).euiccResult).toEqual([{ enableResult: 0 }]);
	});
});

describe("a Bound Profile Package that was recorded", () => {
	it("does not bring a deleted profile back, neither in a session of its own SM-DP+ nor in its old one", async () => {
		const bench = await new CardBench().start();
		const smdp = new TestSmdp(testPki());
		const otpk = await session(bench, smdp);
		const recorded = smdp.bind(otpk, good);
		expect(failureOf(await smdp.load(bench, recorded))).toBeUndefined();
		expect(await bench.ask("BF2D035C015A")).toContain(toHex(iccidOf(ICCID)));
		await bench.ask(`BF330C5A0A${toHex(iccidOf(ICCID))}`);
		// Its session is over, and so is its one-time key.
		const [first] = segmentBoundProfilePackage(recorded) as [Uint8Array];
		expect((await bench.es10(first)).status).toBe(0x6985);
		expect(toHex(await session(bench, smdp, otpk))).not.toBe(toHex(otpk));
		expect(failureOf(await smdp.load(bench, recorded))).toEqual(["00", "02"]);
		expect(await bench.ask("BF2D00")).toBe("BF2D02A000");
	});

	it("of one session is refused in another, though both share the one-time key", async () => {
		const bench = await new CardBench().start();
		const first = new TestSmdp(testPki());
		const otpk = await session(bench, first);
		const recorded = first.bind(otpk, good);
		const second = new TestSmdp(testPki());
		expect(toHex(await session(bench, second, otpk))).toBe(toHex(otpk));
		expect(failureOf(await second.load(bench, recorded))).toEqual(["00", "03"]);
	});

	it("is of no use to another card of the same EUM, though it learnt the one-time key", async () => {
		const eid = Eid.withCheckDigits("890490320000000000000000000055");
		const { eum } = testPki();
		const euicc = issueEuiccCredential({ curve: "P-256", random: systemRandom, now: Date.now(), eum, eid });
		const bench = await new CardBench({ pkis: [{ ...testPki(), euicc, eid }] }).start();
		const smdp = new TestSmdp({ ...testPki(), euicc, eid });
		const otpk = await session(bench, smdp);
		// Everything is of this session but the EID that the keys are derived for.
		const other = smdp.bind(otpk, { ...good, binding: { eid: Eid.toBytes(Eid(testPki().eid)) } });
		expect(failureOf(await smdp.load(bench, other))).toEqual(["01", "08"]);
	});
});

describe("a PrepareDownload that was recorded", () => {
	it("is not taken behind another authentication", async () => {
		const bench = await new CardBench().start();
		const smdp = new TestSmdp(testPki());
		const { euiccSignature1 } = await smdp.authenticate(bench);
		const recorded = encode(PrepareDownloadRequest, smdp.prepareDownloadRequest(euiccSignature1));
		expect(toHex((await bench.es10(recorded)).data)).toMatch(/^BF21..A0|^BF2181..A0/);
		await smdp.authenticate(bench);
		expect(toHex((await bench.es10(recorded)).data)).toMatch(/^BF21..A1.*020102$/);
	});
});
