/** The deviations that real IPAs are known for in JSON (protocol facts, section 7): each ends as the strict form does. */

import { readTlvs, readWholeTlv, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { esipaResponseFromJson } from "@iot-esim/shared/messages/sgp32/json/esipa-json";
import { toBase64, utf8 } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import { esipaBench, SigningCard, testPki } from "../support/esipa-bench.ts";

const { eid } = testPki();
const iccid = Iccid("89490200001234567890");

let close: (() => Promise<void>) | undefined;
afterEach(() => close?.());

/** A device with a command on its way, and the result that its card has signed. */
async function executed() {
	const eim = await esipaBench();
	close = eim.close;
	await eim.register(eid, eim.known);
	const id = await eim.order(eid, { type: "enable", parameters: { iccid, rollback: false } });
	const post = async (called: string, body: object) => {
		const answer = await eim.face({
			method: "POST",
			path: `/gsma/rsp2/esipa/${called}`,
			headers: { "content-type": "application/json" },
			body: utf8(JSON.stringify(body)),
			remoteAddress: "192.0.2.1",
			signal: new AbortController().signal,
		});
		const text = answer.body === undefined ? "" : Buffer.from(answer.body as Uint8Array).toString("utf8");
		return { status: answer.status, json: text.startsWith("{") ? JSON.parse(text) : undefined };
	};
	const polled = await post("getEimPackage", { eidValue: eid });
	const result = new SigningCard(eim.pki).execute(esipaResponseFromJson("getEimPackage", polled.json), [
		{ enableResult: 0 },
	]);
	return { eim, id, post, result };
}

const BF53_ONE = { eimAcknowledgements: toBase64(tlv(0xbf53, tlv(0x80, Uint8Array.of(1)))) };
const base64Of = (bytes: Uint8Array) => toBase64(bytes);

/** The result without the tag of its CHOICE arm: BF51{30, 5F37}. */
function withoutArm(result: Uint8Array): Uint8Array {
	const whole = readWholeTlv(result);
	const [arm] = readTlvs(result, whole.valueStart, whole.end);
	if (arm?.tag !== 0xa0) throw new Error("no arm");
	return tlv(0xbf51, tlvValue(result, arm));
}

describe("a result in JSON is taken and acknowledged", () => {
	it.each([
		["in the strict form", (result: Uint8Array) => ({ eidValue: eid, eimPackageResult: base64Of(result) })],
		[
			"without eidValue: its transaction tells the device",
			(result: Uint8Array) => ({ eimPackageResult: base64Of(result) }),
		],
		[
			"as a whole BF50 that has the EID",
			(result: Uint8Array) => ({ eimPackageResult: base64Of(tlv(0xbf50, tlv(0x5a, Eid.toBytes(eid)), result)) }),
		],
		[
			"without the arm of its CHOICE",
			(result: Uint8Array) => ({ eidValue: eid, eimPackageResult: base64Of(withoutArm(result)) }),
		],
		[
			"in the base64 of URLs, without padding, in lines",
			(result: Uint8Array) => ({
				eidValue: eid,
				eimPackageResult: Buffer.from(result)
					.toString("base64url")
					.replace(/(.{60})/g, "$1\r\n"),
			}),
		],
		[
			"with members that nobody knows",
			(result: Uint8Array) => ({ x: 1, header: {}, eidValue: eid, eimPackageResult: base64Of(result) }),
		],
	])("%s", async (_how, bodyOf) => {
		const { eim, id, post, result } = await executed();
		const { status, json } = await post("provideEimPackageResult", bodyOf(result));
		expect([status, json]).toEqual([
			200,
			{ header: { functionExecutionStatus: { status: "Executed-Success" } }, ...BF53_ONE },
		]);
		expect(await eim.state(id)).toBe("succeeded");
	});

	it.each([
		["as BF50", (result: Uint8Array) => tlv(0xbf50, tlv(0x5a, Eid.toBytes(eid)), result)],
		["without BF50", (result: Uint8Array) => result],
	])("through handleNotification, %s", async (_how, octetsOf) => {
		const { eim, id, post, result } = await executed();
		const { status } = await post("handleNotification", { provideEimPackageResult: base64Of(octetsOf(result)) });
		expect(status).toBe(204);
		expect(await eim.state(id)).toBe("succeeded");
	});
});
