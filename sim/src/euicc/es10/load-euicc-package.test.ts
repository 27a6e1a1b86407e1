import { decode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { signRaw } from "@iot-esim/shared/crypto/ecdsa";
import type { EuiccResultData } from "@iot-esim/shared/messages/sgp32/command-results";
import { ProfileRollbackResponse } from "@iot-esim/shared/messages/sgp32/es10b-switch";
import type { Psmo } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { concatBytes, fromHex, hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { beforeEach, describe, expect, it } from "vitest";
import type { BootstrapProfile } from "../create-card.ts";
import { CardBench, iccidOf, testPki, tinyProfile } from "../testing/card-bench.ts";
import { TestEim } from "../testing/test-eim.ts";
import { isSignedByCard } from "../testing/test-smdp.ts";

const A = "89000000000000000011";
const B = "89000000000000000022";
const C = "89000000000000000033";
const profiles: BootstrapProfile[] = [
	{ unprotectedProfilePackage: tinyProfile(A), isEnabled: true },
	{ unprotectedProfilePackage: tinyProfile(B), isEnabled: false },
	{ unprotectedProfilePackage: tinyProfile(C), isEnabled: false, fallbackAllowed: false },
];

const enable = (digits: string, rollback = false): Psmo => ({
	enable: { iccid: iccidOf(digits), ...(rollback ? { rollbackFlag: null } : {}) },
});
const disable = (digits: string): Psmo => ({ disable: { iccid: iccidOf(digits) } });
const remove = (digits: string): Psmo => ({ delete: { iccid: iccidOf(digits) } });
const list: Psmo = { listProfileInfo: { tagList: hex`5A9F70` } };

const dpAddressSet: EuiccResultData = { setDefaultDpAddressResult: { setDefaultDpAddressResult: 0 } };

let bench: CardBench;
let eim: TestEim;

beforeEach(async () => {
	bench = await new CardBench({ profiles }).start();
	eim = await new TestEim().associate(bench);
});

async function results(...psmoList: Psmo[]): Promise<readonly EuiccResultData[]> {
	const { euiccResult } = await eim.load(bench, { psmoList });
	// A terminal that answers every REFRESH at once.
	if ((await bench.send("801200000B")).startsWith("D0")) await bench.send("801400000C810301010402028281830100");
	return euiccResult;
}

async function enabledNow(): Promise<string> {
	await bench.card.reset();
	const iccid = await bench.send("00B0000000");
	await bench.start();
	return iccid.slice(0, 20);
}

describe("LoadEuiccPackage", () => {
	it("signs a result with the fields of its package, and keeps it until it is removed by its number", async () => {
		const request = eim.request(bench, { psmoList: [{ getRAT: {} }] });
		const { data } = await bench.es10(request);
		const result = eim.verified(bench, data);
		expect(result).toMatchObject({ eimId: eim.eimId, counterValue: 1, eimTransactionId: hex`E101`, seqNumber: 1 });
		expect(result.euiccResult).toMatchObject([{ getRATResult: [{ pprIds: "011", pprFlags: "" }] }]);
		expect(await bench.ask("BF2B04A0028200")).toBe(toHex(tlv(0xbf2b, tlv(0xa2, data))));
		expect(await bench.ask("BF2B05A003800101")).toBe(toHex(tlv(0xbf2b, tlv(0xa2, data))));
		expect(await bench.ask("BF2B00")).toBe("BF2B02A000");
		await bench.restart();
		expect(await bench.ask("BF2B04A0028200")).toContain(toHex(data));
		expect(await bench.ask("BF3003800101")).toBe("BF3003800100");
		expect(await bench.ask("BF3003800101")).toBe("BF3003800101");
		expect(await bench.ask("BF2B04A0028200")).toBe("BF2B02A200");
	});

	it("verifies the received octets, also such as our own encoder would not write", async () => {
		const unknownField = hex`9F6E0142`;
		const fields = concatBytes(
			tlv(0x80, utf8(eim.eimId)),
			tlv(0x5a, fromHex(testPki().eid)),
			hex`810101`,
			tlv(0xa0, hex`A600`),
			unknownField,
		);
		const signed = tlv(0x30, fields);
		const signature = signRaw(eim.keyPair.privateKey, concatBytes(signed, eim.tokenTlv));
		const { data } = await bench.es10(tlv(0xbf51, signed, tlv(0x5f37, signature)));
		expect(eim.verified(bench, data).counterValue).toBe(1);
	});

	it("answers a replay with a signed error, and the state stays", async () => {
		const request = eim.request(bench, { psmoList: [enable(B)] });
		await bench.es10(request);
		const again = decode(EuiccPackageResult, (await bench.es10(request)).data);
		if (!("euiccPackageErrorSigned" in again)) throw new Error("no signed error");
		const { euiccPackageErrorDataSigned: data, euiccSignEPE } = again.euiccPackageErrorSigned;
		expect(data.value).toMatchObject({ counterValue: 1, euiccPackageErrorCode: 4 });
		expect(isSignedByCard(testPki().euicc.certificate, concatBytes(data.der, eim.tokenTlv), euiccSignEPE)).toBe(true);
		expect((await bench.ask("BF2B04A0028200")).match(/BF51/g)).toHaveLength(1);
	});

	it.each([
		["a counter that is not higher", { counterValue: 5 }, 4],
		["a counter that is lower", { counterValue: 1 }, 4],
		["a counter above 0x7FFFFF", { counterValue: 0x800000 }, 6],
		["the EID of another card", { eid: new Uint8Array(16) }, 3],
	])("signs an error for %s", async (_what, changes, code) => {
		eim.counter = 4;
		await eim.load(bench, { psmoList: [] });
		const answer = await bench.es10(eim.request(bench, { psmoList: [remove(B)] }, changes));
		const error = decode(EuiccPackageResult, answer.data);
		expect(error).toMatchObject({
			euiccPackageErrorSigned: { euiccPackageErrorDataSigned: { value: { euiccPackageErrorCode: code } } },
		});
		expect((await eim.load(bench, { psmoList: [remove(B)] })).euiccResult).toEqual([{ deleteResult: 0 }]);
	});

	it("accepts the ceiling 0x7FFFFF, and nothing afterwards", async () => {
		expect((await bench.es10(eim.request(bench, { psmoList: [] }, { counterValue: 0x7fffff }))).data[3]).toBe(0xa0);
		const next = await bench.es10(eim.request(bench, { psmoList: [] }, { counterValue: 0x7fffff }));
		expect(toHex(next.data)).toContain("020104");
	});

	it("does not sign for a stranger, a wrong signature or a wrong token", async () => {
		const stranger = new TestEim("stranger");
		const unknown = await bench.es10(stranger.request(bench, { psmoList: [] }));
		expect(toHex(unknown.data)).toBe(toHex(tlv(0xbf51, tlv(0xa2, tlv(0x80, utf8("stranger")), hex`8202E101`))));
		const impostor = new TestEim(eim.eimId);
		impostor.token = eim.token;
		const withToken = toHex(tlv(0xbf51, tlv(0xa2, tlv(0x80, utf8(eim.eimId)), hex`8202E101`, hex`840101`)));
		expect(toHex((await bench.es10(impostor.request(bench, { psmoList: [enable(B)] }))).data)).toBe(withToken);
		const wrongToken = eim.request(bench, { psmoList: [] }, { token: 9 });
		expect(toHex((await bench.es10(wrongToken)).data)).toBe(withToken);
		expect((await eim.load(bench, { psmoList: [] })).counterValue).toBe(2);
		expect(await enabledNow()).toBe(A);
	});

	it("counts for each eIM apart, and a counter survives power", async () => {
		const second = new TestEim("second.example.com");
		const { euiccResult } = await eim.load(bench, { ecoList: [{ addEim: second.configuration() }] });
		expect(euiccResult).toEqual([{ addEimResult: { associationToken: 2 } }]);
		second.token = 2;
		await second.load(bench, { psmoList: [] });
		await bench.restart();
		expect((await second.load(bench, { psmoList: [] })).counterValue).toBe(2);
		expect((await eim.load(bench, { psmoList: [] })).counterValue).toBe(2);
	});

	it("ends with processingTerminated at a command it does not know, after the results before", async () => {
		const { privateKey } = eim.keyPair;
		const signed = tlv(
			0x30,
			tlv(0x80, utf8(eim.eimId)),
			tlv(0x5a, fromHex(testPki().eid)),
			hex`810101`,
			tlv(0xa0, hex`A600`, hex`BF7F00`, hex`A600`),
		);
		const signature = tlv(0x5f37, signRaw(privateKey, concatBytes(signed, eim.tokenTlv)));
		const result = eim.verified(bench, (await bench.es10(tlv(0xbf51, signed, signature))).data);
		expect(result.euiccResult.map((r) => Object.keys(r)[0])).toEqual(["getRATResult", "processingTerminated"]);
		expect(result.euiccResult[1]).toEqual({ processingTerminated: 2 });
	});

	it("is refused by a consumer card", async () => {
		const consumer = await new CardBench({ card: { mode: "consumer" } }).start();
		expect((await consumer.es10(hex`BF5100`)).status).toBe(0x6a88);
		expect((await bench.es10(hex`BF5100`)).status).toBe(0x6a80);
	});
});

describe("profile state management operations", () => {
	it.each<[string, Psmo[], EuiccResultData[]]>([
		["enable of an unknown profile", [enable("89000000000000000099")], [{ enableResult: 1 }]],
		["enable of the enabled profile", [enable(A)], [{ enableResult: 2 }]],
		["disable of an unknown profile", [disable("89000000000000000099")], [{ disableResult: 1 }]],
		["disable of a disabled profile", [disable(B)], [{ disableResult: 2 }]],
		["delete of an unknown profile", [remove("89000000000000000099")], [{ deleteResult: 1 }]],
		["delete of the enabled profile", [remove(A)], [{ deleteResult: 2 }]],
		["a failure, with nothing after it", [disable(B), remove(B), list], [{ disableResult: 2 }]],
		["a second enable", [enable(B), enable(C)], [{ enableResult: 0 }, { processingTerminated: 2 }]],
		["disable and enable together", [disable(A), enable(B, true)], [{ disableResult: 0 }, { enableResult: 0 }]],
		["a list after a switch", [enable(B), list], [{ enableResult: 0 }, listError(11)]],
		["a list after a deletion", [remove(B), list], [{ deleteResult: 0 }, listError(11)]],
		["delete of the way back", [enable(B, true), remove(A)], [{ enableResult: 0 }, { deleteResult: 20 }]],
		[
			"delete of the profile before without rollback",
			[enable(B), remove(A)],
			[{ enableResult: 0 }, { deleteResult: 0 }],
		],
		["the fallback attribute where it is not allowed", [setFallback(C)], [{ setFallbackAttributeResult: 2 }]],
		[
			"the fallback attribute of no profile",
			[setFallback("89000000000000000099")],
			[{ setFallbackAttributeResult: 1 }],
		],
		["the loss of an attribute that none has", [{ unsetFallbackAttribute: {} }], [{ unsetFallbackAttributeResult: 2 }]],
		["a default SM-DP+", [{ setDefaultDpAddress: { defaultDpAddress: "d.example" } }], [dpAddressSet]],
	])("answers %s", async (_what, commands, expected) => {
		expect(await results(...commands)).toEqual(expected);
	});

	it("writes refused and done commands in the octets of the standard", async () => {
		const { data } = await bench.es10(eim.request(bench, { psmoList: [disable(A), remove(B), remove(A), enable(C)] }));
		expect(toHex(data)).toContain("300C840100850100850100830100");
	});

	it("lists the fields that a tag list names, by the criteria given", async () => {
		const [all] = await results({ listProfileInfo: { tagList: hex`5A9F70` } });
		expect(all).toMatchObject({
			listProfileInfoResult: {
				profileInfoListOk: [
					{ iccid: iccidOf(A), profileState: 1 },
					{ iccid: iccidOf(B), profileState: 0 },
					{ iccid: iccidOf(C), profileState: 0 },
				],
			},
		});
		const [one] = await results({ listProfileInfo: { searchCriteria: { iccid: iccidOf(B) }, tagList: hex`9F67` } });
		expect(one).toMatchObject({ listProfileInfoResult: { profileInfoListOk: [{ fallbackAllowed: true }] } });
		const [cut] = await results({ listProfileInfo: { tagList: hex`5A9F` } });
		expect(cut).toEqual(listError(1));
	});

	it("switches the profile, with notifications of both and a REFRESH", async () => {
		const { status } = await bench.es10(eim.request(bench, { psmoList: [enable(B)] }));
		expect(status).toBe(0x910b);
		expect(await enabledNow()).toBe(B);
		const busy = await new CardBench({ profiles }).start();
		const other = await new TestEim().associate(busy);
		await other.load(busy, { psmoList: [enable(B)] });
		expect((await other.load(busy, { psmoList: [enable(C)] })).euiccResult).toEqual([{ enableResult: 5 }]);
		expect((await other.load(busy, { psmoList: [disable(B)] })).euiccResult).toEqual([{ disableResult: 5 }]);
	});

	it("keeps the fallback attribute with one profile at most, and that profile undeleted", async () => {
		expect(await results(setFallback(B))).toEqual([{ setFallbackAttributeResult: 0 }]);
		expect(await results(setFallback(A))).toEqual([{ setFallbackAttributeResult: 0 }]);
		expect((await bench.ask("BF2D055C039F265A")).match(/9F2601FF/g)).toHaveLength(1);
		expect(await results(setFallback(B), remove(B))).toEqual([{ setFallbackAttributeResult: 0 }, { deleteResult: 3 }]);
		expect(await results({ unsetFallbackAttribute: {} }, remove(B))).toEqual([
			{ unsetFallbackAttributeResult: 0 },
			{ deleteResult: 0 },
		]);
	});

	it("goes to the fallback profile and back, and guards the profile it came from", async () => {
		await results(setFallback(B));
		expect(await bench.ask("BF5E038001FF")).toBe("BF5E03800107");
		expect(await bench.ask("BF5D038001FF")).toBe("BF5D03800100");
		expect(await enabledNow()).toBe(B);
		expect(await results(remove(A))).toEqual([{ deleteResult: 21 }]);
		expect(await results({ unsetFallbackAttribute: {} })).toEqual([{ unsetFallbackAttributeResult: 3 }]);
		expect(await bench.ask("BF5D038001FF")).toBe("BF5D03800102");
		expect(await bench.ask("BF5E038001FF")).toBe("BF5E03800100");
		expect(await enabledNow()).toBe(A);
	});

	it("answers a fallback without a fallback profile with 6", async () => {
		expect(await bench.ask("BF5D038001FF")).toBe("BF5D03800106");
		expect(await bench.ask("BF5E038001FF")).toBe("BF5E03800106");
	});
});

describe("rollback", () => {
	it("brings the profile before back, and its result replaces the first", async () => {
		const first = await eim.load(bench, { psmoList: [enable(B, true)] });
		expect(await enabledNow()).toBe(B);
		const answer = decode(ProfileRollbackResponse, (await bench.es10(hex`BF58038001FF`)).data);
		expect(answer.cmdResult).toBe(0);
		const result = eim.verified(bench, answer.eUICCPackageResult?.der ?? hex``);
		expect(result).toMatchObject({ counterValue: first.counterValue, eimTransactionId: first.eimTransactionId });
		expect(result.euiccResult).toEqual([{ enableResult: 0 }, { rollbackResult: 0 }]);
		expect(result.seqNumber).toBeGreaterThan(first.seqNumber);
		expect(await bench.ask("BF2B04A0028200")).toBe(
			toHex(tlv(0xbf2b, tlv(0xa2, answer.eUICCPackageResult?.der ?? hex``))),
		);
		expect(await enabledNow()).toBe(A);
		expect(await bench.ask("BF58038001FF")).toBe("BF5803020101");
	});

	it("is not there without a grant, after the result was acknowledged, or after another package", async () => {
		await results(enable(B));
		expect(await bench.ask("BF58038001FF")).toBe("BF5803020101");
		const { seqNumber } = await eim.load(bench, { psmoList: [enable(A, true)] });
		await bench.ask(`BF3003${toHex(Uint8Array.of(0x80, 1, seqNumber))}`);
		expect(await bench.ask("BF58038001FF")).toBe("BF5803020101");
		await bench.card.reset();
		await bench.start();
		await eim.load(bench, { psmoList: [enable(B, true)] });
		await eim.load(bench, { psmoList: [list] });
		expect(await bench.ask("BF58038001FF")).toBe("BF5803020101");
	});

	it("survives a loss of power", async () => {
		await eim.load(bench, { psmoList: [enable(B, true)] });
		await bench.restart();
		expect(await bench.ask("BF58038001FF")).toMatch(/^BF58.*8C0100/);
		expect(await enabledNow()).toBe(A);
	});

	it("cannot be granted when nothing was enabled before", async () => {
		await results(disable(A));
		expect(await results(enable(B, true))).toEqual([{ enableResult: 20 }]);
	});
});

function setFallback(digits: string): Psmo {
	return { setFallbackAttribute: { iccid: iccidOf(digits) } };
}

function listError(profileInfoListError: number): EuiccResultData {
	return { listProfileInfoResult: { profileInfoListError } };
}
