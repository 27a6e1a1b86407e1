import { encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { CancelSessionResponse, EuiccCancelSessionSigned } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { EUICCInfo1 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { concatBytes, fromHex, toBase64 } from "@iot-esim/shared/util/bytes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { post } from "../rsp-server/test/rsp-client.ts";
import { ICCID, SmdpBench } from "./test/bench.ts";

/** Requests of a whole download, valid in the session under way, with the ASN.1 object in each. */
interface Recorded {
	readonly name: string;
	readonly member: string;
	readonly body: Readonly<Record<string, unknown>>;
	readonly object: Uint8Array;
	readonly asn1: (object: Uint8Array) => Uint8Array;
}

let smdp: SmdpBench;
let requests: readonly Recorded[];

beforeAll(async () => {
	smdp = new SmdpBench("P-256", { policy: { downloadAttempts: 1_000_000 } });
	const matchingId = await smdp.order();
	const { client } = smdp;
	const initiated = await client.initiate();
	const transactionId = initiated.transactionId ?? "";
	const serverResponse = client.authenticateServerResponse(initiated, { matchingId });
	const offer = await client.authenticate(initiated, { matchingId });
	const prepared = client.prepareDownloadResponse(offer, generateKeyPair("P-256"));
	const signed = keep(EuiccCancelSessionSigned, {
		transactionId: fromHex(transactionId),
		smdpOid: "2.999.77",
		reason: 0,
	});
	const cancelled = encode(CancelSessionResponse, {
		cancelSessionResponseOk: { euiccCancelSessionSigned: signed, euiccCancelSessionSignature: new Uint8Array(64) },
	});
	const info1 = encode(EUICCInfo1, client.info1());
	const withTransaction = (tag: number) => (object: Uint8Array) =>
		tlv(0xa2, tlv(tag, tlv(0x80, fromHex(transactionId)), object));
	const challenge = new Uint8Array(16);
	requests = [
		{
			name: "initiateAuthentication",
			member: "euiccInfo1",
			body: { euiccChallenge: toBase64(challenge), smdpAddress: "smdp.example.com" },
			object: info1,
			asn1: (object) =>
				tlv(0xa2, tlv(0xbf39, tlv(0x81, challenge), tlv(0x83, new TextEncoder().encode("smdp.example.com")), object)),
		},
		{
			name: "authenticateClient",
			member: "authenticateServerResponse",
			body: { transactionId },
			object: serverResponse,
			asn1: withTransaction(0xbf3b),
		},
		{
			name: "getBoundProfilePackage",
			member: "prepareDownloadResponse",
			body: { transactionId },
			object: prepared,
			asn1: withTransaction(0xbf3a),
		},
		{
			name: "handleNotification",
			member: "pendingNotification",
			body: {},
			object: client.installationResult({ transactionId: "0102", iccid: smdp.iccidOctets() }),
			asn1: (object) => tlv(0xa2, tlv(0xbf3d, tlv(0xa0, object))),
		},
		{
			name: "handleNotification",
			member: "pendingNotification",
			body: {},
			object: client.otherNotification("notificationEnable", smdp.iccidOctets(), 9),
			asn1: (object) => tlv(0xa2, tlv(0xbf3d, tlv(0xa0, object))),
		},
		{
			name: "cancelSession",
			member: "cancelSessionResponse",
			body: { transactionId },
			object: cancelled,
			asn1: (object) => tlv(0xa2, tlv(0xbf41, tlv(0x80, fromHex(transactionId)), tlv(0xa1, object.subarray(3)))),
		},
	];
});
afterAll(() => smdp.stop());

/** Handlers that throw would be answered 500: here they fail the test. */
async function json(name: string, body: unknown): Promise<void> {
	const { status } = await post(smdp.smdp.handle, `/gsma/rsp2/es9plus/${name}`, body);
	expect([200, 204, 400]).toContain(status);
}

async function asn1(body: Uint8Array): Promise<void> {
	const { status } = await post(smdp.smdp.handle, "/gsma/rsp2/asn1", body, {
		"content-type": "application/x-gsma-rsp-asn1",
	});
	expect([200, 204, 400]).toContain(status);
}

describe("a hostile client is never answered with an error of the server", () => {
	it("whichever octet of a request it changes", async () => {
		for (const { name, member, body, object, asn1: wrap } of requests) {
			for (let i = 0; i < object.length; i += 2) {
				const changed = object.with(i, (object[i] as number) ^ (1 << (i % 8)));
				await json(name, { ...body, [member]: toBase64(changed) });
				if (i % 6 === 0) await asn1(wrap(changed));
			}
		}
	});

	it("wherever it cuts a request, or however it goes on", async () => {
		for (const { name, member, body, object, asn1: wrap } of requests) {
			for (let length = 0; length < object.length; length += 3) {
				await json(name, { ...body, [member]: toBase64(object.subarray(0, length)) });
				await asn1(wrap(object).subarray(0, length));
			}
			await json(name, { ...body, [member]: toBase64(concatBytes(object, object)) });
		}
	});

	it("whatever it sends in place of a text", async () => {
		const values = [null, 0, -1, 1e308, true, [], {}, "", "A", "%%", "\u0000", "x".repeat(100_000), { a: [] }];
		const es2plus = {
			downloadOrder: ["iccid", "eid", "profileType", "header"],
			confirmOrder: ["iccid", "eid", "matchingId", "confirmationCode", "smdsAddress", "releaseFlag"],
			cancelOrder: ["iccid", "eid", "matchingId", "finalProfileStatusIndicator"],
			releaseProfile: ["iccid"],
		};
		for (const value of values) {
			for (const { name, member, body, object } of requests) {
				for (const field of [...Object.keys(body), member]) {
					await json(name, { ...body, [member]: toBase64(object), [field]: value });
				}
			}
			for (const [name, fields] of Object.entries(es2plus)) {
				for (const field of fields) {
					const answer = await smdp.es2plus(name, { iccid: ICCID, releaseFlag: true, [field]: value });
					expect(answer.header.functionExecutionStatus.status).toMatch(/^(Failed|Executed-Success)$/);
				}
			}
		}
	});

	it("and its order is still there for the eUICC that may have it", async () => {
		expect(["released", "downloaded"]).toContain(smdp.stateOf());
	});
});
