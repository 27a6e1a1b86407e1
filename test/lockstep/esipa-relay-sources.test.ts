/** Where a download comes from, and what the eIM adds that the IPA leaves to it. */

import type { RspEvent } from "@iot-esim/eim/es9plus/smds";
import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { DeviceInfo } from "@iot-esim/shared/messages/sgp22/device-info";
import {
	AuthenticateClientResponseEsipa,
	InitiateAuthenticationResponseEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { hex } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { esipaBench, packageIn, poll, result, testPki } from "../support/esipa-bench.ts";
import {
	authenticate,
	capabilities,
	euiccChallenge,
	euiccInfo2,
	iccid,
	initiate,
	initiateError,
	installation,
	notify,
	SMDP,
	serverSigned1,
	smdp,
	startDownload,
	takeTrigger,
	transactionId,
} from "../support/relayed-download.ts";

const { eid } = testPki();
const SMDS = "smds.example.com";

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

async function start(...given: Parameters<typeof startDownload>) {
	const started = await startDownload(...given);
	bench = started.bench;
	return started;
}

const bare = (eimTransactionId: Uint8Array) => tlv(0xbf39, tlv(0x81, euiccChallenge), tlv(0x82, eimTransactionId));
const answered = async (eimTransactionId: Uint8Array) =>
	decode(InitiateAuthenticationResponseEsipa, await bench.ask(bare(eimTransactionId)));
/** Features by their place: direct, indirect, data handling, ctxParams1, metadata, minimal. */
const known = { euiccInfo2: encode(EUICCInfo2, euiccInfo2) };

describe("an IPA that leaves the download data to the eIM", () => {
	it("gets ctxParams1 of the order's matching id and the device information of IpaEuiccData", async () => {
		const deviceInfo = { tac: hex`35290611`, deviceCapabilities: { lpaSvn: hex`020500` }, imei: hex`3529061100000010` };
		const device = { ...known, ipaCapabilities: capabilities("0111"), deviceInfo: encode(DeviceInfo, deviceInfo) };
		const { eimTransactionId, calls } = await start(smdp(), {}, { device });
		expect(await answered(eimTransactionId)).toMatchObject({
			initiateAuthenticationOkEsipa: {
				transactionId,
				ctxParams1: { ctxParamsForCommonAuthentication: { matchingId: "M-1", deviceInfo } },
			},
		});
		expect(calls[0]).toMatchObject({ address: SMDP, request: { euiccChallenge } });
	});

	it("gets a TAC of zeros when it never told one, and no transaction when it saves octets", async () => {
		const device = { ...known, ipaCapabilities: capabilities("011101") };
		const { eimTransactionId } = await start(smdp(), {}, { device });
		const answer = await answered(eimTransactionId);
		const ok = "initiateAuthenticationOkEsipa" in answer ? answer.initiateAuthenticationOkEsipa : undefined;
		expect(ok?.transactionId).toBeUndefined();
		expect(ok?.matchingId).toBeUndefined();
		expect(ok?.ctxParams1?.ctxParamsForCommonAuthentication.deviceInfo.tac).toEqual(new Uint8Array(4));
	});

	it("is asked for EUICCInfo first when the eIM has none, and the trigger comes again", async () => {
		const { eimTransactionId, id, calls } = await start();
		expect(await bench.ask(bare(eimTransactionId))).toEqual(initiateError(127));
		const question = packageIn(await bench.ask(poll(eid)));
		expect(question).toMatchObject({ ipaEuiccDataRequest: { tagList: hex`BF20 BF22` } });
		const info = "ipaEuiccDataRequest" in question ? question.ipaEuiccDataRequest.eimTransactionId : undefined;
		const info1 = hex`BF20 0F 82 03 020500 A9 03 04 01 AA AA 03 04 01 BB`;
		await bench.ask(result(eid, tlv(0xbf52, tlv(0xa0, info1, tlv(0x87, info as Uint8Array)))));
		const again = await takeTrigger(bench);
		expect(await answered(again.eimTransactionId as Uint8Array)).toHaveProperty("initiateAuthenticationOkEsipa");
		expect(calls[0]?.request.euiccInfo1).toEqual(info1);
		expect(await bench.state(id)).toBe("sent");
	});

	it("that never says what the download needs ends it", async () => {
		const { eimTransactionId, id } = await start();
		let transaction = eimTransactionId;
		for (let round = 0; round < 2; round++) {
			await bench.ask(bare(transaction));
			await bench.ask(poll(eid));
			await bench.ask(result(eid, tlv(0xbf52, tlv(0xa0))));
			transaction = (await takeTrigger(bench)).eimTransactionId as Uint8Array;
		}
		await bench.ask(bare(transaction));
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "failed",
			reason: { text: expect.stringContaining("BF20 BF22") },
		});
	});
});

describe("a download from the card's default SM-DP+", () => {
	const source = { contact: "defaultSmdp" } as const;

	it("is a trigger with contactDefaultSmdp, and goes to the address that the card has", async () => {
		const device = { ...known, defaultSmdpAddress: SMDP };
		const { trigger, eimTransactionId, calls } = await start(smdp(), {}, { source, device });
		expect(trigger.profileDownloadData).toEqual({ contactDefaultSmdp: null });
		expect(await bench.ask(initiate(eimTransactionId, "other.example.com"))).toEqual(initiateError(1));
		await bench.ask(initiate(eimTransactionId, SMDP));
		expect(calls.map(({ address }) => address)).toEqual([SMDP]);
	});

	it("asks for the address when the eIM does not know it", async () => {
		const { eimTransactionId } = await start(smdp(), {}, { source, device: known });
		expect(await bench.ask(initiate(eimTransactionId, SMDP))).toEqual(initiateError(127));
		expect(packageIn(await bench.ask(poll(eid)))).toMatchObject({ ipaEuiccDataRequest: { tagList: hex`81` } });
	});
});

/** An SM-DS with these events; its server is the one of the SM-DP+, but for its name. */
function smds(events: readonly RspEvent[]) {
	const calls: string[] = [];
	const { answers } = smdp();
	const opened = { ...(answers.initiateAuthentication as object), serverSigned1: serverSigned1(SMDS) };
	return {
		calls,
		es11: {
			initiateAuthentication: async (address: string) => {
				calls.push(`initiate ${address}`);
				return opened as never;
			},
			authenticateClient: async (address: string) => {
				calls.push(`events ${address}`);
				return { kind: "ok", transactionId, events } as const;
			},
		},
	};
}

describe("a download by SM-DS", () => {
	const source = { contact: "smds", smdsAddress: SMDS } as const;
	const EVENTS = [
		{ eventId: "EVENT-1", rspServerAddress: SMDP },
		{ eventId: "EVENT-2", rspServerAddress: SMDP },
	];

	it("relays to the SM-DS, and gives the device the first event as its next trigger", async () => {
		const { es11, calls } = smds(EVENTS);
		const given = smdp();
		given.answers.initiateAuthentication = {
			...(given.answers.initiateAuthentication as object),
			transactionId: hex`B0B1B2B3`,
		};
		const { trigger, eimTransactionId, id } = await start(given, {}, { source, device: known, bench: { es11 } });
		expect(trigger.profileDownloadData).toEqual({ contactSmds: { smdsAddress: SMDS } });
		await bench.ask(initiate(eimTransactionId, SMDS));
		const answer = decode(AuthenticateClientResponseEsipa, await bench.ask(authenticate()));
		expect(answer).toEqual({
			authenticateClientOkDSEsipa: {
				transactionId,
				profileDownloadTrigger: {
					profileDownloadData: { activationCode: `1$${SMDP}$EVENT-1` },
					eimTransactionId,
				},
			},
		});
		expect(calls).toEqual([`initiate ${SMDS}`, `events ${SMDS}`]);
		expect(await bench.ask(initiate(eimTransactionId, "evil.example.com"))).toEqual(initiateError(1));
		expect(await answered(eimTransactionId)).toMatchObject({
			initiateAuthenticationOkEsipa: { matchingId: "EVENT-1" },
		});
		expect(given.calls.map(({ address }) => address)).toEqual([SMDP]);
		expect(await bench.state(id)).toBe("sent");
		const { items } = await bench.store.listOperations({ eid, origin: "eim", limit: 5 });
		expect(items).toMatchObject([{ type: "download", parameters: { smdpAddress: SMDP, matchingId: "EVENT-2" } }]);
	});

	it("holds what else waits there to what was ordered", async () => {
		const more50 = Array.from({ length: 50 }, (_, n) => ({ eventId: `MORE-${n}`, rspServerAddress: SMDP }));
		const { es11 } = smds([...EVENTS, ...more50]);
		const expected = { owner: "00101", profileClass: "operational" } as const;
		const more = { source: { ...source, mode: "indirect", expected }, device: known, bench: { es11 } } as const;
		const { eimTransactionId } = await start(smdp(), {}, more);
		await bench.ask(initiate(eimTransactionId, SMDS));
		await bench.ask(authenticate());
		const { items } = await bench.store.listOperations({ eid, origin: "eim", limit: 60 });
		// Any SM-DP+ may register events for any EID: they do not fill the card.
		expect(items).toHaveLength(4);
		expect(items.at(-1)).toMatchObject({ parameters: { matchingId: "EVENT-2", mode: "indirect", expected } });
	});

	it("ends when nothing waits there", async () => {
		const { es11 } = smds([]);
		const { eimTransactionId, id } = await start(smdp(), {}, { source, device: known, bench: { es11 } });
		await bench.ask(initiate(eimTransactionId, SMDS));
		expect(await bench.ask(authenticate())).toEqual(tlv(0xbf3b, tlv(0xa1, tlv(0x80, transactionId))));
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "failed",
			reason: { text: "Nothing waits for this eUICC at the SM-DS." },
		});
	});

	it("goes to the card's root SM-DS when none is named, and begins there again after a new poll", async () => {
		const { es11, calls } = smds(EVENTS.slice(0, 1));
		const device = { ...known, rootSmdsAddress: SMDS };
		const more = { source: { contact: "smds" }, device, bench: { es11 } } as const;
		const { trigger, eimTransactionId } = await start(smdp(), {}, more);
		expect(trigger.profileDownloadData).toEqual({ contactSmds: {} });
		await bench.ask(bare(eimTransactionId));
		await bench.ask(authenticate());
		await takeTrigger(bench);
		await bench.ask(bare(eimTransactionId));
		expect(calls.filter((call) => call === `initiate ${SMDS}`)).toHaveLength(2);
	});
});

describe("a direct download", () => {
	it("is not relayed, and not asked of an IPA that cannot do it", async () => {
		const { eimTransactionId, calls } = await start(smdp(), { mode: "direct" });
		expect(await bench.ask(initiate(eimTransactionId))).toEqual(initiateError(52));
		expect(calls).toEqual([]);
		await bench.close();
		const device = { ipaCapabilities: capabilities("01") };
		await expect(start(smdp(), { mode: "direct" }, { device })).rejects.toThrow("no trigger");
	});

	const expected = { iccid };
	it.each([
		["mode direct", { mode: "direct" }, undefined, "does not say how it downloads"],
		["mode indirect", { mode: "indirect" }, undefined, "does not say how it downloads"],
		["what is expected", { expected }, undefined, "does not say how it downloads"],
		["what is expected", { expected }, capabilities("1"), "takes no indirect downloads"],
		["mode indirect", { mode: "indirect" }, capabilities("1"), "takes no indirect downloads"],
	])("is not asked of an IPA that has not said that it can: %s", async (_, order, ipaCapabilities, text) => {
		bench = await esipaBench();
		await bench.register(eid, { ...(ipaCapabilities === undefined ? {} : { ipaCapabilities }) });
		const source = { smdpAddress: SMDP, matchingId: "M-1" };
		const id = await bench.order(eid, { type: "download", parameters: { ...source, ...(order as object) } });
		await expect(takeTrigger(bench)).rejects.toThrow("no trigger");
		const reason = { text: expect.stringContaining(text) };
		expect(await bench.store.loadOperation(id)).toMatchObject({ state: "failed", reason });
	});

	it("ends with the installation result in BF54: installed by the ICCID that the eUICC signed, and disabled", async () => {
		const device = { euiccCertificate: testPki().euicc.certificate, eumCertificate: testPki().eum.certificate };
		const { eimTransactionId, id } = await start(smdp(), { mode: "direct" }, { device });
		const answer = await bench.ask(result(eid, tlv(0xbf54, tlv(0x82, eimTransactionId), installation())));
		expect(answer).toEqual(hex`BF50 02 3000`);
		expect(await bench.store.loadOperation(id)).toMatchObject({ state: "succeeded", outcome: { iccid } });
		expect(await bench.store.listProfiles(eid)).toMatchObject([{ iccid, state: "disabled" }]);
		// The SM-DP+ has told the eIM nothing of this profile.
		expect(packageIn(await bench.ask(poll(eid)))).toHaveProperty("euiccPackageRequest");
		expect(await bench.jobs.runDue()).toBe(0);
	});

	it("whose result comes as a notification is found by the key that signed it, and forwarded", async () => {
		const device = { euiccCertificate: testPki().euicc.certificate, eumCertificate: testPki().eum.certificate };
		const { eimTransactionId, id, calls } = await start(smdp(), { mode: "direct" }, { device });
		const forged = installation(undefined, testPki().eum.privateKey);
		await expect(bench.send(notify(forged))).rejects.toThrow("its device is not known here");
		const signed = installation();
		expect(await bench.send(notify(signed))).toBeNull();
		expect(await bench.store.listProfiles(eid)).toMatchObject([{ iccid, state: "disabled" }]);
		expect(await bench.jobs.runDue()).toBe(1);
		expect(calls).toMatchObject([{ name: "handleNotification", request: { notification: signed } }]);
		await bench.ask(result(eid, tlv(0xbf54, tlv(0x82, eimTransactionId), signed)));
		expect(await bench.state(id)).toBe("succeeded");
	});
});

describe("notifyStateChange", () => {
	const changed = (cause: number) => poll(eid, hex`80 00`, tlv(0x81, Uint8Array.of(cause)));
	const own = async () =>
		(await bench.store.listOperations({ eid, origin: "eim", limit: 20 })).items.map(({ type }) => type).sort();

	it("makes the eIM ask what is on the card, once for all repetitions of a report", async () => {
		const started = await start();
		await bench.ask(result(eid, tlv(0xbf54, tlv(0x82, started.eimTransactionId), hex`30 03 80 01 7F`)));
		expect(packageIn(await bench.ask(changed(1)))).toHaveProperty("ipaEuiccDataRequest");
		expect(packageIn(await bench.ask(changed(1)))).toHaveProperty("ipaEuiccDataRequest");
		expect(await own()).toEqual(["listProfiles", "readEuiccData"]);
		await bench.ask(result(eid, tlv(0xbf52, tlv(0xa0))));
		expect(packageIn(await bench.ask(poll(eid)))).toHaveProperty("euiccPackageRequest");
		expect((await bench.store.loadDevice(eid))?.lastStateChangeCause).toBe(1);
		// Another report while the list is under way: the eIM asks again, but not at once.
		await bench.ask(changed(2));
		await bench.ask(changed(2));
		expect(await own()).toHaveLength(2);
		await bench.clock.advance(Minutes(1));
		expect(await bench.jobs.runDue()).toBe(1);
		expect(await own()).toHaveLength(4);
	});
});
