import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import {
	RemoteProfileProvisioningRequest,
	RemoteProfileProvisioningResponse,
} from "@iot-esim/shared/messages/sgp22/es9plus";
import { concatBytes, fromBase64, hex, toBase64, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { describe, expect, it } from "vitest";
import { createEs9PlusClient, type Es9PlusEncoding } from "./client.ts";
import { refusalByCodes } from "./error-table.ts";

const ADDRESS = "smdp.example.com:8443";
const transactionId = hex`0102030405060708090A0B0C0D0E0F10`;
const challenge = new Uint8Array(16).fill(0xc1);
const euiccInfo1 = hex`BF20 0F 82 03 020500 A9 03 04 01 AA AA 03 04 01 BB`;
const signature = new Uint8Array(64).map((_, i) => i);
const keyIdentifier = new Uint8Array(20).fill(0xf5);
const certificate = hex`30 03 02 01 05`;
const serverSigned1 = encode(ServerSigned1, {
	transactionId,
	euiccChallenge: challenge,
	serverAddress: "smdp.example.com",
	serverChallenge: new Uint8Array(16).fill(0x5e),
});

interface Call {
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Uint8Array;
}

/** A client whose server answers what the test says, and the calls that it made. */
function clientWith(
	answer: { status?: number; body?: Uint8Array | string | object },
	encoding: Es9PlusEncoding = "json",
) {
	const calls: Call[] = [];
	const body = answer.body ?? "";
	const bytes = body instanceof Uint8Array ? body : utf8(typeof body === "string" ? body : JSON.stringify(body));
	const client = createEs9PlusClient({
		http: {
			request: async (request) => {
				calls.push(request);
				return { status: answer.status ?? 200, body: bytes };
			},
		},
		requester: "eim.example.com",
		newCallId: () => "call-1",
		defaultEncoding: encoding,
	});
	return { client, calls };
}

const success = { functionExecutionStatus: { status: "Executed-Success" } };
const jsonOf = (call: Call | undefined) => JSON.parse(new TextDecoder().decode(call?.body)) as Record<string, unknown>;

describe("ES9+ in JSON", () => {
	it("asks as SGP.22 section 6.5.2 prescribes", async () => {
		const { client, calls } = clientWith({
			body: {
				header: success,
				transactionId: toHex(transactionId),
				serverSigned1: toBase64(serverSigned1),
				serverSignature1: toBase64(signature),
				euiccCiPKIdToBeUsed: toBase64(keyIdentifier),
				serverCertificate: toBase64(certificate),
			},
		});
		await client.initiateAuthentication(ADDRESS, { euiccChallenge: challenge, euiccInfo1 });
		expect(calls[0]?.url).toBe("https://smdp.example.com:8443/gsma/rsp2/es9plus/initiateAuthentication");
		expect(calls[0]?.headers).toMatchObject({
			"Content-Type": expect.stringMatching(/^application\/json/),
			"User-Agent": "gsma-rsp-lpad",
			"X-Admin-Protocol": expect.stringMatching(/^gsma\/rsp\/v2\.\d+\.\d+$/),
		});
		expect(jsonOf(calls[0])).toEqual({
			header: { functionRequesterIdentifier: "eim.example.com", functionCallIdentifier: "call-1" },
			euiccChallenge: toBase64(challenge),
			euiccInfo1: toBase64(euiccInfo1),
			smdpAddress: ADDRESS,
		});
	});

	it.each([
		["bare", signature, keyIdentifier],
		[
			"with the headers 5F3740 and 0414, as osmo-smdpp sends them",
			concatBytes(hex`5F3740`, signature),
			concatBytes(hex`0414`, keyIdentifier),
		],
	])("reads signatures and key identifiers %s", async (_, sentSignature, sentIdentifier) => {
		const wrapped = toBase64(serverSigned1).replace(/(.{20})/g, "$1\r\n ");
		const { client } = clientWith({
			body: {
				header: success,
				transactionId: toHex(transactionId).toLowerCase(),
				serverSigned1: wrapped,
				serverSignature1: toBase64(sentSignature),
				euiccCiPKIdToBeUsed: toBase64(sentIdentifier).replace(/=+$/, ""),
				serverCertificate: toBase64(certificate),
			},
		});
		expect(await client.initiateAuthentication(ADDRESS, { euiccChallenge: challenge, euiccInfo1 })).toEqual({
			kind: "ok",
			transactionId,
			serverSigned1,
			serverSignature1: signature,
			euiccCiPKIdToBeUsed: keyIdentifier,
			serverCertificate: certificate,
		});
	});

	it("gives a refusal its ESipa error by subject and reason", async () => {
		const statusCodeData = { subjectCode: "8.2.6", reasonCode: "3.8", message: "refused" };
		const { client } = clientWith({
			body: { header: { functionExecutionStatus: { status: "Failed", statusCodeData } } },
		});
		const request = { transactionId, authenticateServerResponse: hex`BF38 02 A1 00` };
		expect(await client.authenticateClient(ADDRESS, request)).toEqual({
			kind: "refused",
			refusal: { ...statusCodeData, esipaError: 6, meaning: expect.stringContaining("matching id") },
		});
	});

	it("relays what the eUICC signed octet by octet", async () => {
		const response = hex`BF21 05 A0 03 30 01 FF`;
		const bpp = hex`BF36 02 A0 00`;
		const { client, calls } = clientWith({
			body: { header: success, transactionId: toHex(transactionId), boundProfilePackage: toBase64(bpp) },
		});
		const answer = await client.getBoundProfilePackage(ADDRESS, { transactionId, prepareDownloadResponse: response });
		expect(answer).toMatchObject({ kind: "ok", boundProfilePackage: bpp });
		expect(fromBase64(jsonOf(calls[0]).prepareDownloadResponse as string)).toEqual(response);
		expect(jsonOf(calls[0]).transactionId).toBe(toHex(transactionId));
	});

	it.each([
		["no JSON", "<html>"],
		["an array", "[]"],
		["a missing member", { header: success, transactionId: "0102" }],
		["a transaction identifier that is none", { header: success, transactionId: "xyz", boundProfilePackage: "vzYA" }],
		["another tag", { header: success, transactionId: "0102", boundProfilePackage: toBase64(hex`30 00`) }],
		["trailing octets", { header: success, transactionId: "0102", boundProfilePackage: toBase64(hex`BF36 00 00`) }],
		["no base64", { header: success, transactionId: "0102", boundProfilePackage: "***" }],
	])("refuses an answer with %s", async (_, body) => {
		const { client } = clientWith({ body });
		const request = { transactionId, prepareDownloadResponse: hex`BF21 00` };
		await expect(client.getBoundProfilePackage(ADDRESS, request)).rejects.toMatchObject({
			code: "ES9PLUS_ANSWER_INVALID",
		});
	});

	it("accepts 204 to a notification, and nothing but success", async () => {
		const delivered = clientWith({ status: 204 });
		await delivered.client.handleNotification("dp.example.com", hex`BF37 00`);
		expect(delivered.calls[0]?.url).toBe("https://dp.example.com/gsma/rsp2/es9plus/handleNotification");
		expect(jsonOf(delivered.calls[0])).toMatchObject({ pendingNotification: toBase64(hex`BF37 00`) });
		const refused = clientWith({ status: 500 });
		await expect(refused.client.handleNotification("dp.example.com", hex`BF37 00`)).rejects.toMatchObject({
			code: "ES9PLUS_HTTP_STATUS",
			retryable: true,
		});
	});
});

describe("ES9+ in ASN.1", () => {
	const answer = (response: RemoteProfileProvisioningResponse) =>
		clientWith({ body: encode(RemoteProfileProvisioningResponse, response) }, "asn1");

	it("wraps request and answer in A2 and adds what SGP.22 demands", async () => {
		const { client, calls } = answer({
			initiateAuthenticationResponse: {
				initiateAuthenticationOk: {
					transactionId,
					serverSigned1: keep(ServerSigned1, decode(ServerSigned1, serverSigned1)),
					serverSignature1: signature,
					euiccCiPKIdToBeUsed: keyIdentifier,
					serverCertificate: certificate,
				},
			},
		});
		const received = await client.initiateAuthentication(ADDRESS, { euiccChallenge: challenge, euiccInfo1 });
		expect(received).toMatchObject({ kind: "ok", serverSigned1, serverSignature1: signature });
		expect(calls[0]?.url).toBe("https://smdp.example.com:8443/gsma/rsp2/asn1");
		expect(calls[0]?.headers["Content-Type"]).toBe("application/x-gsma-rsp-asn1");
		const request = decode(RemoteProfileProvisioningRequest, calls[0]?.body as Uint8Array);
		expect(request).toMatchObject({
			initiateAuthenticationRequest: { euiccChallenge: challenge, smdpAddress: ADDRESS },
		});
		expect(toHex(calls[0]?.body as Uint8Array)).toContain(toHex(euiccInfo1));
	});

	it("sends a cancellation with the component's tag in the place of BF41", async () => {
		const { client, calls } = answer({ cancelSessionResponseEs9: { cancelSessionOk: {} } });
		await client.cancelSession(ADDRESS, { transactionId, cancelSessionResponse: hex`BF41 03 81 01 05` });
		expect(calls[0]?.body).toEqual(tlv(0xa2, tlv(0xbf41, tlv(0x80, transactionId), hex`A1 03 81 01 05`)));
	});

	it("sends a notification as it is, and takes an empty answer", async () => {
		const { client, calls } = clientWith({ status: 204 }, "asn1");
		await client.handleNotification(ADDRESS, hex`BF37 02 0500`);
		expect(calls[0]?.body).toEqual(hex`A2 0A BF3D 07 A0 05 BF37 02 0500`);
	});

	it("gives errors as they are, and refuses an answer to another function", async () => {
		const refused = answer({ getBoundProfilePackageResponse: { getBoundProfilePackageError: 95 } });
		const request = { transactionId, prepareDownloadResponse: hex`BF21 00` };
		expect(await refused.client.getBoundProfilePackage(ADDRESS, request)).toEqual({
			kind: "refused",
			refusal: {
				esipaError: 95,
				code: "getBoundProfilePackage: invalidTransactionId(95)",
				meaning: expect.any(String),
			},
		});
		const other = answer({ cancelSessionResponseEs9: { cancelSessionOk: {} } });
		await expect(other.client.getBoundProfilePackage(ADDRESS, request)).rejects.toMatchObject({
			code: "ES9PLUS_ANSWER_INVALID",
		});
	});
});

describe("a hostile SM-DP+", () => {
	const ask = async (body: Uint8Array | string | object, encoding: Es9PlusEncoding) => {
		const { client } = clientWith({ body }, encoding);
		try {
			return await client.initiateAuthentication(ADDRESS, { euiccChallenge: challenge, euiccInfo1 });
		} catch (error) {
			return error;
		}
	};

	it("can make nothing but a refusal or a typed error of any JSON", async () => {
		const odd = [
			null,
			true,
			0,
			"",
			[],
			{},
			{ header: null },
			{ header: [] },
			{ header: { functionExecutionStatus: 1 } },
		];
		const statuses = ["Failed", "Expired", 7, null, {}].map((status) => ({
			header: { functionExecutionStatus: { status } },
		}));
		const codes = [
			null,
			1,
			{},
			{ subjectCode: 1, reasonCode: 2 },
			{ subjectCode: "__proto__", reasonCode: "constructor" },
		];
		const failed = codes.map((statusCodeData) => ({
			header: { functionExecutionStatus: { status: "Failed", statusCodeData } },
		}));
		for (const body of [...odd, ...statuses, ...failed].map((value) => JSON.stringify(value))) {
			const outcome = await ask(body, "json");
			const isRefusal = (outcome as { kind?: string }).kind === "refused";
			if (isRefusal) expect(outcome).toMatchObject({ refusal: { esipaError: 127 } });
			else expect(outcome, body).toMatchObject({ code: "ES9PLUS_ANSWER_INVALID" });
		}
	});

	it("can make nothing but an answer, a refusal or a typed error of damaged ASN.1", async () => {
		const good = encode(RemoteProfileProvisioningResponse, {
			initiateAuthenticationResponse: {
				initiateAuthenticationOk: {
					transactionId,
					serverSigned1: keep(ServerSigned1, decode(ServerSigned1, serverSigned1)),
					serverSignature1: signature,
					euiccCiPKIdToBeUsed: keyIdentifier,
					serverCertificate: certificate,
				},
			},
		});
		for (let i = 0; i < good.length; i++) {
			expect(await ask(good.subarray(0, i), "asn1"), `${i} octets`).toMatchObject({ code: "ES9PLUS_ANSWER_INVALID" });
			const changed = good.slice();
			changed[i] = (changed[i] as number) ^ (1 << (i % 8));
			const outcome = (await ask(changed, "asn1")) as { kind?: string; code?: string };
			expect(outcome.kind ?? outcome.code, `octet ${i}`).toMatch(/^(ok|refused|ES9PLUS_ANSWER_INVALID)$/);
		}
	});
});

describe("towards any SM-DP+", () => {
	it("chooses the encoding by address or name", async () => {
		const urls: string[] = [];
		const client = createEs9PlusClient({
			http: { request: async ({ url }) => ({ status: urls.push(url) > 0 ? 204 : 0, body: new Uint8Array() }) },
			requester: "eim",
			newCallId: () => "1",
			encodings: { "asn1.example.com": "asn1" },
		});
		await client.handleNotification("ASN1.example.com:444", hex`BF37 00`);
		await client.handleNotification("json.example.com", hex`BF37 00`);
		expect(urls.map((url) => new URL(url).pathname)).toEqual([
			"/gsma/rsp2/asn1",
			"/gsma/rsp2/es9plus/handleNotification",
		]);
	});

	it("lets nothing but a name and a port into a URL", async () => {
		const { client, calls } = clientWith({ status: 204 });
		for (const address of ["a/b", "user@host", "host:1:2", "", "-a", "a b", "http://a", "a?x", "a#x"]) {
			await expect(client.handleNotification(address, hex`BF37 00`)).rejects.toMatchObject({
				code: "ES9PLUS_ADDRESS_INVALID",
			});
		}
		expect(calls).toEqual([]);
	});

	it("turns a failed connection into ES9PLUS_UNREACHABLE", async () => {
		const client = createEs9PlusClient({
			http: { request: () => Promise.reject(new EsimError("TRANSPORT_RESET", "reset")) },
			requester: "eim",
			newCallId: () => "1",
		});
		await expect(client.handleNotification("dp.example.com", hex`BF37 00`)).rejects.toMatchObject({
			code: "ES9PLUS_UNREACHABLE",
			retryable: true,
		});
	});

	it.each([
		["initiateAuthentication", "8.8.1", "3.8", 1],
		["initiateAuthentication", "8.8.4", "3.7", 3],
		["authenticateClient", "8.1", "6.1", 5],
		["authenticateClient", "8.10.1", "3.9", 10],
		["getBoundProfilePackage", "8.2.7", "6.4", 4],
		["getBoundProfilePackage", "8.10.1", "3.9", 95],
		["cancelSession", "8.10.1", "3.9", 1],
		["authenticateClient", "8.2.5", "4.3", 8],
		["authenticateClient", "8.9.5", "3.9", 56],
		["authenticateClient", "8.2", "1.2", 127],
		["cancelSession", "8.8", "3.10", 127],
	] as const)("maps %s %s/%s to %i, and says in words what it means", (called, subject, reason, expected) => {
		expect(refusalByCodes(called, subject, reason)).toMatchObject({
			esipaError: expected,
			meaning: expect.stringMatching(/\w+ \w+.*\.$/),
		});
	});

	it("maps what no table has to 127", () => {
		expect(refusalByCodes("cancelSession", "9.9", "9.9")).toEqual({
			subjectCode: "9.9",
			reasonCode: "9.9",
			esipaError: 127,
		});
	});
});
