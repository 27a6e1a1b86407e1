import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { EsipaClient } from "./esipa-client.ts";

const EID = hex`89049032123451234512345678901235`;
const OK = hex`BF50023000`;

function clientWith(answer: Uint8Array) {
	const sent: string[] = [];
	const exchange = async (message: Uint8Array) => {
		sent.push(toHex(message));
		return answer;
	};
	return { sent, client: new EsipaClient({ name: "eim", exchange, close: async () => undefined }, EID) };
}

describe("ESipa.GetEimPackage", () => {
	it("carries the EID, and the cause of a state change beside its flag", async () => {
		const { sent, client } = clientWith(hex`BF4F03020101`);
		await client.getEimPackage({});
		await client.getEimPackage({ notifyStateChange: null, stateChangeCause: 1, rPLMN: hex`00F110` });
		expect(sent).toEqual([`BF4F125A10${toHex(EID)}`, `BF4F1C5A10${toHex(EID)}8000810101820300F110`]);
	});

	it.each([
		[hex`BF4F03020101`, { type: "none" }],
		[hex`BF4F00`, { type: "none" }],
		[hex`BF4F03800101`, { type: "none" }],
		[hex`BF4F03020102`, { type: "refused", code: 2 }],
		[hex`BF4F0302017F`, { type: "refused", code: 127 }],
	])("understands the answer %#", async (answer, expected) => {
		expect(await clientWith(answer).client.getEimPackage({})).toEqual(expected);
	});

	it("hands over an eUICC package octet by octet, even one that it cannot read", async () => {
		const strange = hex`BF5104 A0028000`;
		const found = await clientWith(tlv(0xbf4f, strange)).client.getEimPackage({});
		expect(found).toEqual({ type: "euicc-package", der: strange });
	});

	it("names what it cannot read: a broken trigger is a format error, a new kind of package is unknown", async () => {
		expect(await clientWith(hex`BF4F06 BF5403 FF0101`).client.getEimPackage({})).toMatchObject({
			type: "unreadable",
			resultCode: 1,
		});
		expect(await clientWith(hex`BF4F03 BF7000`).client.getEimPackage({})).toMatchObject({
			type: "unreadable",
			resultCode: 2,
		});
	});

	it.each([hex``, hex`BF5000`, hex`3003020101`, hex`BF4F05020101`])(
		"refuses an answer that is none: %#",
		async (answer) => {
			await expect(clientWith(answer).client.getEimPackage({})).rejects.toMatchObject({
				code: "IPA_EIM_RESPONSE_INVALID",
			});
		},
	);
});

describe("ESipa.ProvideEimPackageResult", () => {
	const result = hex`BF5103A20180`;
	it("puts a result alone, or with its notifications when there are any", async () => {
		const { sent, client } = clientWith(OK);
		await client.provideEimPackageResult({ euiccPackageResult: result });
		await client.provideEimPackageResult({ euiccPackageResult: result, notifications: [] });
		await client.provideEimPackageResult({ euiccPackageResult: result, notifications: [hex`3000`, hex`BF3700`] });
		const eid = `5A10${toHex(EID)}`;
		expect(sent[0]).toBe(`BF5018${eid}${toHex(result)}`);
		expect(sent[1]).toBe(sent[0]);
		expect(sent[2]).toBe(`BF5021${eid}300D${toHex(result)}A0053000BF3700`);
	});

	it.each([
		[hex`BF5009 BF5306 800105 800106`, { type: "acknowledged", seqNumbers: [5, 6] }],
		[hex`BF5008 BF5305 8003010000`, { type: "acknowledged", seqNumbers: [65536] }],
		[OK, { type: "acknowledged", seqNumbers: [] }],
		[hex`BF5000`, { type: "acknowledged", seqNumbers: [] }],
		[hex`BF5003 020102`, { type: "refused", code: 2 }],
		[hex`BF5007 8005 300302017F`, { type: "refused", code: 127 }],
	])("understands the answer %#", async (answer, expected) => {
		expect(await clientWith(answer).client.provideEimPackageResult({ whole: result })).toEqual(expected);
	});
});

describe("other functions of ESipa", () => {
	it("deliver a notification under an explicit A0 and take any answer as the acknowledgement", async () => {
		const { sent, client } = clientWith(hex``);
		await client.handleNotification(hex`BF37021122`.subarray(0, 5));
		expect(sent).toEqual(["BF3D07A005BF37021122"]);
	});

	it("start an authentication with the members in the order of the module", async () => {
		const { sent, client } = clientWith(hex`BF3903810101`);
		const outcome = await client.initiateAuthentication({
			euiccChallenge: new Uint8Array(16),
			smdpAddress: "dp",
			euiccInfo1: hex`BF2000`,
			eimTransactionId: hex`01`,
		});
		expect(sent).toEqual([`BF391C8110${"00".repeat(16)}83026470BF2000820101`]);
		expect(outcome).toEqual({ error: 1 });
	});

	it("relay what card and server say without encoding it again", async () => {
		const { sent, client } = clientWith(hex`BF3B03820106`);
		const response = tlv(0xbf38, hex`A103 800101`, hex`1F7F0100`);
		expect(await client.authenticateClient(hex`AA`, response)).toEqual({ error: 6 });
		expect(sent[0]).toBe(toHex(tlv(0xbf3b, hex`8001AA`, response)));
		const bpp = tlv(0xbf36, hex`A000`);
		const given = clientWith(tlv(0xbf3a, tlv(0xa0, hex`8001AA`, bpp)));
		expect(await given.client.getBoundProfilePackage(hex`AA`, hex`BF2100`)).toEqual({ ok: bpp });
		expect(await clientWith(hex`BF3A03810132`).client.getBoundProfilePackage(hex`AA`, hex`BF2100`)).toEqual({
			error: 50,
		});
	});

	it("cancel a session with the card's answer under A1 instead of its own tag", async () => {
		const { sent, client } = clientWith(hex`BF4102A000`);
		expect(await client.cancelSession(hex`AA`, hex`BF4103810105`)).toEqual({ ok: true });
		expect(sent).toEqual(["BF41088001AAA103810105"]);
	});
});
