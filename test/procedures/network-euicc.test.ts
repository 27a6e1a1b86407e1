import { existsSync, readdirSync, readFileSync } from "node:fs";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
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
import { memorySequenceStore, type SequenceStore } from "@iot-esim/sim/network/sequence-store";
import { fixedSubscribers, subscriberOfUpp } from "@iot-esim/sim/network/subscriber-source";
import { makeTestPki } from "@iot-esim/sim/pki/test-pki";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../support/fake-clock.ts";

const UPP_FOLDER = new URL("../../../shared/data/upp/", import.meta.url);
const upps = existsSync(UPP_FOLDER) ? readdirSync(UPP_FOLDER).filter((name) => name.endsWith(".der")) : [];
if (upps.length === 0)
	console.log(`network-euicc: ${UPP_FOLDER.pathname} is absent, the GSMA TS.48 profiles are not tried`);

const pki = makeTestPki({ curve: "P-256", random: systemRandom, now: Date.UTC(2026, 0, 1) });

/** A network, and a card from the factory with one enabled profile. */
function bench(upp: Uint8Array, sequences: SequenceStore = memorySequenceStore()) {
	const nvm = new Nvm(new MemoryDisk());
	createCard(nvm, personalisationOf([pki]), profileFileSystems(), [
		{ unprotectedProfilePackage: upp, isEnabled: true },
	]);
	const errors: unknown[] = [];
	const card = new Card({ nvm, fileSystems: profileFileSystems(), onError: (error) => errors.push(error) });
	const clock = new FakeClock();
	const events = new EventLog(clock);
	const subscriber = subscriberOfUpp(upp, "test");
	const log = silentLogger("test");
	const hss = new Hss({ sources: [fixedSubscribers([subscriber])], sequences, random: systemRandom, log });
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
	});
	return { card, clock, device, subscriber, errors, types: () => events.since().map((event) => event.type) };
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

	test.skipIf(upps.length === 0)("the IPA reads the EID beside the modem's own commands", async () => {
		const { card, clock, device } = bench(readFileSync(new URL(upps[0] ?? "", UPP_FOLDER)));
		await clock.until(device.insertCard(card));
		await clock.advance(1);
		const ipa = device.openIpaSession();
		const send = async (apdu: Uint8Array) => {
			await clock.advance(30_000);
			return toHex(await ipa.transmit(apdu));
		};
		expect(await send(hex`80AA000005A903830107`)).toBe("9000");
		expect(await send(hex`0070000001`)).toBe("019000");
		expect(await send(hex`01A4040010A0000005591010FFFFFFFF890000010000`)).toMatch(/^(61..|.*9000)$/);
		const announced = await send(hex`81E2910006BF3E035C015A00`);
		const answer = announced.startsWith("61") ? toHex(await ipa.transmit(hex`01C0000000`)) : announced;
		expect(answer).toBe(`BF3E125A10${card.eid}9000`);
		expect(device.isAttached).toBe(true);
	});
});
