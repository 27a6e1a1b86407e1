import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { fromHex, toBase64 } from "@iot-esim/shared/util/bytes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { post } from "../rsp-server/test/rsp-client.ts";
import { SmdsBench } from "./test/bench.ts";

let smds: SmdsBench;
beforeAll(() => {
	smds = new SmdsBench();
});
afterAll(() => smds.stop());

/** Handlers that throw would be answered 500: here they fail the test. */
async function call(path: string, body: unknown, type = "application/json"): Promise<void> {
	const { status } = await post(smds.smds.handle, `/gsma/rsp2/${path}`, body, { "content-type": type });
	expect([200, 400]).toContain(status);
}

const oddities: readonly unknown[] = [null, true, -1, "", "x".repeat(5000), [], {}, "\u0000", "AAAA", "../../etc"];

describe("a hostile client is never answered with an error of the server", () => {
	it("whatever it puts into any member of ES11, ES12 and ES15", async () => {
		const initiated = await smds.client.initiate({ smdpAddress: "smds.example.com" });
		const signed = toBase64(smds.client.authenticateServerResponse(initiated));
		const event = { eid: smds.pki.eid, eventId: "E", rspServerAddress: "smdp.example.com", forwardingIndicator: true };
		const requests: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
			"es9plus/initiateAuthentication": { smdpAddress: "smds.example.com", euiccChallenge: "AA==", euiccInfo1: "vyA=" },
			"es9plus/authenticateClient": { transactionId: initiated.transactionId, authenticateServerResponse: signed },
			"es12/registerEvent": { header: {}, ...event },
			"es12/deleteEvent": { header: {}, ...event },
			"es15/registerEvent": { header: {}, ...event },
			"es15/deleteEvent": { header: {}, ...event },
		};
		for (const [path, body] of Object.entries(requests)) {
			for (const member of Object.keys(body)) {
				for (const oddity of oddities) await call(path, { ...body, [member]: oddity });
			}
			for (const whole of ["", "{", "[]", "null", "1", '{"__proto__":{}}']) await call(path, whole);
		}
	});

	it("whichever octet of its signed answer it changes, in both bindings", async () => {
		const initiated = await smds.client.initiate({ smdpAddress: "smds.example.com" });
		const { transactionId = "" } = initiated;
		const object = smds.client.authenticateServerResponse(initiated, { matchingId: "E" });
		for (let i = 0; i < object.length; i += 7) {
			const changed = object.with(i, (object[i] as number) ^ (1 << (i % 8)));
			await call("es9plus/authenticateClient", { transactionId, authenticateServerResponse: toBase64(changed) });
			const request = tlv(0xa2, tlv(0xbf3b, tlv(0x80, fromHex(transactionId)), changed));
			await call("asn1", request, "application/x-gsma-rsp-asn1");
			await call("asn1", request.subarray(0, i), "application/x-gsma-rsp-asn1");
		}
	});

	it("when it asks for functions of an SM-DP+ (400)", async () => {
		const headers = { "content-type": "application/x-gsma-rsp-asn1" };
		const cancel = tlv(0xa2, tlv(0xbf41, tlv(0x80, new Uint8Array(16)), tlv(0xa1, tlv(0x81, Uint8Array.of(127)))));
		expect((await post(smds.smds.handle, "/gsma/rsp2/asn1", cancel, headers)).status).toBe(400);
		expect((await post(smds.smds.handle, "/gsma/rsp2/es9plus/getBoundProfilePackage", {})).status).toBe(404);
	});
});
