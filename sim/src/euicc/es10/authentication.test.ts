import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair, signRaw } from "@iot-esim/shared/crypto/ecdsa";
import {
	AuthenticateServerRequest,
	AuthenticateServerResponse,
} from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { CancelSessionResponse } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { GetEuiccChallengeResponse } from "@iot-esim/shared/messages/sgp22/euicc-data";
import { PrepareDownloadRequest, PrepareDownloadResponse } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { EuiccSigned1 } from "@iot-esim/shared/messages/sgp32/authenticate-server";
import { issueServer } from "@iot-esim/shared/pki/issue-roles";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { Days } from "@iot-esim/shared/util/duration";
import { beforeEach, describe, expect, it } from "vitest";
import { type Credential, makeTestPki } from "../../pki/test-pki.ts";
import { CardBench, testPki } from "../testing/card-bench.ts";
import { isSignedByCard, SMDP_ADDRESS, TestSmdp } from "../testing/test-smdp.ts";

let bench: CardBench;
let smdp: TestSmdp;

beforeEach(async () => {
	bench = await new CardBench().start();
	smdp = new TestSmdp(testPki());
});

async function challenge(): Promise<Uint8Array> {
	return decode(GetEuiccChallengeResponse, (await bench.es10(hex`BF2E00`)).data).euiccChallenge;
}

/** The code that AuthenticateServer answers with; undefined when it succeeds. */
async function authenticateError(request: AuthenticateServerRequest): Promise<number | undefined> {
	const { data } = await bench.es10(encode(AuthenticateServerRequest, request));
	const response = decode(AuthenticateServerResponse, data);
	if (!("authenticateResponseError" in response)) return undefined;
	expect(response.authenticateResponseError.transactionId).toEqual(smdp.transactionId);
	return response.authenticateResponseError.authenticateErrorCode;
}

/** A dp-auth certificate under the test CI that is expired, or has another OID. */
function dpCertificate(role: "dp-auth" | "dp-pb" | "dp-tls", registeredId: string, notAfter = Days(20)): Credential {
	const keyPair = generateKeyPair("P-256");
	const now = systemClock.now();
	const certificate = issueServer({
		random: systemRandom,
		validity: { notBefore: now - Days(10), notAfter: now + notAfter },
		issuer: testPki().ci,
		publicKey: keyPair.publicKey,
		role,
		subject: { commonName: "Other SM-DP+", organization: "Other" },
		registeredId,
		hosts: ["smdp.example.com"],
	});
	return { certificate, privateKey: keyPair.privateKey };
}

describe("AuthenticateServer", () => {
	it("signs challenge, address and what the card is, as an SGP.32 card", async () => {
		const { euiccSigned1, euiccCertificate, eumCertificate } = await smdp.authenticate(bench);
		const signed = decode(EuiccSigned1, euiccSigned1.der);
		expect(signed).toMatchObject({ transactionId: smdp.transactionId, serverAddress: SMDP_ADDRESS });
		expect(signed.serverChallenge).toEqual(new Uint8Array(16).fill(0x5c));
		expect(signed.euiccInfo2.iotSpecificInfo).toMatchObject({ iotVersion: [hex`010200`], fallbackSupported: null });
		expect(toHex(euiccCertificate)).toBe(toHex(testPki().euicc.certificate));
		expect(toHex(eumCertificate)).toBe(toHex(testPki().eum.certificate));
		expect(toHex(euiccSigned1.der)).toContain(toHex((await bench.es10(hex`BF2200`)).data));
	});

	it("signs EUICCInfo2 of SGP.22 as a consumer card", async () => {
		bench = await new CardBench({ card: { mode: "consumer" } }).start();
		const { euiccSigned1 } = await smdp.authenticate(bench);
		expect(decode(EuiccSigned1, euiccSigned1.der).euiccInfo2.iotSpecificInfo).toBeUndefined();
		expect(toHex(euiccSigned1.der)).toContain(toHex((await bench.es10(hex`BF2200`)).data));
	});

	it("refuses without a challenge (4), and answers a challenge once", async () => {
		expect(await authenticateError(smdp.authenticateServerRequest(new Uint8Array(16)))).toBe(4);
		const request = smdp.authenticateServerRequest(await challenge());
		expect(await authenticateError(request)).toBeUndefined();
		expect(await authenticateError(request)).toBe(4);
	});

	it("refuses another challenge (6) and still takes the right one", async () => {
		const right = await challenge();
		expect(await authenticateError(smdp.authenticateServerRequest(new Uint8Array(16)))).toBe(6);
		expect(await authenticateError(smdp.authenticateServerRequest(right))).toBeUndefined();
	});

	it("refuses a wrong signature (2)", async () => {
		const serverSignature1 = signRaw(generateKeyPair("P-256").privateKey, hex`00`);
		expect(await authenticateError(smdp.authenticateServerRequest(await challenge(), { serverSignature1 }))).toBe(2);
	});

	it("refuses a CI that it has no credential of (7)", async () => {
		const euiccCiPKIdToBeUsed = new Uint8Array(20);
		expect(await authenticateError(smdp.authenticateServerRequest(await challenge(), { euiccCiPKIdToBeUsed }))).toBe(7);
	});

	it("takes the identifier of the CI also cut short or with its header", async () => {
		const whole = smdp.authenticateServerRequest(hex`00000000000000000000000000000000`).euiccCiPKIdToBeUsed;
		for (const euiccCiPKIdToBeUsed of [whole.subarray(0, 8), Uint8Array.of(0x04, 0x14, ...whole)]) {
			const request = smdp.authenticateServerRequest(await challenge(), { euiccCiPKIdToBeUsed });
			expect(await authenticateError(request)).toBeUndefined();
		}
	});

	it("refuses certificates of another CI and of another role (1)", async () => {
		const stranger = makeTestPki({ curve: "P-256", random: systemRandom, now: systemClock.now() });
		const foreign = new TestSmdp(stranger);
		const { ciPkId } = { ciPkId: smdp.authenticateServerRequest(await challenge()).euiccCiPKIdToBeUsed };
		const changes = { euiccCiPKIdToBeUsed: ciPkId };
		smdp = foreign;
		expect(await authenticateError(foreign.authenticateServerRequest(await challenge(), changes))).toBe(1);
		smdp = new TestSmdp(testPki(), { dpAuth: testPki().dpPb });
		expect(await authenticateError(smdp.authenticateServerRequest(await challenge()))).toBe(1);
		const broken = { serverCertificate: hex`3003020101` };
		expect(await authenticateError(smdp.authenticateServerRequest(await challenge(), broken))).toBe(1);
	});

	it("accepts an expired certificate, since a card has no clock", async () => {
		smdp = new TestSmdp(testPki(), { dpAuth: dpCertificate("dp-auth", "2.999.10", Days(-5)) });
		expect(await authenticateError(smdp.authenticateServerRequest(await challenge()))).toBeUndefined();
	});

	it("authenticates an SM-DS, with which no download can be prepared", async () => {
		smdp = new TestSmdp(testPki(), { dpAuth: testPki().dsAuth });
		const { euiccSignature1 } = await smdp.authenticate(bench);
		await expect(smdp.prepare(bench, euiccSignature1)).rejects.toThrow(/"downloadErrorCode":4/);
	});
});

/** The code that PrepareDownload answers with; undefined when it succeeds. */
async function prepareError(request: PrepareDownloadRequest): Promise<number | undefined> {
	const { data } = await bench.es10(encode(PrepareDownloadRequest, request));
	const response = decode(PrepareDownloadResponse, data);
	return "downloadResponseError" in response ? response.downloadResponseError.downloadErrorCode : undefined;
}

describe("PrepareDownload", () => {
	it("needs an authenticated server (4)", async () => {
		expect(await prepareError(smdp.prepareDownloadRequest(new Uint8Array(64)))).toBe(4);
	});

	it("binds the request to the signature of the card (2)", async () => {
		await smdp.authenticate(bench);
		expect(await prepareError(smdp.prepareDownloadRequest(new Uint8Array(64)))).toBe(2);
	});

	it("refuses another transaction (5)", async () => {
		const { euiccSignature1 } = await smdp.authenticate(bench);
		expect(await prepareError(smdp.prepareDownloadRequest(euiccSignature1, { transactionId: hex`01` }))).toBe(5);
	});

	it("refuses a binding certificate of another SM-DP+ or another role (1)", async () => {
		for (const dpPb of [dpCertificate("dp-pb", "2.999.11"), dpCertificate("dp-tls", "2.999.10"), testPki().dpAuth]) {
			smdp = new TestSmdp(testPki(), { dpPb });
			const { euiccSignature1 } = await smdp.authenticate(bench);
			expect(await prepareError(smdp.prepareDownloadRequest(euiccSignature1))).toBe(1);
		}
		smdp = new TestSmdp(testPki(), { dpPb: dpCertificate("dp-pb", "2.999.10") });
		const { euiccSignature1 } = await smdp.authenticate(bench);
		expect(await prepareError(smdp.prepareDownloadRequest(euiccSignature1))).toBeUndefined();
	});

	it("passes the hash of the confirmation code on under its signature", async () => {
		const { euiccSignature1 } = await smdp.authenticate(bench);
		const hashCc = new Uint8Array(32).fill(0xcc);
		const request = { ...smdp.prepareDownloadRequest(euiccSignature1), hashCc };
		const response = decode(PrepareDownloadResponse, (await bench.es10(encode(PrepareDownloadRequest, request))).data);
		if (!("downloadResponseOk" in response)) throw new Error("refused");
		expect(response.downloadResponseOk.euiccSigned2.value.hashCc).toEqual(hashCc);
	});

	it("makes a new key when it does not have the one that is named, or has it for another SM-DP+", async () => {
		const { euiccSignature1 } = await smdp.authenticate(bench);
		const unknown = new Uint8Array(65).fill(4);
		const key = await smdp.prepare(bench, euiccSignature1, unknown);
		expect(key).not.toEqual(unknown);
		const other = new TestSmdp(testPki(), {
			dpAuth: dpCertificate("dp-auth", "2.999.77"),
			dpPb: dpCertificate("dp-pb", "2.999.77"),
		});
		const second = await other.authenticate(bench);
		expect(toHex(await other.prepare(bench, second.euiccSignature1, key))).not.toBe(toHex(key));
	});
});

describe("CancelSession", () => {
	it("signs the reason with the OID of the server, and ends the session", async () => {
		const { euiccSignature1 } = await smdp.authenticate(bench);
		const request = `BF4115 8010${toHex(smdp.transactionId)} 810103`.replaceAll(" ", "");
		const answer = decode(CancelSessionResponse, (await bench.es10(Buffer.from(request, "hex"))).data);
		if (!("cancelSessionResponseOk" in answer)) throw new Error("refused");
		const { euiccCancelSessionSigned: signed, euiccCancelSessionSignature } = answer.cancelSessionResponseOk;
		expect(toHex(signed.der)).toBe(`301A8010${toHex(smdp.transactionId)}810388370A820103`);
		expect(isSignedByCard(testPki().euicc.certificate, signed.der, euiccCancelSessionSignature)).toBe(true);
		expect(await prepareError(smdp.prepareDownloadRequest(euiccSignature1))).toBe(4);
		expect(await bench.ask(request)).toBe("BF4103810105");
	});

	it("refuses another transaction (5)", async () => {
		await smdp.authenticate(bench);
		expect(await bench.ask("BF41068001AA810100")).toBe("BF4103810105");
	});
});
