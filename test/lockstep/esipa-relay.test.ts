import { createHash } from "node:crypto";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { EuiccCancelSessionSigned } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { CancelSessionResponse } from "@iot-esim/shared/messages/sgp32/cancel-session";
import {
	AuthenticateClientResponseEsipa,
	InitiateAuthenticationResponseEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { concatBytes, equalBytes, hex, utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { issueEuiccCredential } from "@iot-esim/sim/pki/test-pki";
import { afterEach, describe, expect, it } from "vitest";
import { type esipaBench, packageIn, poll, result, testPki } from "../support/esipa-bench.ts";

import {
	authenticate,
	bpp,
	euiccChallenge,
	euiccInfo2,
	info1,
	initiate,
	initiateError,
	installation,
	notify,
	prepared,
	profileMetadata,
	refused,
	SMDP,
	serverSigned1,
	signature,
	smdp,
	smdpSigned2,
	startDownload,
	transactionId,
	unreachable,
} from "../support/relayed-download.ts";

const { eid } = testPki();

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

async function start(...given: Parameters<typeof startDownload>) {
	const started = await startDownload(...given);
	bench = started.bench;
	return started;
}

async function session(...given: Parameters<typeof startDownload>) {
	const started = await start(...given);
	await bench.ask(initiate(started.eimTransactionId));
	return started;
}

describe("the trigger", () => {
	it("carries the activation code of the order, without the prefix of a QR code", async () => {
		const { trigger } = await start();
		expect(trigger.profileDownloadData).toEqual({ activationCode: `1$${SMDP}$M-1` });
		await bench.close();
		const given = await start(smdp(), { activationCode: `LPA:1$${SMDP}$M-1$2.999.10` });
		expect(given.trigger.profileDownloadData).toEqual({ activationCode: `1$${SMDP}$M-1$2.999.10` });
	});

	it("is given again with the same transaction until the download is over", async () => {
		const { eimTransactionId } = await start();
		const again = packageIn(await bench.ask(poll(eid)));
		expect(again).toMatchObject({ profileDownloadTriggerRequest: { eimTransactionId } });
	});
});

describe("InitiateAuthentication", () => {
	it("without the transaction of an open trigger is refused by 52, and asks nobody", async () => {
		const { calls } = await start();
		expect(await bench.ask(initiate(undefined))).toEqual(initiateError(52));
		expect(await bench.ask(initiate(hex`0102030405060708`))).toEqual(initiateError(52));
		expect(calls).toEqual([]);
	});

	it("towards another SM-DP+ than ordered is refused by 1, and asks nobody", async () => {
		const { eimTransactionId, calls } = await start();
		expect(await bench.ask(initiate(eimTransactionId, "evil.example.com"))).toEqual(initiateError(1));
		expect(calls).toEqual([]);
	});

	it("gives the octets of the SM-DP+ as they are", async () => {
		const { eimTransactionId, calls } = await start();
		const answer = await bench.ask(initiate(eimTransactionId, "SMDP.example.COM"));
		expect(calls).toEqual([
			{ name: "initiateAuthentication", address: SMDP, request: { euiccChallenge, euiccInfo1: info1 } },
		]);
		const { dpAuth } = testPki();
		const ok = [tlv(0x80, transactionId), serverSigned1(), tlv(0x5f37, signature), hex`04 02 F5F5`, dpAuth.certificate];
		expect(answer).toEqual(tlv(0xbf39, tlv(0xa0, ...ok)));
	});

	it("gives the matching id to an IPA that leaves the download data to the eIM", async () => {
		const { eimTransactionId } = await start();
		const answer = decode(InitiateAuthenticationResponseEsipa, await bench.ask(initiate(eimTransactionId, "")));
		expect(answer).toMatchObject({ initiateAuthenticationOkEsipa: { matchingId: "M-1" } });
	});

	it("takes EUICCInfo1 from what is known of the eUICC when the IPA leaves it out", async () => {
		const { eimTransactionId, calls } = await start();
		await bench.store.changeDevice(eid, { euiccInfo2: encode(EUICCInfo2, euiccInfo2) });
		await bench.ask(tlv(0xbf39, tlv(0x81, euiccChallenge), tlv(0x82, eimTransactionId)));
		const sent = calls[0]?.request.euiccInfo1 as Uint8Array;
		expect(sent[0]).toBe(0xbf);
		expect(sent[1]).toBe(0x20);
	});

	it("refuses a server that signs another address (50) or has another OID than the activation code (51)", async () => {
		const other = smdp();
		other.answers.initiateAuthentication = {
			...(other.answers.initiateAuthentication as object),
			serverSigned1: serverSigned1("other.example.com"),
		};
		const first = await start(other);
		expect(await bench.ask(initiate(first.eimTransactionId))).toEqual(initiateError(50));
		expect(await bench.store.loadOperation(first.id)).toMatchObject({
			state: "failed",
			reason: { code: "initiateAuthentication: smdpAddressMismatch(50)" },
		});
		await bench.close();
		const second = await start(smdp(), { activationCode: `1$${SMDP}$M-1$2.999.99` });
		expect(await bench.ask(initiate(second.eimTransactionId))).toEqual(initiateError(51));
	});

	it("refuses what the SM-DP+ signed when it cannot be read", async () => {
		const odd = smdp();
		odd.answers.initiateAuthentication = {
			...(odd.answers.initiateAuthentication as object),
			serverSigned1: hex`30 03 02 01 05`,
		};
		const { eimTransactionId } = await start(odd);
		expect(await bench.ask(initiate(eimTransactionId))).toEqual(initiateError(127));
	});

	it("maps what the SM-DP+ refuses, and the operation ends with subject and reason", async () => {
		const { eimTransactionId, id } = await start(smdp({ initiateAuthentication: refused("8.8.3", "3.1", 2) }));
		expect(await bench.ask(initiate(eimTransactionId))).toEqual(initiateError(2));
		expect(await bench.store.loadOperation(id)).toMatchObject({ state: "failed", reason: { code: "8.8.3/3.1" } });
		expect(await bench.ask(initiate(eimTransactionId))).toEqual(initiateError(52));
	});

	it("that went through later is no longer blamed for what fails then", async () => {
		const given = smdp({ initiateAuthentication: unreachable });
		const { initiateAuthentication } = smdp().answers;
		const { eimTransactionId, id } = await start(given);
		await bench.ask(initiate(eimTransactionId));
		given.answers.initiateAuthentication = initiateAuthentication;
		await bench.ask(initiate(eimTransactionId));
		await bench.ask(result(eid, tlv(0xbf54, tlv(0x82, eimTransactionId), hex`30 03 80 01 7F`)));
		expect((await bench.store.loadOperation(id))?.reason?.code).toBe("profileDownloadError: undefinedError(127)");
	});

	it("that finds no SM-DP+ is answered by 127, and the trigger stays open", async () => {
		const { eimTransactionId, id } = await start(smdp({ initiateAuthentication: unreachable }));
		expect(await bench.ask(initiate(eimTransactionId))).toEqual(initiateError(127));
		expect(await bench.state(id)).toBe("sent");
	});
});

describe("AuthenticateClient", () => {
	it("of an unknown transaction is refused by 10, that of the trigger among them", async () => {
		const { eimTransactionId } = await session();
		const error = tlv(0xbf3b, hex`82 01 0A`);
		expect(await bench.ask(authenticate(testPki().euicc, hex`99`))).toEqual(error);
		expect(await bench.ask(authenticate(testPki().euicc, eimTransactionId))).toEqual(error);
	});

	it("of another eUICC is refused by 7, and the SM-DP+ is not asked", async () => {
		const { calls } = await session();
		const other = issueEuiccCredential({
			curve: "P-256",
			random: systemRandom,
			now: bench.clock.now(),
			eum: testPki().eum,
			eid: Eid.withCheckDigits("890490320000000000000000000099"),
		});
		expect(await bench.ask(authenticate(other))).toEqual(tlv(0xbf3b, hex`82 01 07`));
		expect(calls.map((call) => call.name)).toEqual(["initiateAuthentication"]);
	});

	it("is relayed octet by octet both ways, and teaches the certificates of the eUICC", async () => {
		const { calls } = await session();
		const request = authenticate();
		const answer = await bench.ask(request);
		const sent = calls[1]?.request.authenticateServerResponse as Uint8Array;
		expect(equalBytes(sent, request.subarray(request.length - sent.length))).toBe(true);
		const { dpPb, euicc, eum } = testPki();
		const ok = [tlv(0x80, transactionId), profileMetadata(), smdpSigned2(), tlv(0x5f37, signature), dpPb.certificate];
		expect(answer).toEqual(tlv(0xbf3b, tlv(0xa0, ...ok)));
		const device = await bench.store.loadDevice(eid);
		expect(device?.euiccCertificate).toEqual(euicc.certificate);
		expect(device?.eumCertificate).toEqual(eum.certificate);
		expect(device?.euiccInfo2).toEqual(encode(EUICCInfo2, euiccInfo2));
	});

	it("learns nothing from a signature by another key", async () => {
		await session();
		const { certificate } = testPki().euicc;
		await bench.ask(authenticate({ certificate, privateKey: generateKeyPair("P-256").privateKey }));
		expect((await bench.store.loadDevice(eid))?.euiccCertificate).toBeUndefined();
	});

	it("answers for a confirmation code: SHA-256(SHA-256(code) ‖ transactionId), behind the certificate", async () => {
		const given = smdp();
		given.answers.authenticateClient = {
			...(given.answers.authenticateClient as object),
			smdpSigned2: smdpSigned2(true),
		};
		await session(given, { confirmationCode: "1234" });
		const answer = decode(AuthenticateClientResponseEsipa, await bench.ask(authenticate()));
		const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
		const hashCc = new Uint8Array(sha256(concatBytes(sha256(utf8("1234")), transactionId)));
		expect(answer).toMatchObject({ authenticateClientOkDPEsipa: { hashCc } });
	});

	it("maps what the SM-DP+ refuses, and the operation ends", async () => {
		const { id } = await session(smdp({ authenticateClient: refused("8.2.6", "3.8", 6) }));
		expect(await bench.ask(authenticate())).toEqual(tlv(0xbf3b, hex`82 01 06`));
		expect(await bench.store.loadOperation(id)).toMatchObject({ state: "failed", reason: { code: "8.2.6/3.8" } });
	});
});

describe("GetBoundProfilePackage", () => {
	it("is relayed octet by octet both ways", async () => {
		const { calls } = await session();
		await bench.ask(authenticate());
		const answer = await bench.ask(prepared());
		expect(answer).toEqual(tlv(0xbf3a, tlv(0xa0, tlv(0x80, transactionId), bpp)));
		expect(calls[2]?.request.prepareDownloadResponse).toEqual(hex`BF21 09 A1 07 80 02 0102 02 01 7F`);
	});

	it("of an unknown transaction is refused by 95", async () => {
		await session();
		expect(await bench.ask(prepared(hex`99`))).toEqual(tlv(0xbf3a, hex`81 01 5F`));
	});

	it("maps what the SM-DP+ refuses", async () => {
		const { id } = await session(smdp({ getBoundProfilePackage: refused("8.2.7", "2.2", 2) }));
		await bench.ask(authenticate());
		expect(await bench.ask(prepared())).toEqual(tlv(0xbf3a, hex`81 01 02`));
		expect(await bench.state(id)).toBe("failed");
	});
});

describe("CancelSession", () => {
	const cancelled = (() => {
		const signed = keep(EuiccCancelSessionSigned, { transactionId, smdpOid: "2.999.10", reason: 3 });
		return encode(CancelSessionResponse, {
			cancelSessionResponseOk: { euiccCancelSessionSigned: signed, euiccCancelSessionSignature: signature },
		});
	})();
	const cancel = (id = transactionId) =>
		tlv(0xbf41, tlv(0x80, id), tlv(0xa1, cancelled.subarray(4 - ((cancelled[2] as number) < 0x80 ? 1 : 0))));

	it("ends the operation and the session, and tells the SM-DP+", async () => {
		const { id, calls } = await session();
		expect(await bench.ask(cancel())).toEqual(hex`BF41 02 A0 00`);
		expect(calls.at(-1)).toEqual({
			name: "cancelSession",
			address: SMDP,
			request: { transactionId, cancelSessionResponse: cancelled },
		});
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "failed",
			reason: { code: "cancelSession: pprNotAllowed(3)" },
		});
	});

	it("is told to the SM-DP+ later when it cannot be reached now", async () => {
		const given = smdp({ cancelSession: unreachable });
		const { calls, answers } = await session(given);
		expect(await bench.ask(cancel())).toEqual(hex`BF41 02 A0 00`);
		expect(await bench.jobs.runDue()).toBe(1);
		answers.cancelSession = { kind: "ok" };
		await bench.clock.advance(Seconds(10));
		expect(await bench.jobs.runDue()).toBe(1);
		expect(calls.filter((call) => call.name === "cancelSession")).toHaveLength(3);
		expect(calls.at(-1)?.request).toEqual({ transactionId, cancelSessionResponse: cancelled });
	});

	it.each([
		["AuthenticateClient", 1],
		["GetBoundProfilePackage", 2],
	])("ends the operation after %s too", async (_name, steps) => {
		const { id, calls } = await session();
		for (const message of [authenticate(), prepared()].slice(0, steps)) await bench.ask(message);
		expect(await bench.ask(cancel())).toEqual(hex`BF41 02 A0 00`);
		expect(await bench.state(id)).toBe("failed");
		expect(calls.at(-1)?.name).toBe("cancelSession");
	});

	it("of a profile that is installed is refused by 1, and the operation stays as it is", async () => {
		const { id } = await session();
		await bench.ask(authenticate());
		await bench.ask(prepared());
		await bench.send(notify(installation()));
		expect(await bench.ask(cancel())).toEqual(tlv(0xbf41, hex`81 01 01`));
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("of an unknown transaction is refused by 1", async () => {
		await session();
		expect(await bench.ask(cancel(hex`99`))).toEqual(tlv(0xbf41, hex`81 01 01`));
	});
});
