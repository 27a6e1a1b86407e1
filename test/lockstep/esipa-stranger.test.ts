/**
 * ESipa knows no client authentication: whoever knows an EID may poll and answer in its name. What a stranger can do with
 * that, octet by octet.
 */

import { encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { generateKeyPair, signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { NotificationEvent, NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { OtherSignedNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { IpaEuiccDataResponse } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { hex, utf8 } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import { issueEuiccCredential, makeTestPki } from "@iot-esim/sim/pki/test-pki";
import { afterEach, describe, expect, it } from "vitest";
import { acknowledgedIn, EIM_ID, esipaBench, poll, result, SigningCard, testPki } from "../support/esipa-bench.ts";
import { certificates, EMPTY, NO_PACKAGE, NOT_TAKEN, takeDataRequest } from "../support/esipa-octets.ts";
import {
	authenticate,
	initiate,
	installation,
	notify,
	SMDP,
	smdp,
	startDownload,
	transactionId,
} from "../support/relayed-download.ts";

const { eid } = testPki();
const iccid = Iccid("8900101000000000018");
const enable = { type: "enable", parameters: { iccid, rollback: false } } as const;
const OK = [{ enableResult: 0 }];

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

const NOW = Date.UTC(2026, 0, 1);
const otherEid = Eid.withCheckDigits("890490320000000000000000000077");
/** Another eUICC of the same EUM, or the same one with another key and certificate. */
const euiccOf = (of: Eid) =>
	issueEuiccCredential({ curve: "P-256", random: systemRandom, now: NOW, eum: testPki().eum, eid: of });

/** BF51 with the arm that nobody signs. */
const unsigned = (...members: Uint8Array[]) => tlv(0xbf51, tlv(0xa2, tlv(0x80, utf8(EIM_ID)), ...members));

async function ordered(change: object = {}) {
	bench = await esipaBench();
	await bench.register(eid, { ...bench.known, ...change });
	const id = await bench.order(eid, enable);
	return { id, sent: await bench.ask(poll(eid)) };
}

describe("a stranger who polls in the name of a device", () => {
	it("takes nothing away from it: the device gets the same octets, and its result counts", async () => {
		const { id, sent } = await ordered();
		for (let i = 0; i < 5; i++) expect(await bench.ask(poll(eid))).toEqual(sent);
		const executed = new SigningCard(bench.pki).execute(sent, OK);
		expect(acknowledgedIn(await bench.ask(result(eid, executed)))).toEqual([1]);
		expect(await bench.state(id)).toBe("succeeded");
	});
});

describe("errors that a stranger makes up", () => {
	it.each([
		["euiccPackageErrorUnsigned", unsigned()],
		["euiccPackageErrorUnsigned with the token that is known", unsigned(hex`84 01 07`)],
		["eimPackageResultResponseError invalidPackageFormat", hex`A0 03 02 01 01`],
		["eimPackageResultResponseError undefinedError", hex`A0 03 02 01 7F`],
		["profileDownloadError for another kind of package", hex`BF54 05 30 03 80 01 7F`],
		["ipaEuiccDataResponseError for another kind of package", hex`BF52 05 A1 03 02 01 7F`],
	])("leave an eUICC package open: %s", async (_, forged) => {
		const { id, sent } = await ordered({ associationToken: 7 });
		for (let i = 0; i < 3; i++) expect(await bench.ask(result(eid, forged))).toEqual(EMPTY);
		expect(await bench.state(id)).toBe("sent");
		expect(await bench.ask(poll(eid))).toEqual(sent);
		await bench.ask(result(eid, new SigningCard(bench.pki, 7).execute(sent, OK)));
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("for another eIM are not taken", async () => {
		const { id } = await ordered();
		const other = tlv(0xbf51, tlv(0xa2, tlv(0x80, utf8("other.example.com")), hex`84 01 63`));
		expect(await bench.ask(result(eid, other))).toEqual(NOT_TAKEN);
		expect(await bench.state(id)).toBe("sent");
	});

	it("end a download at most until the eUICC says otherwise", async () => {
		const { bench: started, id, eimTransactionId } = await startDownload();
		bench = started;
		await bench.ask(initiate(eimTransactionId));
		await bench.ask(authenticate());
		await bench.ask(result(eid, hex`BF54 05 30 03 80 01 7F`));
		expect(await bench.state(id)).toBe("failed");
		await bench.send(notify(installation()));
		expect(await bench.store.loadOperation(id)).toMatchObject({ state: "succeeded", outcome: { iccid } });
	});
});

describe("what is stored of a stranger", () => {
	const count = async () => (await bench.store.listResults(eid)).length;

	it("is nothing where nothing follows from it, and one note of each kind where a package is open", async () => {
		const { id } = await ordered();
		for (let i = 0; i < 20; i++) {
			await bench.ask(result(eid, unsigned(hex`9F6E01`, Uint8Array.of(i))));
			await bench.ask(result(eid, tlv(0xbf52, tlv(0xa0, tlv(0x83, utf8(`smds${i}.example.com`))))));
		}
		expect(await count()).toBe(1);
		expect(await bench.state(id)).toBe("sent");
	});

	it("is bounded for forgeries", async () => {
		const { sent } = await ordered();
		const forger = new SigningCard({ ...testPki(), euicc: euiccOf(eid) });
		for (let i = 0; i < 40; i++) expect(await bench.ask(result(eid, forger.execute(sent, OK)))).toEqual(NOT_TAKEN);
		expect(await count()).toBe(32);
	});

	it("is bounded for installation results that wait for certificates, and so is what is forwarded of them", async () => {
		const started = await startDownload();
		bench = started.bench;
		await bench.ask(initiate(started.eimTransactionId));
		const { privateKey } = generateKeyPair("P-256");
		for (let i = 0; i < 32; i++) await bench.send(notify(installation(undefined, privateKey)));
		await expect(bench.send(notify(installation(undefined, privateKey)))).rejects.toMatchObject({ httpStatus: 403 });
		expect(await count()).toBe(32);
		expect(await bench.jobs.runDue()).toBe(32);
	});
});

describe("a question that was answered", () => {
	it("is not ended otherwise by a later word that nobody signed", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		const id = await bench.order(eid, { type: "readEuiccData", parameters: {} });
		const eimTransactionId = await takeDataRequest(bench);
		await bench.ask(result(eid, tlv(0xbf52, tlv(0xa1, tlv(0x80, eimTransactionId), hex`02017F`))));
		expect(await bench.state(id)).toBe("failed");
		await bench.ask(result(eid, certificates(eimTransactionId)));
		expect(await bench.state(id)).toBe("failed");
	});
});

describe("association tokens that a stranger makes up", () => {
	/** The card's own word when a package was not signed over its token. */
	const cardSays = (token: number) => result(eid, unsigned(tlv(0x84, Uint8Array.of(token))));

	it("are undone by the next word of the card, also one that it has said before", async () => {
		const { id } = await ordered({ associationToken: 7 });
		const card = new SigningCard(bench.pki, 7);
		await bench.ask(cardSays(0x63));
		for (const stranger of [0x62, 0x61]) {
			await bench.ask(poll(eid));
			await bench.ask(cardSays(7));
			await bench.ask(poll(eid));
			await bench.ask(cardSays(stranger));
		}
		// The bound on packages is reached: the one that is out stays out for a while, and then the card is heard again.
		const stuck = await bench.ask(poll(eid));
		await bench.ask(cardSays(7));
		expect(await bench.ask(poll(eid))).toEqual(stuck);
		await bench.clock.advance(Minutes(10));
		await bench.ask(cardSays(7));
		const anew = await bench.ask(poll(eid));
		expect(card.open(anew).counterValue).toBeGreaterThan(0);
		await bench.ask(result(eid, card.execute(anew, OK)));
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("do not cut off a card that has no token, and so names none", async () => {
		const { id } = await ordered();
		const card = new SigningCard(bench.pki);
		await bench.ask(cardSays(0x63));
		const refused = await bench.ask(poll(eid));
		expect(() => card.open(refused)).toThrow();
		await bench.ask(result(eid, unsigned()));
		expect(await bench.ask(poll(eid))).toEqual(refused);
		await bench.clock.advance(Minutes(10));
		await bench.ask(result(eid, unsigned()));
		await bench.ask(result(eid, certificates(await takeDataRequest(bench))));
		const anew = await bench.ask(poll(eid));
		await bench.ask(result(eid, card.execute(anew, OK)));
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("burn no counters without end", async () => {
		await ordered();
		const before = (await bench.store.loadDevice(eid))?.counter ?? 0;
		for (let token = 1; token <= 50; token++) {
			await bench.ask(cardSays(token));
			await bench.ask(poll(eid));
		}
		expect((await bench.store.loadDevice(eid))?.counter).toBe(before + 3);
	});

	it("count for nothing while no package is open", async () => {
		bench = await esipaBench();
		await bench.register(eid, { ...bench.known, associationToken: 7 });
		await bench.ask(cardSays(0x63));
		expect((await bench.store.loadDevice(eid))?.associationToken).toBe(7);
	});

	it("do not hide the result of a package that was given up for them", async () => {
		const { id, sent } = await ordered({ associationToken: 7 });
		const executed = new SigningCard(bench.pki, 7).execute(sent, OK);
		await bench.ask(cardSays(0x63));
		expect(await bench.state(id)).toBe("queued");
		await bench.store.changeDevice(eid, { associationToken: 7 });
		expect(acknowledgedIn(await bench.ask(result(eid, executed)))).toEqual([1]);
		expect(await bench.state(id)).toBe("succeeded");
		expect(await bench.ask(poll(eid))).toEqual(NO_PACKAGE);
	});
});

describe("results of somebody else", () => {
	it("signed by the good key of another device are rejected, whatever EID they are sent under", async () => {
		const other = makeTestPki({ curve: "P-256", random: systemRandom, now: NOW, eid: otherEid });
		const { id, sent } = await ordered();
		const { certificate } = testPki().eimSign;
		const thief = new SigningCard({ ...other, eimSign: { ...other.eimSign, certificate } });
		expect(await bench.ask(result(eid, thief.execute(sent, OK)))).toEqual(NOT_TAKEN);
		expect(await bench.state(id)).toBe("sent");
	});

	it("with the counter of one package and the transaction of another belong to neither", async () => {
		const { id, sent } = await ordered();
		const card = new SigningCard(bench.pki);
		await bench.ask(result(eid, card.execute(sent, OK)));
		const next = await bench.order(eid, { type: "disable", parameters: { iccid } });
		const { counterValue: first } = card.open(sent);
		const mixed = card.execute(await bench.ask(poll(eid)), [{ disableResult: 0 }], { counterValue: first });
		expect(acknowledgedIn(await bench.ask(result(eid, mixed)))).toEqual([2]);
		expect([await bench.state(id), await bench.state(next)]).toEqual(["succeeded", "sent"]);
		expect(await bench.store.listProfiles(eid)).toMatchObject([{ iccid, state: "enabled" }]);
	});

	it("for a transaction of another device touch nothing of that device", async () => {
		const { id: theirs, sent } = await ordered();
		const eidB = otherEid;
		const issued = euiccOf(eidB);
		await bench.register(eidB, {
			euiccCertificate: issued.certificate,
			eumCertificate: testPki().eum.certificate,
		});
		const mine = await bench.order(eidB, enable);
		await bench.ask(poll(eidB));
		const card = new SigningCard({ ...testPki(), euicc: issued });
		expect(acknowledgedIn(await bench.ask(result(eidB, card.execute(sent, OK, { counterValue: 99 }))))).toEqual([1]);
		expect([await bench.state(theirs), await bench.state(mine)]).toEqual(["sent", "sent"]);
	});
});

describe("certificates that a stranger brings", () => {
	const bf52 = (euiccCertificate: Uint8Array, eumCertificate = testPki().eum.certificate) =>
		result(eid, encode(IpaEuiccDataResponse, { ipaEuiccData: { euiccCertificate, eumCertificate } }));
	const stored = async () => (await bench.store.loadDevice(eid))?.euiccCertificate;

	it("are not stored for an EID that they are not of, nor from another CI", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		await bench.ask(bf52(euiccOf(otherEid).certificate));
		expect(await stored()).toBeUndefined();
		const foreign = makeTestPki({ curve: "P-256", random: systemRandom, now: NOW, eid });
		await bench.ask(bf52(foreign.euicc.certificate, foreign.eum.certificate));
		expect(await stored()).toBeUndefined();
	});

	it("do not take the place of good ones, even when they are good ones of the same eUICC", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		await bench.ask(bf52(euiccOf(eid).certificate));
		expect(await stored()).toEqual(bench.known.euiccCertificate);
	});
});

describe("addresses that a stranger brings", () => {
	function notification(given: { address: string; certificate?: Uint8Array; eum?: Uint8Array }): Uint8Array {
		const { privateKey } = generateKeyPair("P-256");
		const tbs = keep(NotificationMetadata, {
			seqNumber: 9,
			profileManagementOperation: NotificationEvent.of("notificationEnable"),
			notificationAddress: given.address,
		});
		return encode(OtherSignedNotification, {
			tbsOtherNotification: tbs,
			euiccNotificationSignature: signRaw(privateKey, tbs.der),
			euiccCertificate: given.certificate ?? testPki().euicc.certificate,
			eumCertificate: given.eum ?? testPki().eum.certificate,
		});
	}

	async function contacted(): Promise<string[]> {
		await bench.jobs.runDue();
		return started.calls.filter((call) => call.name === "handleNotification").map((call) => call.address);
	}

	let started: Awaited<ReturnType<typeof startDownload>>;
	async function start() {
		started = await startDownload(smdp());
		bench = started.bench;
	}

	it.each(["127.0.0.1:8080", "169.254.169.254", "db.internal:5432"])("%s is contacted for nobody", async (address) => {
		await start();
		const foreign = makeTestPki({ curve: "P-256", random: systemRandom, now: NOW, eid });
		const certificates = { certificate: foreign.euicc.certificate, eum: foreign.eum.certificate };
		for (const forged of [notification({ address }), notification({ address, ...certificates })]) {
			await expect(bench.send(notify(forged))).rejects.toMatchObject({ httpStatus: 403 });
			const inResult = tlv(0x30, unsigned(), tlv(0xa0, forged));
			expect(await bench.ask(result(eid, inResult))).toEqual(EMPTY);
			expect(await bench.ask(result(eid, tlv(0xbf52, tlv(0xa0, tlv(0xa0, forged)))))).toEqual(EMPTY);
		}
		expect(await contacted()).toEqual([]);
	});

	it("an installation result that cannot be verified yet goes to the SM-DP+ that was ordered, and to no other", async () => {
		await start();
		await bench.ask(initiate(started.eimTransactionId));
		const forged = installation(undefined, generateKeyPair("P-256").privateKey, { address: "db.internal:5432" });
		await expect(bench.send(notify(forged))).rejects.toMatchObject({ httpStatus: 403 });
		expect(await contacted()).toEqual([]);
		await bench.send(notify(installation()));
		expect(await contacted()).toEqual([SMDP]);
	});

	it("of a lab device are no others", async () => {
		await start();
		await bench.store.changeDevice(eid, { labMode: "bring-up", acceptUnverified: true });
		const forged = notification({ address: "169.254.169.254" });
		await expect(bench.send(notify(forged))).rejects.toMatchObject({ httpStatus: 403 });
		expect(await contacted()).toEqual([]);
	});
});

describe("a made-up installation result", () => {
	it("of a device whose certificates are not known yet holds the download up only until they are", async () => {
		const started = await startDownload();
		bench = started.bench;
		await bench.ask(initiate(started.eimTransactionId));
		await bench.send(notify(installation(undefined, generateKeyPair("P-256").privateKey)));
		expect(await bench.state(started.id)).toBe("awaiting-verification");
		const { euicc, eum } = testPki();
		const certificates = { euiccCertificate: euicc.certificate, eumCertificate: eum.certificate };
		await bench.ask(result(eid, encode(IpaEuiccDataResponse, { ipaEuiccData: certificates })));
		expect(await bench.state(started.id)).toBe("sent");
		await bench.send(notify(installation()));
		expect(await bench.state(started.id)).toBe("succeeded");
	});
});

describe("an SM-DP+", () => {
	it("that gives the transaction of another session is not followed", async () => {
		const first = await startDownload();
		bench = first.bench;
		await bench.ask(initiate(first.eimTransactionId));
		expect(await bench.ask(initiate(first.eimTransactionId))).toEqual(hex`BF39 03 81 01 7F`);
		expect(transactionId).toHaveLength(16);
	});
});

describe("a result that an IPA sends as a notification", () => {
	it("and that is not taken is refused, so that the IPA keeps it", async () => {
		const { sent } = await ordered();
		const card = new SigningCard({ ...testPki(), euicc: euiccOf(eid) });
		const wrapped = tlv(0xbf3d, result(eid, card.execute(sent, OK)));
		await expect(bench.send(wrapped)).rejects.toMatchObject({ code: "ESIPA_NOTIFICATION_REFUSED", httpStatus: 403 });
	});
});
