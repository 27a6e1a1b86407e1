import { decode, encode } from "@iot-esim/shared/asn1/schema";
import {
	AddInitialEimRequest,
	AddInitialEimResponse,
	type EimConfigurationData,
	GetEimConfigurationDataResponse,
} from "@iot-esim/shared/messages/sgp32/eim-configuration";
import type { Eco } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { beforeEach, describe, expect, it } from "vitest";
import { CardBench, testPki } from "../testing/card-bench.ts";
import { TestEim } from "../testing/test-eim.ts";

let bench: CardBench;
const eim = new TestEim();

beforeEach(async () => {
	bench = await new CardBench({ pkis: [testPki(), testPki("brainpoolP256r1")] }).start();
	eim.counter = 0;
});

async function addInitial(...eimConfigurationDataList: EimConfigurationData[]): Promise<AddInitialEimResponse> {
	const request = encode(AddInitialEimRequest, { eimConfigurationDataList });
	return decode(AddInitialEimResponse, (await bench.es10(request)).data);
}

async function configurations(): Promise<EimConfigurationData[]> {
	return decode(GetEimConfigurationDataResponse, fromHex(await bench.ask("BF5500"))).eimConfigurationDataList;
}

/** contrib/sample_eim_cfg.ber of onomondo-ipa, written by asn1c: a bare key, token wanted, counter 1. */
const ONOMONDO_SAMPLE = hex`
	BF577CA07A3078800365494D810E3132372E302E302E313A383030308301018401FFA55BA059301306072A8648CE3D02
	0106082A8648CE3D03010703420004FE584A6F450459574AECA195D0299737F74C89BA2D36DF9286EC25D973037A0FBA
	70D14DF3E1F7D0A305E57B95B731C4DE218D2D7F9F22113ED5D18C2E3DDF1C
`;

describe("AddInitialEim", () => {
	it("associates eIMs, gives tokens from 1 where one is wanted, and shows them with their counters", async () => {
		const second = new TestEim("second").configuration({ counterValue: 77 });
		delete second.associationToken;
		expect(await addInitial(eim.configuration(), second)).toEqual({
			addInitialEimOk: [{ associationToken: 1 }, { addOk: null }],
		});
		const [one, two] = await configurations();
		expect(one).toEqual({ ...eim.configuration(), counterValue: 0, associationToken: 1 });
		expect(two).toEqual(second);
		const found = await bench.ask(`BF550AA0088006${toHex(new TextEncoder().encode("second"))}`);
		expect(decode(GetEimConfigurationDataResponse, fromHex(found)).eimConfigurationDataList).toEqual([second]);
		expect(await bench.ask("BF5505A003800141")).toBe("BF5502A000");
	});

	it("takes what another compiler wrote, and gives it back with the token of its own", async () => {
		expect(toHex((await bench.es10(ONOMONDO_SAMPLE)).data)).toBe("BF5705A003840101");
		const asked = toHex(ONOMONDO_SAMPLE).replace("BF577C", "BF557C").replace("8401FF", "840101");
		expect(await bench.ask("BF5500")).toBe(asked);
	});

	it("is answered in the octets of the standard", async () => {
		const request = encode(AddInitialEimRequest, { eimConfigurationDataList: [eim.configuration()] });
		expect(toHex((await bench.es10(request)).data)).toBe("BF5705A003840101");
		expect(toHex((await bench.es10(request)).data)).toBe("BF5703810102");
	});

	it.each<[string, () => EimConfigurationData[], number]>([
		["none at all", () => [], 7],
		["the same twice", () => [eim.configuration(), eim.configuration()], 7],
		["one without a key", () => [withoutKey()], 7],
		["a key that is none", () => [eim.configuration({ eimPublicKeyData: { eimPublicKey: hex`3003020101` } })], 7],
		["a CI that the card does not know", () => [eim.configuration({ euiccCiPKId: new Uint8Array(20) })], 3],
		["a token of its own choice", () => [eim.configuration({ associationToken: 5 })], 5],
		["a counter above 0x7FFFFF", () => [eim.configuration({ counterValue: 0x800000 })], 6],
		["a negative counter", () => [eim.configuration({ counterValue: -1 })], 6],
		["a good one and a bad one", () => [eim.configuration(), { ...withoutKey(), eimId: "x" }], 7],
		["more than there is room for", () => many(17), 1],
	])("refuses %s, and then no eIM is associated", async (_what, list, addInitialEimError) => {
		expect(await addInitial(...list())).toEqual({ addInitialEimError });
		expect(await configurations()).toEqual([]);
	});

	it("verifies packages with the key of a certificate", async () => {
		const { eimSign } = testPki();
		const certified = new TestEim("certified", {
			privateKey: eimSign.privateKey,
			publicKey: eim.keyPair.publicKey,
		});
		await certified.associate(bench, { eimPublicKeyData: { eimCertificate: eimSign.certificate } });
		expect((await certified.load(bench, { psmoList: [] })).counterValue).toBe(1);
	});

	it("signs results under the CI that the eIM asked for", async () => {
		const [, brainpool] = (await infoCiIds()) as [Uint8Array, Uint8Array];
		await eim.associate(bench, { euiccCiPKId: brainpool });
		const answer = await bench.es10(eim.request(bench, { psmoList: [] }));
		const view = new CardBench({ pkis: [testPki("brainpoolP256r1")] });
		expect(eim.verified(view, answer.data).counterValue).toBe(1);
		expect(() => eim.verified(bench, answer.data)).toThrow(/signature/);
	});
});

describe("eIM configuration operations", () => {
	beforeEach(async () => {
		await eim.associate(bench);
	});

	const second = new TestEim("second");
	const eco = async (...ecoList: Eco[]) => (await eim.load(bench, { ecoList })).euiccResult;

	it("add, list and delete eIMs, the last one with its own code", async () => {
		const proprietary = { ...second.configuration({ eimIdType: 3 }) };
		delete proprietary.associationToken;
		expect(await eco({ addEim: proprietary }, { listEim: {} })).toEqual([
			{ addEimResult: { addEimResultCode: 0 } },
			{ listEimResult: { eimIdList: [{ eimId: eim.eimId, eimIdType: 2 }, { eimId: "second" }] } },
		]);
		expect(await eco({ deleteEim: { eimId: "third" } }, { listEim: {} })).toEqual([{ deleteEimResult: 1 }]);
		expect(await eco({ deleteEim: { eimId: "second" } })).toEqual([{ deleteEimResult: 0 }]);
		expect(await eco({ deleteEim: { eimId: eim.eimId } }, { listEim: {} })).toEqual([
			{ deleteEimResult: 2 },
			{ listEimResult: { eimIdList: [] } },
		]);
		expect((await bench.es10(eim.request(bench, { ecoList: [] }))).data[3]).toBe(0xa2);
		expect(await addInitial(eim.configuration())).toEqual({ addInitialEimOk: [{ associationToken: 2 }] });
	});

	it("refuse what AddInitialEim refuses, and an eIM that is there", async () => {
		expect(await eco({ addEim: eim.configuration() })).toEqual([{ addEimResult: { addEimResultCode: 2 } }]);
		expect(await eco({ addEim: second.configuration({ associationToken: 9 }) })).toEqual([
			{ addEimResult: { addEimResultCode: 5 } },
		]);
		expect(await eco({ updateEim: second.configuration() })).toEqual([{ updateEimResult: 1 }]);
		expect(await eco({ updateEim: { eimId: eim.eimId, counterValue: 0x800000 } })).toEqual([{ updateEimResult: 6 }]);
		expect(await eco({ updateEim: { eimId: eim.eimId, euiccCiPKId: hex`00` } })).toEqual([{ updateEimResult: 3 }]);
		const broken = { eimId: eim.eimId, eimPublicKeyData: { eimPublicKey: hex`3000` } };
		expect(await eco({ updateEim: broken })).toEqual([{ updateEimResult: 7 }]);
	});

	it("exchange key, counter and address of an eIM and leave the rest", async () => {
		const renewed = new TestEim(eim.eimId);
		const { eimPublicKeyData = { eimPublicKey: hex`` } } = renewed.configuration();
		const update = { eimId: eim.eimId, counterValue: 500, eimFqdn: "new.example.com", eimPublicKeyData };
		expect(await eco({ updateEim: update })).toEqual([{ updateEimResult: 0 }]);
		expect((await bench.es10(eim.request(bench, { ecoList: [] }, { counterValue: 501 }))).data[3]).toBe(0xa2);
		renewed.token = eim.token;
		renewed.counter = 500;
		expect((await renewed.load(bench, { ecoList: [] })).counterValue).toBe(501);
		expect(await configurations()).toMatchObject([
			{ eimFqdn: "new.example.com", counterValue: 501, eimIdType: 2, associationToken: 1 },
		]);
	});
});

async function infoCiIds(): Promise<Uint8Array[]> {
	const info = fromHex(await bench.ask("BF2000"));
	return [info.slice(-42, -22), info.slice(-20)];
}

function withoutKey(): EimConfigurationData {
	const { eimPublicKeyData: _key, ...rest } = eim.configuration();
	return rest;
}

function many(count: number): EimConfigurationData[] {
	return Array.from({ length: count }, (_, i) => eim.configuration({ eimId: `eim-${i}` }));
}
