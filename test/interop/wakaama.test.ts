/**
 * Eclipse Wakaama (C, public) as the LwM2M client of a device: registration, updates, observation, Read, Write, Execute,
 * Send and blocks are its own; the ESipa object in it is ours (wakaama/esipa-client.c). Nothing of Wakaama is in this
 * repository: WAKAAMA_CLIENT names the folder of the programs.
 */

import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import { EIM_ID, poll, testPki } from "../support/esipa-bench.ts";
import { externalByHand } from "../support/externals.ts";
import { TARGET, wholeChain } from "../support/whole-chain.ts";
import { lwm2mOf } from "./wakaama/lwm2m-bench.ts";
import { WakaamaDevice, wakaamaClient } from "./wakaama/wakaama-device.ts";

const { eid } = testPki();
const KEY = { identity: eid, key: new TextEncoder().encode("0123456789abcdef") };
const OTHER = {
	identity: Eid.withCheckDigits("890490320000000000000000000009"),
	key: Uint8Array.from(KEY.key).reverse(),
};
const TIME = 60_000;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
	for (const close of closing.splice(0).reverse()) await close();
});

/** A chain whose IPA reaches its eIM through Wakaama alone. */
async function chainOver(
	transport: "udp" | "dtls",
	program: string,
	given: Parameters<typeof wholeChain>[0] = {},
	handle?: (message: Uint8Array) => Promise<Uint8Array>,
) {
	const chain = await wholeChain(given);
	closing.push(() => chain.close());
	const keys = transport === "dtls" ? { [KEY.identity]: KEY.key, [OTHER.identity]: OTHER.key } : undefined;
	const lwm2m = await lwm2mOf(chain, keys, handle);
	closing.push(() => lwm2m.close());
	const start = (endpoint: string, key = KEY) => {
		const proof = transport === "dtls" ? { key } : {};
		const device = new WakaamaDevice(program, { endpoint, port: lwm2m.port, ...proof });
		closing.push(() => device.stop());
		return device;
	};
	const device = start(eid);
	device.onPackage = (message) => chain.ipa.transferEimPackage(message, (eim) => eim.eimId === EIM_ID);
	chain.peers.set(EIM_ID, device.face);
	await device.said("state registered");
	return { ...chain, lwm2m, device, start };
}

describe.each(["udp", "dtls"] as const)("Wakaama over %s", (transport) => {
	const program = externalByHand("Eclipse Wakaama", () => wakaamaClient(transport));
	const withWakaama = it.skipIf(program === undefined);
	const chain = (given?: Parameters<typeof wholeChain>[0]) => chainOver(transport, program ?? "", given);

	withWakaama(
		"downloads a profile and enables it, block by block both ways",
		async () => {
			const { eim, orderDownload, round, profiles, device } = await chain();
			const download = await orderDownload();
			// Asked by the eIM as soon as it was ordered, or at its first look at what waits.
			await device.said("wake-up");
			expect(await round()).toBeGreaterThan(0);
			expect(await eim.store.loadOperation(download)).toMatchObject({ state: "succeeded" });
			const enable = await eim.order(eid, { type: "enable", parameters: { iccid: Iccid(TARGET), rollback: true } });
			await round();
			expect(await eim.state(enable)).toBe("succeeded");
			expect(await profiles()).toMatchObject({ [TARGET]: "enabled" });
		},
		TIME,
	);

	withWakaama(
		"brings packages when the device renews its registration, and takes the results",
		async () => {
			const { eim, device, lwm2m, round, profiles } = await chain({ moreProfiles: [TARGET] });
			device.hasNumbers = true;
			await round();
			await eim.store.changeDevice(eid, { inject: { url: "lwm2m:", binding: "asn1" } });
			const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
			expect(await eim.state(list)).toBe("queued");
			device.command("update");
			await expect.poll(() => eim.state(list), { timeout: 20_000 }).toBe("succeeded");
			expect(device.lines.some((line) => /^message 01..BF4E/.test(line))).toBe(true);
			expect(await profiles()).toMatchObject({ [TARGET]: "disabled" });
			// Its REFRESH stands between the package and the result, which comes by itself.
			const enable = await eim.order(eid, { type: "enable", parameters: { iccid: Iccid(TARGET), rollback: false } });
			device.command("update");
			await expect.poll(() => eim.state(enable), { timeout: 20_000 }).toBe("succeeded");
			expect(await profiles()).toMatchObject({ [TARGET]: "enabled" });
			expect(lwm2m.contacts).toEqual([eid, eid, eid]);
			expect(device.lines).not.toContain("wake-up");
		},
		TIME,
	);

	withWakaama(
		"takes messages by Send, and answers them",
		async () => {
			const { device } = await chain();
			const answer = await device.exchange(poll(eid), "send");
			expect([...answer.subarray(0, 2)]).toEqual([0xbf, 0x4f]);
			device.hasNumbers = true;
			expect(await device.exchange(poll(eid), "send")).toEqual(answer);
			expect(await device.exchange(poll(eid))).toEqual(answer);
		},
		TIME,
	);

	withWakaama(
		"carries 128 KB to the device, and 60 KB from it: lengths of its payloads have 16 bits",
		async () => {
			const answer = tlv(0xbf3a, systemRandom.bytes(128 * 1024));
			const message = tlv(0xbf39, systemRandom.bytes(60 * 1024));
			const heard: Uint8Array[] = [];
			const { device } = await chainOver(transport, program ?? "", {}, async (request) => {
				heard.push(request);
				return answer;
			});
			expect(equalBytes(await device.exchange(message), answer)).toBe(true);
			expect(heard.map((request) => equalBytes(request, message))).toEqual([true]);
		},
		TIME,
	);

	withWakaama(
		"is registered under its own name only, and no longer after it has said goodbye",
		async () => {
			const { device, start, lwm2m } = await chain();
			const logged = (phrase: string) =>
				expect.poll(() => lwm2m.entries.some((entry) => entry.phrase === phrase), { timeout: 20_000 }).toBe(true);
			// In the lab a name is believed, but has to stand for an EID; with keys it is that of the key.
			const other = transport === "udp" ? start("nobody") : start(eid, OTHER);
			await logged(transport === "udp" ? "endpoint without an EID" : "registration in the name of another device");
			expect(other.lines).toEqual([]);
			device.command("quit");
			await logged("device no longer registered");
			await expect(lwm2m.face.transfer(undefined, poll(eid), eid)).rejects.toThrow("it is not registered here");
		},
		TIME,
	);
});
