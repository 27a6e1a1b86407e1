import { Es9PlusError } from "@iot-esim/eim/es9plus/errors";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { generateKeyPair, signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { NotificationEvent, NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { OtherSignedNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp32/notifications";
import { ProfileDownloadTriggerResult } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { hex } from "@iot-esim/shared/util/bytes";
import { Hours, Seconds } from "@iot-esim/shared/util/duration";
import { makeTestPki } from "@iot-esim/sim/pki/test-pki";
import { afterEach, describe, expect, it, vi } from "vitest";
import { esipaBench, noSmdp, packageIn, poll, result, testPki } from "../support/esipa-bench.ts";

import {
	authenticate,
	capabilities,
	iccid,
	initiate,
	installation,
	notify,
	prepared,
	SMDP,
	smdp,
	startDownload,
	takeTrigger,
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

	it("of a direct download has its device found, and lets a stranger have ten keys tried at most", async () => {
		bench = await esipaBench({ es9plus: noSmdp() });
		const download = (of: typeof eid, smdpAddress: string) =>
			bench.order(of, { type: "download", parameters: { smdpAddress, matchingId: "", mode: "direct" } });
		const told = { ...bench.known, ipaCapabilities: capabilities("11") };
		await bench.register(eid, told);
		const id = await download(eid, SMDP);
		await takeTrigger(bench);
		for (let n = 0; n < 20; n++) {
			const other = Eid.withCheckDigits(`8904903200000000000000${String(n).padStart(8, "0")}`);
			await bench.register(other, told);
			await download(other, "other.example.com");
			await bench.ask(poll(other));
		}
		const looked = vi.spyOn(bench.store, "loadDevice");
		const forged = installation(undefined, generateKeyPair("P-256").privateKey);
		await expect(bench.send(notify(forged))).rejects.toMatchObject({ code: "ESIPA_NOTIFICATION_REFUSED" });
		expect(looked.mock.calls).toHaveLength(10);
		await bench.send(notify(installation()));
		expect((await bench.store.listProfiles(eid)).map((profile) => profile.iccid)).toEqual([iccid]);
		expect(await bench.state(id)).toBe("sent");
	});

	it("of a direct download ends that when it comes for the trigger as well, and a loss of power counts once", async () => {
		bench = await esipaBench({ es9plus: noSmdp() });
		await bench.register(eid, { ...bench.known, ipaCapabilities: capabilities("11") });
		const parameters = { smdpAddress: SMDP, matchingId: "", mode: "direct" } as const;
		const id = await bench.order(eid, { type: "download", parameters });
		const told = (trigger: { eimTransactionId?: Uint8Array }, signed: Uint8Array) =>
			result(eid, tlv(0xbf54, tlv(0x82, trigger.eimTransactionId as Uint8Array), signed));
		const [interrupted, installed] = [
			installation({ errorResult: { bppCommandId: 5, errorReason: 11 } }),
			installation(),
		];
		const first = await takeTrigger(bench);
		await bench.send(notify(interrupted));
		expect(await bench.state(id)).toBe("sent");
		await bench.ask(told(first, interrupted));
		const second = await takeTrigger(bench);
		expect(second.eimTransactionId).not.toEqual(first.eimTransactionId);
		await bench.ask(told(first, interrupted));
		expect(await bench.store.loadOperation(id)).toMatchObject({ state: "sent", outcome: { interruptions: 1 } });
		await bench.send(notify(installed));
		expect(await bench.state(id)).toBe("sent");
		await bench.ask(told(second, installed));
		expect(await bench.state(id)).toBe("succeeded");
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
	function enabled(
		key = testPki().euicc.privateKey,
		seqNumber = 5,
		pki = testPki(),
		notificationAddress = "other.example.com",
	): Uint8Array {
		const tbs = keep(NotificationMetadata, {
			seqNumber,
			profileManagementOperation: NotificationEvent.of("notificationEnable"),
			notificationAddress,
			iccid: Iccid.toBytes(iccid),
		});
		return encode(OtherSignedNotification, {
			tbsOtherNotification: tbs,
			euiccNotificationSignature: signRaw(key, tbs.der),
			euiccCertificate: pki.euicc.certificate,
			eumCertificate: pki.eum.certificate,
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

	it("that anybody may have made are not stored and forwarded without end", async () => {
		const stranger = makeTestPki({
			curve: "P-256",
			random: systemRandom,
			now: Date.UTC(2026, 0, 1),
			eid,
			name: "Other",
		});
		await start();
		let taken = 0;
		for (let seqNumber = 1; seqNumber <= 50; seqNumber++) {
			const forged = enabled(stranger.euicc.privateKey, seqNumber, stranger, SMDP);
			await bench.send(notify(forged)).then(
				() => taken++,
				() => undefined,
			);
		}
		// The address is one that was ordered for the device: some are taken, since its CI may not be known here.
		expect(taken).toBe(32);
		await bench.clock.advance(Hours(25));
		expect(await bench.send(notify(enabled(stranger.euicc.privateKey, 51, stranger, SMDP)))).toBeNull();
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
