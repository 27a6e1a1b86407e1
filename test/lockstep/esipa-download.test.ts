import { createHash } from "node:crypto";
import { Es9PlusError } from "@iot-esim/eim/es9plus/errors";
import type { Es9PlusAnswer, Es9PlusClient } from "@iot-esim/eim/es9plus/es9plus-client";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { generateKeyPair, signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { EuiccCancelSessionSigned } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { NotificationEvent, NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { OtherSignedNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { ProfileInstallationResultData } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { AuthenticateServerResponse, EuiccSigned1 } from "@iot-esim/shared/messages/sgp32/authenticate-server";
import { CancelSessionResponse } from "@iot-esim/shared/messages/sgp32/cancel-session";
import {
	AuthenticateClientResponseEsipa,
	InitiateAuthenticationResponseEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp32/notifications";
import { ProfileDownloadTriggerResult } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { concatBytes, equalBytes, fromHex, hex, utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { CardBench } from "@iot-esim/sim/euicc/testing/card-bench";
import { issueEuiccCredential } from "@iot-esim/sim/pki/test-pki";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { esipaBench, noSmdp, packageIn, poll, result, testPki } from "../support/esipa-bench.ts";

const { eid } = testPki();
const SMDP = "smdp.example.com";
const iccid = Iccid("8900101000000000018");
const transactionId = hex`A0A1A2A3A4A5A6A7A8A9AAABACADAEAF`;
const euiccChallenge = new Uint8Array(16).fill(0xcc);
const signature = new Uint8Array(64).fill(0x51);
const bpp = hex`BF36 06 BF23 00 A0 00 05`;

let euiccInfo2: EUICCInfo2;
let bench: Awaited<ReturnType<typeof esipaBench>>;
beforeAll(async () => {
	const card = await new CardBench({ pkis: [testPki()] }).start();
	euiccInfo2 = decode(EUICCInfo2, fromHex(await card.ask("BF2200")));
});
afterEach(() => bench.close());

const serverSigned1 = (serverAddress = SMDP) =>
	encode(ServerSigned1, { transactionId, euiccChallenge, serverAddress, serverChallenge: new Uint8Array(16) });
const smdpSigned2 = (ccRequiredFlag = false) => encode(SmdpSigned2, { transactionId, ccRequiredFlag });
const profileMetadata = () =>
	encode(StoreMetadataRequest, {
		iccid: Iccid.toBytes(iccid),
		serviceProviderName: "Operator",
		profileName: "Relayed",
	});

interface Calls {
	readonly name: string;
	readonly address: string;
	readonly request: Record<string, Uint8Array>;
}

/** An SM-DP+ that gives fixed answers and remembers what it was asked. */
function smdp(change: Partial<{ [K in keyof Es9PlusClient]: unknown }> = {}) {
	const calls: Calls[] = [];
	const answers: Record<string, unknown> = {
		initiateAuthentication: {
			kind: "ok",
			transactionId,
			serverSigned1: serverSigned1(),
			serverSignature1: signature,
			euiccCiPKIdToBeUsed: hex`F5F5`,
			serverCertificate: testPki().dpAuth.certificate,
		},
		authenticateClient: {
			kind: "ok",
			transactionId,
			profileMetadata: profileMetadata(),
			smdpSigned2: smdpSigned2(),
			smdpSignature2: signature,
			smdpCertificate: testPki().dpPb.certificate,
		},
		getBoundProfilePackage: { kind: "ok", transactionId, boundProfilePackage: bpp },
		cancelSession: { kind: "ok" },
		...change,
	};
	const call = (name: string) => async (address: string, request: unknown) => {
		calls.push({ name, address, request: request as Record<string, Uint8Array> });
		const answer = answers[name];
		if (answer instanceof Error) throw answer;
		return answer as Es9PlusAnswer<never>;
	};
	const es9plus: Es9PlusClient = {
		initiateAuthentication: call("initiateAuthentication"),
		authenticateClient: call("authenticateClient"),
		getBoundProfilePackage: call("getBoundProfilePackage"),
		cancelSession: call("cancelSession"),
		handleNotification: async (address, notification) => {
			calls.push({ name: "handleNotification", address, request: { notification } });
			if (answers.handleNotification instanceof Error) throw answers.handleNotification;
		},
	};
	return { es9plus, calls, answers };
}

const refused = (subjectCode: string, reasonCode: string, esipaError: number) => ({
	kind: "refused",
	refusal: { subjectCode, reasonCode, esipaError },
});
const unreachable = new Es9PlusError("ES9PLUS_UNREACHABLE", "no line");

/** Orders a download and takes its trigger. */
async function start(given: ReturnType<typeof smdp> = smdp(), parameters: object = {}) {
	bench = await esipaBench({ es9plus: given.es9plus });
	await bench.register(eid);
	const id = await bench.order(eid, {
		type: "download",
		parameters: { smdpAddress: SMDP, matchingId: "M-1", ...parameters },
	});
	const response = packageIn(await bench.ask(poll(eid)));
	if (!("profileDownloadTriggerRequest" in response)) throw new Error("no trigger");
	const trigger = response.profileDownloadTriggerRequest;
	return { id, trigger, eimTransactionId: trigger.eimTransactionId as Uint8Array, ...given };
}

const info1 = hex`BF20 0F 82 03 020500 A9 03 04 01 AA AA 03 04 01 BB`;
const initiate = (eimTransactionId: Uint8Array | undefined, smdpAddress: string | undefined = SMDP) =>
	tlv(
		0xbf39,
		tlv(0x81, euiccChallenge),
		...(smdpAddress === "" ? [] : [tlv(0x83, utf8(smdpAddress))]),
		info1,
		...(eimTransactionId === undefined ? [] : [tlv(0x82, eimTransactionId)]),
	);
const initiateError = (code: number) => tlv(0xbf39, tlv(0x81, Uint8Array.of(code)));

interface Signer {
	readonly certificate: Uint8Array;
	readonly privateKey: ReturnType<typeof testPki>["euicc"]["privateKey"];
}

/** BF3B of a card. */
function authenticate(card: Signer = testPki().euicc, id = transactionId): Uint8Array {
	const euiccSigned1 = keep(EuiccSigned1, {
		transactionId: id,
		serverAddress: SMDP,
		serverChallenge: new Uint8Array(16),
		euiccInfo2,
		ctxParams1: {
			ctxParamsForCommonAuthentication: { deviceInfo: { tac: new Uint8Array(4), deviceCapabilities: {} } },
		},
	});
	const bf38 = encode(AuthenticateServerResponse, {
		authenticateResponseOk: {
			euiccSigned1,
			euiccSignature1: signRaw(card.privateKey, euiccSigned1.der),
			euiccCertificate: card.certificate,
			eumCertificate: testPki().eum.certificate,
		},
	});
	return tlv(0xbf3b, tlv(0x80, id), bf38);
}

/** BF37 of a card. */
function installation(
	finalResult: ProfileInstallationResultData["finalResult"] = {
		successResult: { aid: hex`A0000005591010FFFFFFFF8900001100`, simaResponse: hex`3007A0053003800100` },
	},
	key = testPki().euicc.privateKey,
): Uint8Array {
	const data = keep(ProfileInstallationResultData, {
		transactionId,
		notificationMetadata: {
			seqNumber: 17,
			profileManagementOperation: NotificationEvent.of("notificationInstall"),
			notificationAddress: SMDP,
			iccid: Iccid.toBytes(iccid),
		},
		smdpOid: "2.999.10",
		finalResult,
	});
	return encode(ProfileInstallationResult, {
		profileInstallationResultData: data,
		euiccSignPIR: signRaw(key, data.der),
	});
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
		await bench.close();
		const second = await start(smdp(), { activationCode: `1$${SMDP}$M-1$2.999.99` });
		expect(await bench.ask(initiate(second.eimTransactionId))).toEqual(initiateError(51));
	});

	it("maps what the SM-DP+ refuses, and the operation ends with subject and reason", async () => {
		const { eimTransactionId, id } = await start(smdp({ initiateAuthentication: refused("8.8.3", "3.1", 2) }));
		expect(await bench.ask(initiate(eimTransactionId))).toEqual(initiateError(2));
		expect(await bench.store.loadOperation(id)).toMatchObject({ state: "failed", reason: { code: "8.8.3/3.1" } });
		expect(await bench.ask(initiate(eimTransactionId))).toEqual(initiateError(52));
	});

	it("that finds no SM-DP+ is answered by 127, and the trigger stays open", async () => {
		const { eimTransactionId, id } = await start(smdp({ initiateAuthentication: unreachable }));
		expect(await bench.ask(initiate(eimTransactionId))).toEqual(initiateError(127));
		expect(await bench.state(id)).toBe("sent");
	});
});

async function session(given?: ReturnType<typeof smdp>, parameters?: object) {
	const started = await start(given, parameters);
	await bench.ask(initiate(started.eimTransactionId));
	return started;
}

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

const prepared = (id = transactionId) => tlv(0xbf3a, tlv(0x80, id), hex`BF21 09 A1 07 80 02 0102 02 01 7F`);

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

	it("of an unknown transaction is refused by 1", async () => {
		await session();
		expect(await bench.ask(cancel(hex`99`))).toEqual(tlv(0xbf41, hex`81 01 01`));
	});
});

const notify = (notification: Uint8Array) => tlv(0xbf3d, tlv(0xa0, notification));

describe("the installation result", () => {
	it("ends the download, adds the profile, and is forwarded as it is to the address inside it", async () => {
		const { id, calls } = await session();
		await bench.ask(authenticate());
		await bench.ask(prepared());
		const bf37 = installation();
		expect(await bench.send(notify(bf37))).toBeNull();
		expect(await bench.store.loadOperation(id)).toMatchObject({ state: "succeeded", outcome: { iccid } });
		expect(await bench.store.listProfiles(eid)).toMatchObject([
			{ iccid, state: "disabled", serviceProviderName: "Operator", profileName: "Relayed" },
		]);
		expect(calls.filter((call) => call.name === "handleNotification")).toEqual([]);
		expect(await bench.jobs.runDue()).toBe(1);
		expect(calls.at(-1)).toEqual({
			name: "handleNotification",
			address: SMDP,
			request: { notification: bf37 },
		});
	});

	it("that comes twice is forwarded once", async () => {
		await session();
		await bench.ask(authenticate());
		const bf37 = installation();
		await bench.send(notify(bf37));
		await bench.send(notify(bf37));
		expect(await bench.jobs.runDue()).toBe(1);
	});

	it("of an error fails the operation with command and reason", async () => {
		const { id } = await session();
		await bench.ask(authenticate());
		await bench.send(notify(installation({ errorResult: { bppCommandId: 5, errorReason: 10 } })));
		expect((await bench.store.loadOperation(id))?.reason?.code).toBe(
			"bppCommand: loadProfileElements(5), profileInstallation: installFailedDueToInsufficientMemoryForProfile(10)",
		);
		expect(await bench.store.listProfiles(eid)).toEqual([]);
	});

	it("signed by another key is refused by the transport, and changes nothing", async () => {
		const { id } = await session();
		await bench.ask(authenticate());
		const forged = installation(undefined, generateKeyPair("P-256").privateKey);
		await expect(bench.send(notify(forged))).rejects.toMatchObject({
			code: "ESIPA_NOTIFICATION_REFUSED",
			httpStatus: 403,
		});
		expect(await bench.state(id)).toBe("sent");
		expect(await bench.jobs.runDue()).toBe(0);
	});

	it("of no known session is refused by the transport", async () => {
		await start();
		await expect(bench.send(notify(installation()))).rejects.toMatchObject({ code: "ESIPA_NOTIFICATION_REFUSED" });
	});

	it("of an eUICC whose certificates are unknown is kept, forwarded, and counts once they have come", async () => {
		const { id } = await session();
		await bench.send(notify(installation()));
		expect(await bench.state(id)).toBe("awaiting-verification");
		expect(await bench.store.listProfiles(eid)).toEqual([]);
		expect(await bench.jobs.runDue()).toBe(1);
		const data = packageIn(await bench.ask(poll(eid)));
		expect(data).toHaveProperty("ipaEuiccDataRequest");
		const { euicc, eum } = testPki();
		const part = (tag: number, certificate: Uint8Array) => tlv(tag, certificate.subarray(4));
		await bench.ask(result(eid, tlv(0xbf52, tlv(0xa0, part(0xa5, eum.certificate), part(0xa6, euicc.certificate)))));
		expect(await bench.state(id)).toBe("succeeded");
		expect(await bench.store.listProfiles(eid)).toMatchObject([{ iccid, state: "disabled" }]);
	});

	it("of a direct download comes as BF54 and is not forwarded", async () => {
		const { id, eimTransactionId } = await start();
		await bench.store.changeDevice(eid, bench.known);
		const value = decode(ProfileInstallationResult, installation());
		const bf54 = encode(ProfileDownloadTriggerResult, {
			eimTransactionId,
			profileDownloadTriggerResultData: { profileInstallationResult: { value, der: installation() } },
		});
		expect(await bench.ask(result(eid, bf54))).toEqual(hex`BF50 02 30 00`);
		expect(await bench.state(id)).toBe("succeeded");
		expect(await bench.jobs.runDue()).toBe(0);
	});
});

describe("other notifications", () => {
	function enabled(key = testPki().euicc.privateKey, seqNumber = 5): Uint8Array {
		const tbs = keep(NotificationMetadata, {
			seqNumber,
			profileManagementOperation: NotificationEvent.of("notificationEnable"),
			notificationAddress: "other.example.com",
			iccid: Iccid.toBytes(iccid),
		});
		return encode(OtherSignedNotification, {
			tbsOtherNotification: tbs,
			euiccNotificationSignature: signRaw(key, tbs.der),
			euiccCertificate: testPki().euicc.certificate,
			eumCertificate: testPki().eum.certificate,
		});
	}

	it("are forwarded to the address inside them, by the EID of the certificate inside them", async () => {
		const { calls } = await start();
		const notification = enabled();
		expect(await bench.send(notify(notification))).toBeNull();
		await bench.jobs.runDue();
		expect(calls).toEqual([{ name: "handleNotification", address: "other.example.com", request: { notification } }]);
		const [stored] = (await bench.store.listNotifications(eid, { limit: 1 })).items;
		expect(stored).toMatchObject({ event: "enable", iccid, seqNumber: 5, address: "other.example.com" });
	});

	it("of an unregistered device, or signed by another key, are refused by the transport", async () => {
		bench = await esipaBench({ es9plus: noSmdp() });
		await expect(bench.send(notify(enabled()))).rejects.toMatchObject({ code: "ESIPA_NOTIFICATION_REFUSED" });
		await bench.register(eid);
		const forged = enabled(generateKeyPair("P-256").privateKey);
		await expect(bench.send(notify(forged))).rejects.toMatchObject({ code: "ESIPA_NOTIFICATION_REFUSED" });
		await expect(bench.send(hex`BF3D 02 A0 00`)).rejects.toMatchObject({ code: "ESIPA_MESSAGE_INVALID" });
	});

	it("that cannot be delivered are tried again, with longer and longer pauses", async () => {
		const { calls } = await start(smdp({ handleNotification: unreachable }));
		await bench.send(notify(enabled()));
		for (const pause of [0, 5, 10, 20]) {
			await bench.clock.advance(Seconds(pause));
			expect(await bench.jobs.runDue()).toBe(1);
			expect(await bench.jobs.runDue()).toBe(0);
		}
		expect(calls).toHaveLength(4);
	});

	it("with an address that is none are given up at once, with the reason kept", async () => {
		await start(smdp({ handleNotification: new Es9PlusError("ES9PLUS_ADDRESS_INVALID", "no address") }));
		await bench.send(notify(enabled()));
		expect(await bench.jobs.runDue()).toBe(1);
		await bench.clock.advance(Seconds(86_400));
		expect(await bench.jobs.runDue()).toBe(0);
		const [stored] = (await bench.store.listNotifications(eid, { limit: 1 })).items;
		expect(stored?.lastError).toContain("no address");
	});
});
