import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpsListener } from "@iot-esim/shared/transport/http/server";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import { concatBytes, fromBase64, hex, toBase64, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { makeTestPki } from "@iot-esim/sim/pki/test-pki";
import { afterEach, describe, expect, it } from "vitest";
import { trustedCertificates } from "../cli/trusted-certificates.ts";
import { asn1Binding } from "./asn1-binding.ts";
import { Es9PlusClient } from "./es9plus-client.ts";
import { poster } from "./http.ts";
import { jsonBinding } from "./json-binding.ts";
import { openEs9PlusClient } from "./open-client.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

interface Seen {
	readonly url: string;
	readonly body: Uint8Array;
}

/** A client whose server gives this answer. */
function client(encoding: "json" | "asn1", answer: unknown, status = 200) {
	const seen: Seen[] = [];
	const body =
		answer instanceof Uint8Array ? answer : utf8(typeof answer === "string" ? answer : JSON.stringify(answer));
	const post = poster({
		request: async ({ url, body: sent = new Uint8Array(0) }) => {
			seen.push({ url, body: sent });
			return { status, headers: {}, body };
		},
	});
	const json = jsonBinding({ post, requester: "35000000", newCallId: () => "1" });
	return { seen, client: new Es9PlusClient(encoding === "json" ? json : asn1Binding(post)) };
}

const SIGNED = hex`3034 8001AA 811000000000000000000000000000000000 830B736D64702E 746573742E78 84100000000000000000000000000000AAAA`;
const SIGNATURE = new Uint8Array(64).fill(7);
const KEY_ID = new Uint8Array(20).fill(9);
const CERTIFICATE = hex`3003 020100`;
const request = { euiccChallenge: new Uint8Array(16), euiccInfo1: hex`BF2003820100` };
const SMDP = "smdp.example.com";

describe("ES9+.InitiateAuthentication", () => {
	const answer = (signature: Uint8Array, key: Uint8Array) => ({
		header: { functionExecutionStatus: { status: "Executed-Success" } },
		transactionId: "AA",
		serverSigned1: toBase64(SIGNED).replace(/(.{20})/, "$1\n"),
		serverSignature1: toBase64(signature),
		euiccCiPKIdToBeUsed: toBase64(key),
		serverCertificate: toBase64(CERTIFICATE),
	});

	it.each([
		["bare signature and key identifier", SIGNATURE, KEY_ID],
		[
			"both with their headers, as osmo-smdpp gives them",
			concatBytes(hex`5F3740`, SIGNATURE),
			concatBytes(hex`0414`, KEY_ID),
		],
	])("reads %s in JSON, as received", async (_what, signature, key) => {
		const { client: smdp, seen } = client("json", answer(signature, key));
		const found = await smdp.initiateAuthentication(SMDP, request);
		expect(found).toMatchObject({ ok: { serverSignature1: SIGNATURE, euiccCiPKIdToBeUsed: KEY_ID } });
		if ("ok" in found) expect(toHex(found.ok.serverSigned1.der)).toBe(toHex(SIGNED));
		expect(seen[0]?.url).toBe(`https://${SMDP}/gsma/rsp2/es9plus/initiateAuthentication`);
		const sent = JSON.parse(new TextDecoder().decode(seen[0]?.body));
		expect(sent).toMatchObject({ smdpAddress: SMDP, euiccChallenge: toBase64(request.euiccChallenge) });
		expect(fromBase64(sent.euiccInfo1)).toEqual(request.euiccInfo1);
	});

	it.each([["with the wrapper", true], ["without it"]])("reads ASN.1 %s", async (_what, isWrapped = false) => {
		const arm = tlv(0xa0, hex`8001AA`, SIGNED, tlv(0x5f37, SIGNATURE), tlv(0x04, KEY_ID), CERTIFICATE);
		const message = tlv(0xbf39, arm);
		const { client: smdp, seen } = client("asn1", isWrapped ? tlv(0xa2, message) : message);
		expect(await smdp.initiateAuthentication(SMDP, request)).toMatchObject({ ok: { serverCertificate: CERTIFICATE } });
		expect(toHex(seen[0]?.body ?? new Uint8Array())).toMatch(/^A2..BF39..8110/);
	});
});

describe("what a server refuses", () => {
	const failed = (subjectCode: string, reasonCode: string, message?: string) => ({
		header: { functionExecutionStatus: { status: "Failed", statusCodeData: { subjectCode, reasonCode, message } } },
	});
	it.each([
		["a code of the standard", failed("8.2.6", "3.8"), "there is no order with this matching identifier", "8.2.6/3.8"],
		[
			"with its own words behind",
			failed("8.2.7", "3.8", "2 left"),
			"the confirmation code is wrong: correct download.confirmationCode: 2 left",
			"8.2.7/3.8",
		],
		["a code that nobody knows", failed("9.9", "9.9"), "the server refuses", "9.9/9.9"],
		["without any code", { header: { functionExecutionStatus: { status: "Failed" } } }, "the server refuses", "?/?"],
	])("is told in words: %s", async (_what, answer, reason, code) => {
		const { client: smdp } = client("json", answer);
		expect(await smdp.getBoundProfilePackage(SMDP, hex`AA`, hex`BF2100`)).toEqual({ refused: { reason, code } });
	});

	it("is told by its name in ASN.1", async () => {
		const { client: smdp } = client("asn1", hex`A206BF3A03 81015F`);
		expect(await smdp.getBoundProfilePackage(SMDP, hex`AA`, hex`BF2100`)).toEqual({
			refused: { reason: "invalidTransactionId", code: "95" },
		});
	});
});

describe("ES11.AuthenticateClient", () => {
	const events = [{ eventId: "EV1", rspServerAddress: "smdp.example.com" }];
	it.each([
		["json", { transactionId: "AA", eventEntries: events }],
		[
			"asn1",
			tlv(
				0xa2,
				tlv(0xbf40, tlv(0xa0, hex`8001AA`, tlv(0xa1, tlv(0x30, tlv(0x80, utf8("EV1")), tlv(0x81, utf8(SMDP)))))),
			),
		],
	] as const)("gives the events of an SM-DS in %s", async (encoding, answer) => {
		const { client: smds } = client(encoding, answer);
		expect(await smds.authenticateClient("smds.example.com", hex`AA`, hex`BF3800`)).toEqual({ ok: { events } });
	});
});

describe("an answer that cannot be used", () => {
	it.each([
		["is no JSON", "<html>", 200, "IPA_RSP_ANSWER_INVALID"],
		["lacks a member", { transactionId: "AA" }, 200, "IPA_RSP_ANSWER_INVALID"],
		["holds no base64", { transactionId: "AA", boundProfilePackage: "%%%" }, 200, "IPA_RSP_ANSWER_INVALID"],
		[
			"holds another TLV",
			{ transactionId: "AA", boundProfilePackage: toBase64(hex`BF3700`) },
			200,
			"IPA_RSP_ANSWER_INVALID",
		],
		["has another status", {}, 503, "IPA_RSP_STATUS"],
	])("%s", async (_what, answer, status, code) => {
		const { client: smdp } = client("json", answer, status);
		await expect(smdp.getBoundProfilePackage(SMDP, hex`AA`, hex`BF2100`)).rejects.toMatchObject({ code });
	});

	it.each(["smdp.example.com/x", "user@smdp.example.com", "smdp.example.com?x", "", "-smdp"])(
		"is not even asked for at the address %j",
		async (address) => {
			const { client: smdp, seen } = client("json", {});
			const call = smdp.handleNotification(address, hex`BF3700`);
			await expect(call).rejects.toMatchObject({ code: "IPA_RSP_ADDRESS_INVALID" });
			expect(seen).toHaveLength(0);
		},
	);
});

describe.each(["P-256", "brainpoolP256r1"] as const)("TLS on %s", (curve) => {
	it("is trusted only under a CI of the folder, and only for the name that was asked for", async () => {
		const pki = makeTestPki({ curve, random: systemRandom, now: Date.now() });
		const { certificate, privateKey } = pki.dpTls;
		const identity = { certificate: certificateToPem(certificate), key: privateKeyToPem(privateKey) };
		const listener = createHttpsListener(() => ({ status: 204 }), { identity, clock: systemClock, onError: () => {} });
		closers.push(() => listener.close());
		const at = printHostPort(await listener.listen({ host: "127.0.0.1", port: 0 }));
		const folder = mkdtempSync(path.join(tmpdir(), "ipa-ci-"));
		closers.push(() => rmSync(folder, { recursive: true }));
		writeFileSync(
			path.join(folder, "other.der"),
			makeTestPki({ curve, random: systemRandom, now: Date.now() }).ci.certificate,
		);
		const open = () => {
			const opened = openEs9PlusClient({
				ciCertificates: trustedCertificates("rsp.ciCertificates", folder),
				clock: systemClock,
				random: systemRandom,
				timeout: Seconds(5),
				encoding: "json",
				requester: "35000000",
				hosts: { [SMDP]: at, "other.example.com": at },
			});
			closers.push(() => opened.close());
			return opened;
		};
		const notify = (address: string) => open().handleNotification(address, hex`BF3700`);
		await expect(notify(SMDP)).rejects.toMatchObject({
			code: "IPA_RSP_UNREACHABLE",
			context: { transportCode: "TRANSPORT_TLS_UNTRUSTED" },
		});
		writeFileSync(path.join(folder, "ci.pem"), certificateToPem(pki.ci.certificate));
		await notify(SMDP);
		await expect(notify("other.example.com")).rejects.toMatchObject({
			context: { transportCode: "TRANSPORT_TLS_UNTRUSTED" },
		});
	});
});
