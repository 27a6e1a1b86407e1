import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { DialectLink, type EimDialect } from "./dialect-link.ts";
import { EsipaLinkError } from "./errors.ts";
import { EsipaClient } from "./esipa-client.ts";

const EID = "89049032123451234512345678901235";
const INFO1 = hex`BF20 09 8203020300 A900 AA00`;
/** A compact ProfileInstallationResult: the card has nothing shorter to say. */
const NOTIFICATION = tlv(0xa0, tlv(0xa0, hex`8001AA 020105`, tlv(0xa2, hex`A0044F020010`)), hex`5F3700`);
const RESULT = "BF5108A206800165840101";

/** An eIM that answers by what it gets; an Error is thrown. */
function bench(dialect: EimDialect, answers: (message: string) => string | Error) {
	const sent: string[] = [];
	const link = new DialectLink(
		{
			name: "eim",
			exchange: async (message) => {
				sent.push(toHex(message));
				const answer = answers(toHex(message));
				if (typeof answer !== "string") throw answer;
				return fromHex(answer);
			},
			close: async () => undefined,
		},
		dialect,
	);
	return { sent, link, client: new EsipaClient(link, fromHex(EID)) };
}

const failed = new EsipaLinkError("IPA_EIM_STATUS", "500");

describe("to an eIM of version 1.0", () => {
	it("polls with rPLMN under 81 and without a cause", async () => {
		const { sent, client } = bench("1.0", () => "BF4F03020101");
		await client.getEimPackage({ stateChangeCause: 1, rPLMN: fromHex("62F210") });
		expect(sent).toEqual([`BF4F195A10${EID}8000810362F210`]);
	});

	it("gives results without the EID, notifications under BF2B, errors as a number", async () => {
		const { sent, client } = bench("1.0", () => "BF5000");
		const part = { euiccPackageResult: fromHex(RESULT) };
		expect(await client.provideEimPackageResult(part)).toEqual({ type: "acknowledged", seqNumbers: [] });
		await client.provideEimPackageResult({ ...part, notifications: [NOTIFICATION] });
		await client.provideEimPackageResult({ errorCode: 2, eimTransactionId: fromHex("AA") });
		expect(sent[0]).toBe(`BF500B${RESULT}`);
		expect(sent[1]).toContain(`${RESULT}${toHex(tlv(0xbf2b, tlv(0xa0, NOTIFICATION)))}`);
		expect(sent[2]).toBe("BF5003020102");
	});

	it("reads its requests for data, and starts downloads without a transaction", async () => {
		const { sent, client } = bench("1.0", (message) =>
			message.startsWith("BF4F") ? "BF4F0DBF520A5C0480BF2B88A1028200" : "BF3903810101",
		);
		const taken = await client.getEimPackage({});
		expect(taken).toMatchObject({ type: "ipa-euicc-data", request: { tagList: fromHex("81A2A8") } });
		const euiccChallenge = new Uint8Array(16);
		await client.initiateAuthentication({
			euiccChallenge,
			euiccInfo1: INFO1,
			eimTransactionId: fromHex("AA"),
		});
		expect(sent[1]?.endsWith(toHex(INFO1))).toBe(true);
	});
});

describe("what is learnt", () => {
	it("an eIM that fails over a result is tried in version 1.0, once and for good", async () => {
		const { sent, link, client } = bench("auto", (message) => (message.includes(EID) ? failed : "BF5000"));
		const part = { euiccPackageResult: fromHex(RESULT) };
		await client.provideEimPackageResult(part);
		await client.provideEimPackageResult(part);
		expect(sent.map((message) => message.includes(EID))).toEqual([true, false, false]);
		expect(link.version).toBe("1.0");
	});

	it.each([408, 429, 502, 503, 504])("an eIM that has no time now (%i) shows no version", async (status) => {
		const busy = new EsipaLinkError("IPA_EIM_STATUS", "busy", { context: { status } });
		let isBusy = true;
		const { sent, link, client } = bench("auto", () => (isBusy ? busy : "BF50023000"));
		const part = { euiccPackageResult: fromHex(RESULT) };
		await expect(client.provideEimPackageResult(part)).rejects.toThrow(busy);
		isBusy = false;
		await client.provideEimPackageResult(part);
		expect(link.version).toBe("1.2");
		expect(sent[1]).toBe(sent[0]);
	});

	it("an eIM that fails in every version has failed", async () => {
		const { sent, link, client } = bench("auto", () => failed);
		await expect(client.provideEimPackageResult({ euiccPackageResult: fromHex(RESULT) })).rejects.toBe(failed);
		expect(sent.map((message) => message.includes(EID))).toEqual([true, false]);
		await expect(client.provideEimPackageResult({ euiccPackageResult: fromHex(RESULT) })).rejects.toBe(failed);
		expect(sent.map((message) => message.includes(EID))).toEqual([true, false, false, true]);
		expect(link.version).toBe("1.2");
	});

	it("an eIM that answers version 1.0 with an error is one of a later version", async () => {
		let isDown = true;
		const { sent, link, client } = bench("auto", (message) =>
			isDown ? failed : message.includes(EID) ? "BF50023000" : "BF5003020104",
		);
		const part = { euiccPackageResult: fromHex(RESULT) };
		await expect(client.provideEimPackageResult(part)).rejects.toBe(failed);
		isDown = false;
		await client.provideEimPackageResult(part);
		expect([sent.length, link.version]).toEqual([4, "1.2"]);
	});

	it("an eIM that has taken a result of version 1.2 is not tried again when it fails", async () => {
		let answer: string | Error = "BF50023000";
		const { sent, client } = bench("auto", () => answer);
		await client.provideEimPackageResult({ euiccPackageResult: fromHex(RESULT) });
		answer = failed;
		await expect(client.provideEimPackageResult({ euiccPackageResult: fromHex(RESULT) })).rejects.toBe(failed);
		expect(sent.length).toBe(2);
	});

	it("the forms of its requests show version 1.0 too", async () => {
		const { link, client } = bench("auto", () => "BF4F0BBF52085C0680BF2B88BF20");
		await client.getEimPackage({});
		expect(link.version).toBe("1.0");
	});
});
