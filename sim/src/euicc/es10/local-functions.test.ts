import { decode } from "@iot-esim/shared/asn1/schema";
import { NotificationEvent } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { RetrieveNotificationsListResponse } from "@iot-esim/shared/messages/sgp22/notifications";
import { PprIds } from "@iot-esim/shared/messages/sgp22/profile-info";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import * as asn1js from "asn1js";
import { describe, expect, it } from "vitest";
import { shows } from "../../../../test/conformance/claim.ts";
import { observedCard } from "../../../../test/conformance/observation.ts";
import type { BenchOptions } from "../testing/card-bench.ts";
import { CardBench, iccidOf, testPki, tinyProfile } from "../testing/card-bench.ts";
import { TestEim } from "../testing/test-eim.ts";
import { isSignedByCard, metadataFor, SMDP_ADDRESS, TestSmdp } from "../testing/test-smdp.ts";

const CURVES = ["P-256", "brainpoolP256r1"] as const;
const A = "89000000000000000011";
const B = "89000000000000000022";
const a = toHex(iccidOf(A));
const b = toHex(iccidOf(B));
const two: BenchOptions = {
	profiles: [
		{ unprotectedProfilePackage: tinyProfile(A), isEnabled: true },
		{ unprotectedProfilePackage: tinyProfile(B), isEnabled: false },
	],
};
const enable = (iccid: string) => `BF3111A00C5A0A${iccid}810100`;
const disable = (iccid: string) => `BF3211A00C5A0A${iccid}810100`;
const remove = (iccid: string) => `BF330C5A0A${iccid}`;

/** A card with one downloaded, disabled profile. */
async function withDownload(
	changes: Parameters<typeof metadataFor>[1] = {},
	options: BenchOptions = {},
): Promise<CardBench> {
	const bench = await new CardBench(options).start();
	const options2 = { profile: tinyProfile(B), metadata: metadataFor(B, changes) };
	await new TestSmdp(testPki()).download(bench, options2);
	return bench;
}

describe("EnableProfile, DisableProfile and DeleteProfile of SGP.22", () => {
	it.for(CURVES)("work by ICCID and by AID, with the codes of each state, on %s", async (curve, context) => {
		const bench = await new CardBench({ ...two, pkis: [testPki(curve)], card: { mode: "consumer" } }).start();
		bench.card = observedCard(bench.card, ["eUICC"]);
		expect(await bench.ask(enable(a))).toBe("BF3103800102");
		expect(await bench.ask(disable(b))).toBe("BF3203800102");
		expect(await bench.ask(remove(a))).toBe("BF3303800102");
		expect(await bench.ask(enable(toHex(iccidOf("89000000000000000099"))))).toBe("BF3103800101");
		expect(await bench.ask("BF3117A0124F10A0000005591010FFFFFFFF8900001100810100")).toBe("BF3103800100");
		expect(await bench.ask(disable(b))).toBe("BF3203800100");
		expect(await bench.ask(remove(b))).toBe("BF3303800100");
		expect(await bench.ask(remove(b))).toBe("BF3303800101");
		expect(await bench.ask("BF33124F10A0000005591010FFFFFFFF8900001000")).toBe("BF3303800100");
		expect(await bench.ask("BF2D00")).toBe("BF2D02A000");
		const functions = ["EnableProfile", "DisableProfile", "DeleteProfile"];
		shows(context, { interface: "ES10 of SGP.22, without an eIM", functions, curve });
	});

	it("are refused once an eIM is associated; lists, nicknames and reading go on", async () => {
		const bench = await new CardBench(two).start();
		await new TestEim().associate(bench);
		expect(await bench.ask(enable(b))).toBe("BF3103800103");
		expect(await bench.ask(disable(a))).toBe("BF3203800103");
		expect(await bench.ask(remove(b))).toBe("BF3303800103");
		expect(await bench.ask(remove(toHex(iccidOf("89000000000000000099"))))).toBe("BF3303800101");
		expect(await bench.ask("BF3404820205E0")).toBe("BF340380017F");
		expect(await bench.ask(`BF290F5A0A${b}900142`)).toBe("BF2903800100");
		expect(await bench.ask("BF2D00")).toContain("900142");
	});
});

describe("policy rules", () => {
	const C = "89000000000000000033";
	it("keep a profile enabled (PPR1) and on the card (PPR2)", async () => {
		const bench = await withDownload({ profilePolicyRules: PprIds.of("ppr1", "ppr2") });
		const profile = { profile: tinyProfile(C), metadata: metadataFor(C) };
		await new TestSmdp(testPki()).download(bench, profile);
		expect(await bench.ask(remove(b))).toBe("BF3303800103");
		expect(await bench.ask(enable(b))).toBe("BF3103800100");
		expect(await bench.ask(disable(b))).toBe("BF3203800103");
		expect(await bench.ask(enable(toHex(iccidOf(C))))).toBe("BF3103800103");
	});
});

describe("nicknames", () => {
	it.for(CURVES)("are set, shown and taken away again, on %s", async (curve, context) => {
		const bench = await new CardBench({ ...two, pkis: [testPki(curve)] }).start();
		bench.card = observedCard(bench.card, ["eUICC"]);
		expect(await bench.ask(`BF290F5A0A${b}900142`)).toBe("BF2903800100");
		expect(await bench.ask("BF2D045C02905A")).toContain("900142");
		expect(await bench.ask(`BF290E5A0A${b}9000`)).toBe("BF2903800100");
		expect(await bench.ask("BF2D045C02905A")).not.toContain("900142");
		expect(await bench.ask(`BF290F5A0A${toHex(iccidOf("89000000000000000099"))}900142`)).toBe("BF2903800101");
		shows(context, { interface: "ES10 of SGP.22, without an eIM", functions: ["SetNickname"], curve });
	});
});

describe("notifications", () => {
	it("are made for enable, disable and delete, signed, and kept until they are removed", async () => {
		const bench = await withDownload(
			{},
			{ profiles: [{ unprotectedProfilePackage: tinyProfile(A), isEnabled: true }] },
		);
		await bench.ask("BF3003800101");
		for (const request of [enable(b), disable(b), remove(b)]) await bench.ask(request);
		const list = decode(RetrieveNotificationsListResponse, fromHex(await bench.ask("BF2B00")));
		if (!("notificationList" in list)) throw new Error("no list");
		const seen = list.notificationList.map(({ value }) => {
			if (!("otherSignedNotification" in value)) throw new Error("an installation result");
			const { tbsOtherNotification: tbs, euiccNotificationSignature, ...certificates } = value.otherSignedNotification;
			expect(isSignedByCard(certificates.euiccCertificate, tbs.der, euiccNotificationSignature)).toBe(true);
			expect(tbs.value.notificationAddress).toBe(SMDP_ADDRESS);
			expect(toHex(tbs.value.iccid ?? hex``)).toBe(b);
			return [tbs.value.seqNumber, tbs.value.profileManagementOperation];
		});
		expect(seen).toEqual([
			[2, NotificationEvent.of("notificationEnable")],
			[3, NotificationEvent.of("notificationDisable")],
			[4, NotificationEvent.of("notificationDelete")],
		]);
		expect((await bench.ask("BF2B04A0028200")).slice(0, 12)).toBe("BF2B02A200");
		expect((await bench.ask("BF2B00")).match(/BF2F/g)).toHaveLength(3);
		expect((await bench.ask("BF280481020410")).match(/BF2F/g)).toHaveLength(1);
		expect((await bench.ask("BF2B06A00481020430")).match(/BF2F/g)).toHaveLength(2);
		expect((await bench.ask("BF2B05A003800103")).match(/BF2F/g)).toHaveLength(1);
		await bench.restart();
		expect((await bench.ask("BF2800")).match(/BF2F/g)).toHaveLength(3);
		expect(await bench.ask("BF3003800103")).toBe("BF3003800100");
		expect(await bench.ask("BF3003800103")).toBe("BF3003800101");
		expect((await bench.ask("BF2800")).match(/BF2F/g)).toHaveLength(2);
	});
});

describe("eUICCMemoryReset", () => {
	it("deletes what its bits name, also against policy, and refreshes the terminal", async () => {
		const bench = await withDownload({ profilePolicyRules: PprIds.of("ppr1", "ppr2") }, { card: { mode: "consumer" } });
		await bench.ask(enable(b));
		await bench.ask("BF3F0B8009612E6578616D706C65");
		expect(await bench.ask("BF3C00")).toContain("8009612E6578616D706C65");
		expect(await bench.ask("BF340482020640")).toBe("BF3403800101");
		expect((await bench.es10(hex`BF3404820205A0`)).status).toBe(0x910b);
		expect(await bench.ask("BF2D00")).toBe("BF2D02A000");
		expect(await bench.ask("BF3C00")).not.toContain("612E6578616D706C65");
		expect((await bench.ask("BF2800")).match(/BF2F/g)).toHaveLength(4);
	});

	it("of SGP.32 (BF64) also resets eIMs and immediate enabling, each with its own result", async () => {
		const bench = await new CardBench(two).start();
		expect(await bench.ask("BF640482020106")).toBe("BF6409800101810101820100");
		await new TestEim().associate(bench);
		expect(await bench.ask("BF640482020186")).toBe("BF6409800100810100820100");
		expect(await bench.ask("BF2D00")).toBe("BF2D02A000");
		expect(await bench.ask("BF5500")).toBe("BF5502A000");
	});
});

describe("ImmediateEnable", () => {
	const profile = { profile: tinyProfile(B), metadata: metadataFor(B) };
	const first = [{ unprotectedProfilePackage: tinyProfile(A), isEnabled: true }];

	it("enables the profile that was just loaded, when the card is set to", async () => {
		const bench = await new CardBench({ profiles: first }).start();
		expect(await bench.ask("BF5A038001FF")).toBe("BF5A03800104");
		await new TestSmdp(testPki()).download(bench, profile);
		expect(await bench.ask("BF5A038001FF")).toBe("BF5A03800101");
		expect(await bench.ask("BF59028000")).toBe("BF5903800100");
		expect(await bench.ask("BF5A038001FF")).toBe("BF5A03800100");
		expect(await bench.ask("BF5A038001FF")).toBe("BF5A03800104");
		await bench.card.reset();
		expect(await bench.send("00B0000000")).toBe(`${B}9000`);
	});

	it("is bound to the SM-DP+ of the configuration, and to the session", async () => {
		const bench = await new CardBench().start();
		await bench.ask(`BF591480008210${toHex(new TextEncoder().encode("else.example.com"))}`);
		await new TestSmdp(testPki()).download(bench, profile);
		expect(await bench.ask("BF5A038001FF")).toBe("BF5A03800101");
		await bench.ask("BF59078000810388370A");
		expect(await bench.ask("BF5A038001FF")).toBe("BF5A03800100");
		const other = await new CardBench().start();
		await other.ask("BF59028000");
		await new TestSmdp(testPki()).download(other, profile);
		await other.restart();
		expect(await other.ask("BF5A038001FF")).toBe("BF5A03800104");
	});

	it("is configured by the IPA only while there is no eIM", async () => {
		const bench = await new CardBench().start();
		await new TestEim().associate(bench);
		expect(await bench.ask("BF59028000")).toBe("BF5903800102");
	});
});

describe("the emergency profile", () => {
	it("is enabled and left again by the IPA; meanwhile packages are refused with 104", async () => {
		const [first, second] = two.profiles ?? [];
		if (!first || !second) throw new Error("two profiles are needed");
		const bench = await new CardBench({ profiles: [first, { ...second, ecallIndication: true }] }).start();
		const eim = await new TestEim().associate(bench);
		expect(await bench.ask("BF5C03800100")).toBe("BF5C03800102");
		expect(await bench.ask("BF5B03800100")).toBe("BF5B03800100");
		expect(await bench.send("00B0000000")).toBe(`${B}9000`);
		expect(await bench.ask("BF5B03800100")).toBe("BF5B03800102");
		const request = eim.request(bench, { psmoList: [] });
		expect(toHex((await bench.es10(request)).data)).toContain("020168");
		expect(await bench.ask("BF5D03800100")).toBe("BF5D03800168");
		expect(await bench.ask("BF640482020780")).toBe("BF6403800168");
		expect(await bench.ask("BF5C03800100")).toBe("BF5C03800100");
		expect(await bench.send("00B0000000")).toBe(`${A}9000`);
		expect(eim.verified(bench, (await bench.es10(request)).data).counterValue).toBe(1);
	});

	it("is not available without a profile for it", async () => {
		expect(await (await new CardBench(two).start()).ask("BF5B03800100")).toBe("BF5B03800108");
	});
});

describe("small functions", () => {
	it("answer in the octets of the standard", async () => {
		const bench = await new CardBench({ card: { defaultSmdpAddress: "a.example" } }).start();
		const ciId = toHex(parseCertificate(testPki().ci.certificate).subjectKeyIdentifier ?? hex``);
		expect(await bench.ask("BF2000")).toBe(`BF20358203020500A9160414${ciId}AA160414${ciId}`);
		expect(await bench.ask("BF4300")).toBe("BF4314A012301080020560A10730058003EEEEEE820100");
		expect(await bench.ask("BF3C00")).toContain("8009612E6578616D706C65");
		expect(await bench.ask("BF650B8009622E6578616D706C65")).toBe("BF6503800100");
		expect(await bench.ask("BF3C00")).toContain("8009622E6578616D706C65");
		expect(await bench.ask("BF3F028000")).toBe("BF3F03800100");
		expect(await bench.ask("BF3C00")).not.toContain("800961");
		expect(await bench.ask("BF5F00")).toBe("BF5F03810101");
		expect(await bench.ask("BF420482020780")).toBe("BF4203800101");
		expect(await bench.ask(`BF56168014${"00".repeat(20)}`)).toBe("BF5603810101");
		expect(await bench.ask("BF5600")).toMatch(/^BF5682....A082....A582/);
	});

	it("are read by asn1js to the last octet, each one and packages too", async () => {
		const bench = await withDownload(
			{},
			{ profiles: [{ unprotectedProfilePackage: tinyProfile(A), isEnabled: true }] },
		);
		const eim = await new TestEim().associate(bench);
		const { data } = await bench.es10(eim.request(bench, { psmoList: [{ listProfileInfo: {} }, { getRAT: {} }] }));
		const answers = [data];
		const asked =
			"BF2000 BF2200 BF2E00 BF2D00 BF2800 BF2B00 BF2B04A0028200 BF3C00 BF3E035C015A BF4300 BF5500 BF5600 BF5F00";
		for (const request of asked.split(" ")) answers.push(fromHex(await bench.ask(request)));
		for (const answer of answers) {
			const { offset, result } = asn1js.fromBER(Uint8Array.from(answer).buffer);
			expect(result.error).toBe("");
			expect(offset, toHex(answer)).toBe(answer.length);
		}
	});

	it("give the connectivity parameters of the enabled profile", async () => {
		const unprotectedProfilePackage = tinyProfile(A, hex`A1020102`);
		const bench = await new CardBench({ profiles: [{ unprotectedProfilePackage, isEnabled: true }] }).start();
		expect(await bench.ask("BF5F00")).toBe("BF5F08A0068104A1020102");
		await bench.ask(disable(a));
		expect(await bench.ask("BF5F00")).toBe("BF5F03810101");
	});

	it("give a fresh challenge each time", async () => {
		const bench = await new CardBench().start();
		const first = await bench.ask("BF2E00");
		expect(first).toMatch(/^BF2E128010/);
		expect(await bench.ask("BF2E00")).not.toBe(first);
	});
});

describe("PPR1 of the enabled profile", () => {
	it("stands against immediate enabling and fallback, not against an emergency", async () => {
		const bootstrap = { unprotectedProfilePackage: tinyProfile(A), isEnabled: false, ecallIndication: true };
		const bench = await withDownload({ profilePolicyRules: PprIds.of("ppr1") }, { profiles: [bootstrap] });
		const eim = await new TestEim().associate(bench);
		await eim.load(bench, {
			psmoList: [
				{ setFallbackAttribute: { iccid: iccidOf(A) } },
				{ configureImmediateEnable: { immediateEnableFlag: null } },
				{ enable: { iccid: iccidOf(B) } },
			],
		});
		await bench.card.reset();
		await bench.start();
		expect((await eim.load(bench, { psmoList: [{ disable: { iccid: iccidOf(B) } }] })).euiccResult).toEqual([
			{ disableResult: 3 },
		]);
		expect(await bench.ask("BF5D03800100")).toBe("BF5D03800107");
		const C = "89000000000000000033";
		await new TestSmdp(testPki()).download(bench, { profile: tinyProfile(C), metadata: metadataFor(C) });
		expect(await bench.ask("BF5A03800100")).toBe("BF5A03800101");
		expect(await bench.ask("BF5B03800100")).toBe("BF5B03800100");
		expect(await bench.send("00B0000000")).toBe(`${A}9000`);
	});
});
