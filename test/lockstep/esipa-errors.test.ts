import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { IpaEuiccDataResponse } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { hex } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import {
	acknowledgedIn,
	EIM_ID,
	esipaBench,
	packageIn,
	poll,
	result,
	SigningCard,
	testPki,
} from "../support/esipa-bench.ts";
import { EMPTY, FIRST_COUNTER, takeDataRequest } from "../support/esipa-octets.ts";

const { eid } = testPki();
const iccid = Iccid("89490200001234567890");
const enable = { type: "enable", parameters: { iccid, rollback: true } } as const;

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

describe("errors of the eUICC and the IPA", () => {
	it("a signed error fails the operation and has no number to acknowledge", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const refused = new SigningCard(bench.pki).refuse(await bench.ask(poll(eid)), 15);
		expect(await bench.ask(result(eid, refused))).toEqual(EMPTY);
		expect((await bench.store.loadOperation(id))?.reason?.code).toBe("euiccPackageError: sizeOverflow(15)");
	});

	it("a replay makes the eIM ask for stored results, and take the one that it had missed", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const card = new SigningCard(bench.pki, 0, 3);
		const answer = await bench.ask(poll(eid));
		const missed = card.execute(answer, [{ enableResult: 0 }]);
		await bench.ask(result(eid, card.refuse(answer, 4)));
		expect(await bench.state(id)).toBe("awaiting-verification");
		const eimTransactionId = await takeDataRequest(bench);
		const stored = encode(IpaEuiccDataResponse, {
			ipaEuiccData: {
				euiccPackageResultList: [{ value: decode(EuiccPackageResult, missed), der: missed }],
				eimTransactionId,
			},
		});
		expect(acknowledgedIn(await bench.ask(result(eid, stored)))).toEqual([3]);
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("a replay without a stored result means that the card is ahead: packed anew with a greater counter", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const card = new SigningCard(bench.pki);
		await bench.ask(result(eid, card.refuse(await bench.ask(poll(eid)), 4)));
		const eimTransactionId = await takeDataRequest(bench);
		await bench.ask(result(eid, encode(IpaEuiccDataResponse, { ipaEuiccData: { eimTransactionId } })));
		const anew = await bench.ask(poll(eid));
		expect(card.open(anew).counterValue).toBeGreaterThan(32);
		expect(acknowledgedIn(await bench.ask(result(eid, card.execute(anew, [{ enableResult: 0 }]))))).toEqual([1]);
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("an unsigned error teaches the association token, and the package is made anew with it", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		await bench.ask(poll(eid));
		const unsigned = tlv(0xbf51, tlv(0xa2, tlv(0x80, new TextEncoder().encode(EIM_ID)), hex`84 01 0B`));
		expect(await bench.ask(result(eid, unsigned))).toEqual(EMPTY);
		const card = new SigningCard(bench.pki, 11);
		const anew = await bench.ask(poll(eid));
		expect(card.open(anew).counterValue).toBe(FIRST_COUNTER + 1);
		expect(acknowledgedIn(await bench.ask(result(eid, card.execute(anew, [{ enableResult: 0 }]))))).toEqual([1]);
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("an unsigned error never ends an operation", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const sent = await bench.ask(poll(eid));
		const unsigned = tlv(0xbf51, tlv(0xa2, tlv(0x80, new TextEncoder().encode(EIM_ID))));
		expect(await bench.ask(result(eid, unsigned))).toEqual(EMPTY);
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "sent",
			reason: { code: "euiccPackageErrorUnsigned" },
		});
		expect(await bench.ask(poll(eid))).toEqual(sent);
	});

	it("an IPA that does not know a tag of the list is asked for the certificates alone, once", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		await bench.order(eid, enable);
		const executed = new SigningCard(bench.pki).execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		await bench.ask(result(eid, executed));
		const refuse = async () => {
			const response = packageIn(await bench.ask(poll(eid)));
			if (!("ipaEuiccDataRequest" in response)) return undefined;
			const { tagList, eimTransactionId } = response.ipaEuiccDataRequest;
			await bench.ask(result(eid, tlv(0xbf52, tlv(0xa1, tlv(0x80, eimTransactionId as Uint8Array), hex`02 01 01`))));
			return tagList;
		};
		expect(await refuse()).toEqual(hex`81 A2 BF20 BF22 83 84 A5 A6 A8 A9`);
		expect(await refuse()).toEqual(hex`A5 A6`);
		expect(await refuse()).toBeUndefined();
	});

	it("unknownPackage of the IPA, which nobody signed, is noted, and the package stays open", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const sent = await bench.ask(poll(eid));
		expect(await bench.ask(result(eid, hex`A0 03 02 01 02`))).toEqual(EMPTY);
		const { state, reason } = (await bench.store.loadOperation(id)) ?? {};
		expect([state, reason?.code]).toEqual(["sent", "eimPackageResultError: unknownPackage(2)"]);
		expect(await bench.ask(poll(eid))).toEqual(sent);
	});

	it("what cannot be read gets undefinedError(127), another tag an error of the transport", async () => {
		bench = await esipaBench();
		expect(await bench.ask(hex`BF50 03 5A 01 00`)).toEqual(hex`BF50 03 02 01 7F`);
		expect(await bench.ask(hex`BF4F 10 5A`)).toEqual(hex`BF4F 03 02 01 7F`);
		for (const body of [hex``, hex`A2 00`, hex`BF51 00`, hex`30 00`]) {
			await expect(bench.send(body)).rejects.toMatchObject({ code: "ESIPA_MESSAGE_UNKNOWN", httpStatus: 400 });
		}
	});
});
describe("eUICC data that nobody asked for", () => {
	it("teaches nothing but certificates that prove themselves", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		const { euicc, eum } = testPki();
		const unasked = encode(IpaEuiccDataResponse, {
			ipaEuiccData: {
				defaultSmdpAddress: "evil.example.com",
				associationToken: 99,
				euiccCertificate: euicc.certificate,
				eumCertificate: eum.certificate,
			},
		});
		expect(await bench.ask(result(eid, unasked))).toEqual(EMPTY);
		const device = await bench.store.loadDevice(eid);
		expect(device?.euiccCertificate).toEqual(euicc.certificate);
		expect([device?.defaultSmdpAddress, device?.associationToken]).toEqual([undefined, undefined]);
	});
});
