/** What the eIM looks at before a download goes on, and compact messages that it makes whole for the SM-DP+. */

import { refusalByCodes } from "@iot-esim/eim/es9plus/error-table";
import { decode, decodeKept, encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { EuiccCancelSessionSigned } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { NotificationEvent, NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { OtherSignedNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { EUICCSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { RulesAuthorisationTable } from "@iot-esim/shared/messages/sgp22/profile-management";
import { CancelSessionResponse } from "@iot-esim/shared/messages/sgp32/cancel-session";
import { AuthenticateClientRequestEsipa } from "@iot-esim/shared/messages/sgp32/esipa-download";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp32/notifications";
import { PrepareDownloadResponse } from "@iot-esim/shared/messages/sgp32/prepare-download";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import {
	compactAuthenticateServerResponse,
	compactCancelSessionResponse,
	compactOtherNotification,
	compactPrepareDownloadResponse,
	compactProfileInstallationResult,
} from "@iot-esim/shared/security/compact";
import { euiccSignature2Input } from "@iot-esim/shared/security/signature-input";
import { concatBytes, hex } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { type esipaBench, packageIn, poll, testPki } from "../support/esipa-bench.ts";
import {
	authenticate,
	capabilities,
	euiccInfo2,
	iccid,
	initiate,
	installation,
	notify,
	prepared,
	profileMetadata,
	SMDP,
	serverSigned1,
	signature,
	smdp,
	smdpSigned2,
	startDownload,
	takeTrigger,
	transactionId,
} from "../support/relayed-download.ts";

const { eid, euicc, eum, dpPb } = testPki();

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

/** A download whose SM-DP+ offers a profile with these metadata, up to AuthenticateClient. */
async function offered(
	metadata: Parameters<typeof profileMetadata>[0],
	parameters: object = {},
	device: NonNullable<Parameters<typeof startDownload>[2]>["device"] = {},
	settings: object = {},
) {
	const given = smdp();
	const { authenticateClient } = given.answers;
	given.answers.authenticateClient = { ...(authenticateClient as object), profileMetadata: profileMetadata(metadata) };
	const started = await startDownload(given, parameters, { device, bench: { settings } });
	bench = started.bench;
	await bench.ask(initiate(started.eimTransactionId));
	return { ...started, answer: await bench.ask(authenticate()) };
}

/** BF41 of the card. */
function cancellation(reason: number): Uint8Array {
	const smdpOid = parseCertificate(testPki().dpAuth.certificate).registeredIds[0] as string;
	const euiccCancelSessionSigned = keep(EuiccCancelSessionSigned, { transactionId, smdpOid, reason });
	const euiccCancelSessionSignature = signRaw(euicc.privateKey, euiccCancelSessionSigned.der);
	return encode(CancelSessionResponse, {
		cancelSessionResponseOk: { euiccCancelSessionSigned, euiccCancelSessionSignature },
	});
}

/** ESipa puts A1 in the place of BF41. */
const cancel = (bf41: Uint8Array) =>
	tlv(0xbf41, tlv(0x80, transactionId), tlv(0xa1, bf41.subarray((bf41[2] as number) < 0x80 ? 3 : 4)));

describe("a profile that is not the one expected", () => {
	it.each([
		["its ICCID", {}, { expected: { iccid: Iccid("8900101000000000026") } }, {}],
		["its class is test", { profileClass: 0 }, { expected: { profileClass: "operational" } }, {}],
		["download.profileClasses", { profileClass: 0 }, {}, { profileClasses: ["operational"] }],
		["its owner is 00101", { profileOwner: { mccMnc: hex`00F110` } }, { expected: { owner: "26201" } }, {}],
		["its metadata have", {}, {}, { largestMetadata: 20 }],
	])("is refused by metadataMismatch before it is loaded: %s", async (why, metadata, parameters, policy) => {
		const usual = { profileClasses: ["operational", "test"], largestMetadata: 8192, isConsentGranted: true };
		const { id, calls } = await offered(metadata, parameters, {}, { download: { ...usual, ...policy } });
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "failed",
			reason: { text: expect.stringContaining(why), code: "cancelSession: metadataMismatch(4)" },
		});
		expect(await bench.ask(prepared())).toEqual(tlv(0xbf3a, hex`81 01 32`));
		expect(calls.map(({ name }) => name)).toEqual(["initiateAuthentication", "authenticateClient"]);
	});

	it("is refused as well when the package holds another one than was offered", async () => {
		const { id, answers } = await offered({});
		const stored = concatBytes(profileMetadata({ profileName: "Other" }), new Uint8Array(8));
		answers.getBoundProfilePackage = {
			kind: "ok",
			transactionId,
			boundProfilePackage: tlv(0xbf36, tlv(0xbf23), tlv(0xa0), tlv(0xa1, tlv(0x88, stored)), tlv(0xa3)),
		};
		expect(await bench.ask(prepared())).toEqual(tlv(0xbf3a, hex`81 01 32`));
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "failed",
			reason: { text: expect.stringContaining("differ in profileName") },
		});
	});

	it("ends the session at the SM-DP+ by the eUICC's signature, and only without one when none comes", async () => {
		const wrong = { expected: { iccid: Iccid("8900101000000000026") } };
		const first = await offered({}, wrong);
		expect(await bench.ask(cancel(cancellation(4)))).toEqual(hex`BF41 02 A000`);
		await bench.clock.advance(Minutes(1));
		await bench.jobs.runDue();
		expect(first.calls.filter(({ name }) => name === "cancelSession")).toHaveLength(1);
		expect(first.calls.at(-1)?.request.cancelSessionResponse?.subarray(0, 5)).not.toEqual(hex`BF41 03 81 01`);
		await bench.close();
		const second = await offered({}, wrong);
		expect(await bench.jobs.runDue()).toBe(0);
		await bench.clock.advance(Minutes(1));
		await bench.jobs.runDue();
		expect(second.calls.at(-1)).toMatchObject({
			name: "cancelSession",
			request: { cancelSessionResponse: hex`BF41 03 81017F` },
		});
	});
});

describe("policy rules of a profile", () => {
	const ruled = { profilePolicyRules: "011", profileOwner: { mccMnc: hex`00F110` } };
	const table = (mccMnc: Uint8Array) =>
		encode(RulesAuthorisationTable, [{ pprIds: "011", allowedOperators: [{ mccMnc }], pprFlags: "0" }]);

	it("are refused by pprNotAllowed(50) when the eUICC's table does not allow them", async () => {
		const { answer, id } = await offered(ruled, {}, { rulesAuthorisationTable: table(hex`62F210`) });
		expect(answer).toEqual(tlv(0xbf3b, hex`82 01 32`));
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "failed",
			reason: { code: "cancelSession: pprNotAllowed(3)", text: expect.stringContaining("not authorised") },
		});
	});

	it("pass when it allows them, or when the IPA looks at them itself", async () => {
		const first = await offered(ruled, {}, { rulesAuthorisationTable: table(hex`00F110`) });
		expect(first.answer[3 + (first.answer[2] === 0x82 ? 2 : 1)]).toBe(0xa0);
		await bench.close();
		const { id } = await offered(ruled);
		expect(await bench.state(id)).toBe("sent");
	});

	it("wait for the table when the IPA leaves them to an eIM that does not know it", async () => {
		const { answer, id } = await offered(ruled, {}, { ipaCapabilities: capabilities("01001") });
		expect(answer).toEqual(tlv(0xbf3b, hex`82 01 7F`));
		expect(await bench.state(id)).toBe("queued");
		expect(packageIn(await bench.ask(poll(eid)))).toHaveProperty("euiccPackageRequest");
		const { items } = await bench.store.listOperations({ eid, origin: "eim", limit: 5 });
		expect(items).toMatchObject([{ type: "getRat", state: "sent" }]);
	});

	it("are refused when the eUICC does not tell its table, however often it is asked", async () => {
		const { id, answer: first } = await offered(ruled, {}, { ipaCapabilities: capabilities("01001") });
		let answer = first;
		for (let round = 0; round < 2; round++) {
			expect(answer).toEqual(tlv(0xbf3b, hex`82 01 7F`));
			const question = (await bench.store.listOperations({ eid, origin: "eim", limit: 1 })).items[0];
			await bench.store.moveOperation(question?.id ?? "", { kind: "failed", at: 0, reason: { text: "no table" } });
			const { eimTransactionId } = await takeTrigger(bench);
			// The SM-DP+ of this test has one transaction for all sessions.
			await bench.store.removeDeadSessions(Number.MAX_SAFE_INTEGER);
			await takeTrigger(bench);
			await bench.ask(initiate(eimTransactionId));
			answer = await bench.ask(authenticate());
		}
		expect(answer).toEqual(tlv(0xbf3b, hex`82 01 32`));
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "failed",
			reason: { text: expect.stringContaining("does not tell which ones it allows") },
		});
	});
});

describe("an order that has expired at the SM-DP+", () => {
	it.each([
		["1.2", hex`82 01 7F`, hex`81 01 06`],
		["1.3", hex`82 01 12`, hex`81 01 7F`],
	] as const)(
		"is said to an IPA of version %s in the code that it knows",
		async (version, authentication, package_) => {
			const device = { dialect: { version, nestedCertificateArms: false } };
			const expired = refusalByCodes("authenticateClient", "8.8.5", "4.10");
			const given = smdp({ authenticateClient: { kind: "refused", refusal: expired } });
			const first = await startDownload(given, {}, { device });
			bench = first.bench;
			await bench.ask(initiate(first.eimTransactionId));
			expect(await bench.ask(authenticate())).toEqual(tlv(0xbf3b, authentication));
			expect((await bench.store.loadOperation(first.id))?.reason).toMatchObject({
				code: "8.8.5/4.10",
				text: expect.stringContaining("has expired"),
			});
			await bench.close();
			const late = refusalByCodes("getBoundProfilePackage", "8.8.5", "4.10");
			const second = await startDownload(
				smdp({ getBoundProfilePackage: { kind: "refused", refusal: late } }),
				{},
				{ device },
			);
			bench = second.bench;
			await bench.ask(initiate(second.eimTransactionId));
			await bench.ask(authenticate());
			expect(await bench.ask(prepared())).toEqual(tlv(0xbf3a, package_));
		},
	);
});

describe("a confirmation code that the order lacks", () => {
	it("is asked of the operator, and the order at the SM-DP+ stays as it is", async () => {
		const given = smdp();
		const { authenticateClient } = given.answers;
		given.answers.authenticateClient = { ...(authenticateClient as object), smdpSigned2: smdpSigned2(true) };
		const started = await startDownload(given);
		bench = started.bench;
		await bench.ask(initiate(started.eimTransactionId));
		expect(await bench.ask(authenticate())).toEqual(tlv(0xbf3b, hex`82 01 7F`));
		expect(await bench.store.loadOperation(started.id)).toMatchObject({
			state: "failed",
			reason: { code: "8.2.7/2.2", text: expect.stringContaining("confirmation code") },
		});
	});
});

describe("compact messages", () => {
	const known = {
		euiccCertificate: euicc.certificate,
		eumCertificate: eum.certificate,
		euiccInfo2: encode(EUICCInfo2, euiccInfo2),
	};
	const whole = (value: Uint8Array | undefined): Uint8Array => {
		if (value === undefined) throw new Error("no compact form");
		return value;
	};
	const bf38 = () => decode(AuthenticateClientRequestEsipa, authenticate()).authenticateServerResponse.der;
	const start = async (device: object = known) => {
		const started = await startDownload(smdp(), {}, { device });
		bench = started.bench;
		await bench.ask(initiate(started.eimTransactionId));
		return started;
	};

	it("reach the SM-DP+ octet by octet as the eUICC has signed them", async () => {
		const { calls, id } = await start();
		const authentication = bf38();
		const knowledge = { serverSigned1: serverSigned1(), ...known };
		const bf3b = whole(compactAuthenticateServerResponse(authentication, knowledge));
		expect(bf3b.length).toBeLessThan(authentication.length / 2);
		await bench.ask(tlv(0xbf3b, tlv(0x80, transactionId), bf3b));
		expect(calls.at(-1)?.request.authenticateServerResponse).toEqual(authentication);

		const euiccSigned2 = keep(EUICCSigned2, { transactionId, euiccOtpk: new Uint8Array(65).fill(4) });
		const euiccSignature2 = signRaw(euicc.privateKey, euiccSignature2Input(euiccSigned2.der, signature));
		const preparation = encode(PrepareDownloadResponse, { downloadResponseOk: { euiccSigned2, euiccSignature2 } });
		await bench.ask(
			tlv(0xbf3a, tlv(0x80, transactionId), whole(compactPrepareDownloadResponse(preparation, { transactionId }))),
		);
		expect(calls.at(-1)?.request.prepareDownloadResponse).toEqual(preparation);

		const smdpOid = parseCertificate(dpPb.certificate).registeredIds[0] as string;
		const result = installation(undefined, undefined, { smdpOid });
		const pir = compactProfileInstallationResult(result, {
			notificationAddress: SMDP,
			iccid: Iccid.toBytes(iccid),
			smdpOid,
		});
		expect(await bench.send(notify(whole(pir)))).toBeNull();
		expect(await bench.store.loadOperation(id)).toMatchObject({ state: "succeeded", outcome: { iccid } });
		await bench.jobs.runDue();
		expect(calls.at(-1)).toMatchObject({ name: "handleNotification", request: { notification: result } });
		expect(decodeKept(ProfileInstallationResult, result).der).toEqual(result);
	});

	it("that leave out what the eIM does not know are refused like a wrong signature, and may come in full", async () => {
		const { calls } = await start({ ...known, euiccInfo2: undefined });
		const authentication = bf38();
		const compact = compactAuthenticateServerResponse(authentication, { serverSigned1: serverSigned1(), ...known });
		const asked = tlv(0xbf3b, tlv(0x80, transactionId), whole(compact));
		expect(await bench.ask(asked)).toEqual(tlv(0xbf3b, hex`82 01 05`));
		await bench.ask(tlv(0xbf3b, tlv(0x80, transactionId), authentication));
		expect(calls.at(-1)?.request.authenticateServerResponse).toEqual(authentication);
	});

	it("of a cancelled session and of other notifications are made whole as well", async () => {
		const { calls } = await start();
		const bf41 = cancellation(0);
		const smdpOid = parseCertificate(testPki().dpAuth.certificate).registeredIds[0] as string;
		const compact = whole(compactCancelSessionResponse(bf41, { transactionId, smdpOid }));
		expect(await bench.ask(cancel(compact))).toEqual(hex`BF41 02 A000`);
		expect(calls.at(-1)?.request.cancelSessionResponse).toEqual(bf41);

		const tbsOtherNotification = keep(NotificationMetadata, {
			seqNumber: 18,
			profileManagementOperation: NotificationEvent.of("notificationEnable"),
			notificationAddress: SMDP,
			iccid: Iccid.toBytes(iccid),
		});
		const { euiccCertificate, eumCertificate } = known;
		const notification = encode(OtherSignedNotification, {
			tbsOtherNotification,
			euiccNotificationSignature: signRaw(euicc.privateKey, tbsOtherNotification.der),
			euiccCertificate,
			eumCertificate,
		});
		const eidValue = Eid.toBytes(eid);
		const small = whole(compactOtherNotification(notification, { eidValue, euiccCertificate, eumCertificate }));
		expect(await bench.send(notify(small))).toBeNull();
		await bench.jobs.runDue();
		expect(calls.at(-1)).toMatchObject({ name: "handleNotification", request: { notification } });
	});
});
