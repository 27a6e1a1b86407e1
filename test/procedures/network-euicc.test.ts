import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { concatBytes, fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { Card } from "@iot-esim/sim/euicc/card";
import { createCard, personalisationOf } from "@iot-esim/sim/euicc/create-card";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { MemoryDisk } from "@iot-esim/sim/euicc/nvm/disk";
import { Nvm } from "@iot-esim/sim/euicc/nvm/nvm";
import { Device } from "@iot-esim/sim/network/device";
import { EventLog } from "@iot-esim/sim/network/events";
import { Hss } from "@iot-esim/sim/network/hss";
import { Network } from "@iot-esim/sim/network/network";
import { memorySequenceStore } from "@iot-esim/sim/network/sequence-store";
import { fixedSubscribers, subscriberOfUpp } from "@iot-esim/sim/network/subscriber-source";
import { makeTestPki } from "@iot-esim/sim/pki/test-pki";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../support/fake-clock.ts";

const UPP_FOLDER = new URL("../../../shared/data/upp/", import.meta.url);
const upps = existsSync(UPP_FOLDER) ? readdirSync(UPP_FOLDER).filter((name) => name.endsWith(".der")) : [];
if (upps.length === 0)
	console.log(`network-euicc: ${UPP_FOLDER.pathname} is absent, the GSMA TS.48 profiles are not tried`);

const pki = makeTestPki({ curve: "P-256", random: systemRandom, now: Date.UTC(2026, 0, 1) });

/** A network, and a card from the factory with an enabled profile and perhaps others. */
function bench(upp: Uint8Array, options: { others?: readonly Uint8Array[]; pin?: string } = {}) {
	const nvm = new Nvm(new MemoryDisk());
	const profiles = [upp, ...(options.others ?? [])];
	createCard(
		nvm,
		personalisationOf([pki], { mode: "consumer" }),
		profileFileSystems(),
		profiles.map((unprotectedProfilePackage, index) => ({ unprotectedProfilePackage, isEnabled: index === 0 })),
	);
	const errors: unknown[] = [];
	const card = new Card({ nvm, fileSystems: profileFileSystems(), onError: (error) => errors.push(error) });
	const clock = new FakeClock();
	const events = new EventLog(clock);
	const subscribers = profiles.map((profile) => subscriberOfUpp(profile, "test"));
	const sequences = memorySequenceStore();
	const log = silentLogger("test");
	const hss = new Hss({ sources: [fixedSubscribers(subscribers)], sequences, random: systemRandom, log });
	const network = new Network({ hss, operators: [], coverage: { isCoveredByDefault: true, rules: [] }, log });
	const device = new Device({
		name: "meter",
		place: "home",
		clock,
		log,
		network,
		bearer: { open: async () => undefined, shut: () => 0 },
		onEvent: (event) => events.record("meter", event),
		pollInterval: Seconds(30),
		searchInterval: Seconds(5),
		attachTime: Milliseconds(0),
		...(options.pin === undefined ? {} : { pin: options.pin }),
	});
	return {
		card,
		clock,
		device,
		subscriber: subscribers[0]!,
		errors,
		types: () => events.since().map((event) => event.type),
	};
}

const MILENAGE = {
	iccid: "8988219000000000017",
	imsi: "901700000000001",
	ki: "465B5CE8B199B49FAA5F0A2EE238A6BC",
	op: "CDC202D5123E20F62B6D676AC72CB318",
};
const TUAK = {
	iccid: "8949019000000000025",
	imsi: "262019876543210",
	algorithm: "tuak",
	ki: "5A".repeat(32),
	op: "A5".repeat(32),
	resLength: 16,
};
const USIM_TEST = {
	iccid: "8988219000000000033",
	imsi: "001010123456063",
	algorithm: "usim-test",
	ki: "00112233445566778899AABBCCDDEEFF",
};

const SELECT_ISD_R = hex`01A4040010A0000005591010FFFFFFFF890000010000`;

/** An IPA that collects 61xx by GET RESPONSE on channel 1. */
function ipaOf(device: Device) {
	const ipa = device.openIpaSession();
	const send = async (apdu: Uint8Array): Promise<string> => {
		let answer = toHex(await ipa.transmit(apdu));
		for (let more = /^(.*)61(..)$/.exec(answer); more; more = /^(.*)61(..)$/.exec(answer)) {
			answer = `${more[1]}${toHex(await ipa.transmit(hex`01C00000 ${fromHex(more[2] ?? "")}`))}`;
		}
		return answer;
	};
	const storeData = (tlv: Uint8Array) => send(concatBytes(hex`81E29100`, Uint8Array.of(tlv.length), tlv, hex`00`));
	return { send, storeData };
}

describe("the modem with the simulated eUICC", () => {
	test.each(upps)("%s authenticates the device with the keys of its UPP", async (name) => {
		const { card, clock, device, subscriber, types, errors } = bench(readFileSync(new URL(name, UPP_FOLDER)));
		await clock.until(device.insertCard(card));
		await clock.advance(1);
		expect(types()).toEqual(["card-inserted", "card-read", "authenticated", "attached"]);
		expect(device.status()).toMatchObject({ attached: true, imsi: subscriber.imsi, iccid: subscriber.iccid });
		expect(errors).toEqual([]);
	});

	test.each([
		["milenage", MILENAGE],
		["tuak", TUAK],
		["usim-test", USIM_TEST],
	])("a profile built with %s attaches", async (_algorithm, description) => {
		const { card, clock, device, errors } = bench(buildProfilePackage(description));
		await clock.until(device.insertCard(card));
		await clock.advance(1);
		expect(device.status()).toMatchObject({ attached: true, imsi: description.imsi, iccid: description.iccid });
		expect(errors).toEqual([]);
	});

	test("a profile with an enabled PIN attaches only when the device knows the PIN", async () => {
		const upp = buildProfilePackage({ ...MILENAGE, pin: "4711", pinEnabled: true });
		const locked = bench(upp);
		await locked.clock.until(locked.device.insertCard(locked.card));
		await locked.clock.advance(1);
		expect(locked.device.isAttached).toBe(false);
		expect(locked.types()).toContain("card-unusable");
		const open = bench(upp, { pin: "4711" });
		await open.clock.until(open.device.insertCard(open.card));
		await open.clock.advance(1);
		expect(open.device.isAttached).toBe(true);
	});

	test("the IPA reads the EID beside the modem's own commands", async () => {
		const { card, clock, device } = bench(buildProfilePackage(MILENAGE));
		await clock.until(device.insertCard(card));
		await clock.advance(1);
		const { send, storeData } = ipaOf(device);
		await clock.advance(30_000);
		expect(await send(hex`80AA000005A903830107`)).toBe("9000");
		expect(await send(hex`0070000001`)).toBe("019000");
		await clock.advance(30_000);
		expect(await send(SELECT_ISD_R)).toMatch(/9000$/);
		await clock.advance(30_000);
		expect(await storeData(hex`BF3E035C015A`)).toBe(`BF3E125A10${card.eid}9000`);
		expect(device.isAttached).toBe(true);
	});

	test("EnableProfile by the IPA: REFRESH, reset, and the network authenticates the keys of the new profile", async () => {
		const [before, after] = [buildProfilePackage(MILENAGE), buildProfilePackage(TUAK)];
		const { card, clock, device, types, errors } = bench(before, { others: [after] });
		await clock.until(device.insertCard(card));
		await clock.advance(1);
		expect(device.status()).toMatchObject({ attached: true, imsi: MILENAGE.imsi });
		const { send, storeData } = ipaOf(device);
		await send(hex`0070000001`);
		await send(SELECT_ISD_R);
		const iccid = Iccid.toBytes(Iccid(TUAK.iccid));
		expect(await storeData(hex`BF3111 A00C5A0A ${iccid} 8101FF`)).toBe("BF310380010090 00".replace(" ", ""));
		await clock.advance(10);
		expect(types().slice(4)).toEqual(["refreshed", "detached", "card-read", "authenticated", "attached"]);
		expect(device.status()).toMatchObject({ attached: true, imsi: TUAK.imsi, iccid: TUAK.iccid, plmn: "26201" });
		expect(await send(SELECT_ISD_R)).toBe("6881");
		expect(await send(hex`0070000001`)).toBe("019000");
		expect(errors).toEqual([]);
	});
});
