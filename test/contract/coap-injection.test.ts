/** TransferEimPackage over CoAP and DTLS, with the device as the server (SGP.32 §5.14.4, eimInjectCoaps). */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { coapInjectorOf } from "@iot-esim/eim/coap-inject-parts";
import { eimConfig } from "@iot-esim/eim/config";
import { esipaContext } from "@iot-esim/eim/esipa/handler";
import { injectPackages } from "@iot-esim/eim/esipa/inject-packages";
import { pskFileOf } from "@iot-esim/eim/psk-file";
import { type CoapInjectEffects, openCoapInjectListener } from "@iot-esim/ipa/cli/coap-inject-listener";
import { ipaConfig, settingsOf } from "@iot-esim/ipa/config";
import type { EsipaTarget } from "@iot-esim/ipa/esipa/http-link";
import { ipaCapabilities } from "@iot-esim/ipa/procedures/download-mode";
import { ProcedureError } from "@iot-esim/ipa/procedures/errors";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { concatBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deviceChain } from "../support/whole-chain.ts";
import { closers, features, makeCa, type TlsCredential } from "./dtls-bench.ts";
import { eidOf } from "./store-samples.ts";

const MESSAGE = hex`BF4E06 BF5303 800105`;
const RECEIVED = hex`BF4E 02 0500`;
const NAME = "device.example.com";
const ca = makeCa();
const device = ca.issue(NAME);
const audit = { at: 0, actor: "test", action: "test", subject: "test", facts: {} };
let folder: string;
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "coap-inject-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Brought = Parameters<typeof openCoapInjectListener>[1];

/** A device that listens; the address of its listener. */
async function listening(
	ipa: Brought,
	settings: Readonly<Record<string, string>>,
	extra: Partial<CoapInjectEffects> = {},
) {
	const flags = Object.entries({ "inject-coap-listen": "127.0.0.1:0", ...settings });
	const config = readConfig(ipaConfig, { flags: flags.flatMap(([name, value]) => [`--${name}`, value]) });
	const log = memoryLogger().logger("ipa");
	const effects = { clock: systemClock, random: systemRandom, log, fallbackCa: [], ...extra };
	const listener = await openCoapInjectListener(config, ipa, effects);
	if (listener === undefined) throw new Error("not listening");
	closers.push(() => listener.close());
	return { address: `${listener.host}:${listener.port}`, config };
}

function filesOf(credential: TlsCredential) {
	const [certificate, key] = [path.join(folder, "device.pem"), path.join(folder, "device.key")];
	writeFileSync(certificate, credential.certificate);
	writeFileSync(key, credential.key);
	return { "inject-certificate": certificate, "inject-key": key };
}

/** The eIM's way to that device. */
function injectorTo(address: string, shown: TlsCredential, settings: Readonly<Record<string, string>> = {}) {
	const flags = Object.entries({ hosts: `${NAME}=${address}`, "inject-timeout": "5s", ...settings });
	const config = readConfig(eimConfig, { flags: flags.flatMap(([name, value]) => [`--${name}`, value]) });
	const keys = pskFileOf(config, memoryLogger().logger("eim.coap"));
	const identity = { key: shown.key, certificate: shown.certificate };
	const injector = coapInjectorOf(config, { identity, clock: systemClock, random: systemRandom, keys });
	if (injector === undefined) throw new Error("no DTLS");
	closers.push(() => injector.close());
	return injector;
}

describe.skipIf(features === undefined)("packages brought over CoAP and DTLS", () => {
	const eimTls = ca.issue("eim.example.com");
	const eim: EsipaTarget = { eimId: "eim", eimFqdn: "eim.example.com", trustedTlsKey: { publicKey: eimTls.spki } };
	/** An IPA whose card knows that one eIM, and says what it was brought. */
	const knowing = (answer: (message: Uint8Array) => Uint8Array = () => RECEIVED) => {
		const brought: Uint8Array[] = [];
		const transferEimPackage = async (message: Uint8Array, isFrom: (target: EsipaTarget) => boolean) => {
			if (!isFrom(eim)) throw new ProcedureError("IPA_TRANSFER_REFUSED", "a stranger");
			brought.push(message);
			return answer(message);
		};
		return { brought, ipa: { transferEimPackage, events: { on: () => () => undefined } } as unknown as Brought };
	};
	const address = { url: `coaps://${NAME}`, certificate: device.certificate, binding: "asn1" } as const;

	it("come from the eIM whose key the card pins; others are sent away", async () => {
		const { ipa, brought } = knowing();
		const { address: at } = await listening(ipa, filesOf(device));
		const injector = injectorTo(at, eimTls);
		expect(await injector.transfer(address, MESSAGE, eidOf(1))).toEqual(RECEIVED);
		expect(await injector.transfer(address, MESSAGE, eidOf(1))).toEqual(RECEIVED);
		expect(brought).toEqual([MESSAGE, MESSAGE]);
		const stranger = injectorTo(at, ca.issue("eim.example.com"));
		await expect(stranger.transfer(address, MESSAGE, eidOf(1))).rejects.toMatchObject({
			code: "INJECT_REFUSED",
			message: expect.stringContaining("4.03: a stranger"),
		});
		expect(brought).toHaveLength(2);
	});

	it("for another device at the same address do not go to the one that was there before", async () => {
		const { ipa, brought } = knowing();
		const { address: at } = await listening(ipa, filesOf(device));
		const injector = injectorTo(at, eimTls);
		await injector.transfer(address, MESSAGE, eidOf(1));
		const moved = { ...address, certificate: ca.issue(NAME).certificate };
		await expect(injector.transfer(moved, MESSAGE, eidOf(2))).rejects.toMatchObject({ code: "INJECT_UNREACHABLE" });
		expect(brought).toHaveLength(1);
		await injector.transfer(address, MESSAGE, eidOf(1));
		expect(brought).toHaveLength(2);
	});

	it("of 120 KB come whole, and so do their answers", async () => {
		const large = concatBytes(hex`BF4E8301D4C0`, systemRandom.bytes(120_000));
		const { ipa, brought } = knowing((message) => message);
		const { address: at } = await listening(ipa, filesOf(device));
		const answer = await injectorTo(at, eimTls).transfer(address, large, eidOf(1));
		expect([toHex(answer) === toHex(large), brought.length]).toEqual([true, 1]);
	});

	it("do not go to a device that shows another certificate, or that is not there", async () => {
		const { ipa, brought } = knowing();
		const { address: at } = await listening(ipa, filesOf(ca.issue(NAME)));
		await expect(injectorTo(at, eimTls).transfer(address, MESSAGE, eidOf(1))).rejects.toMatchObject({
			code: "INJECT_UNREACHABLE",
		});
		const nobody = injectorTo("127.0.0.1:9", eimTls, { "inject-timeout": "1s" });
		await expect(nobody.transfer(address, MESSAGE, eidOf(1))).rejects.toMatchObject({
			code: "INJECT_UNREACHABLE",
			message: expect.stringContaining(address.url),
		});
		expect(brought).toEqual([]);
	});

	it("reach the eUICC by the key that the device shares with its eIM, acknowledgements included", async () => {
		const noServers = { request: () => Promise.reject(new Error("no SM-DP+ in this test")) };
		const chain = await deviceChain({ http: noServers });
		closers.push(() => chain.close());
		const { eim: eimSide, eid, ipa } = chain;
		const key = toHex(systemRandom.bytes(16));
		const { address: at, config } = await listening(ipa, { "coap-psk-key": key });
		const { ipaSupportedProtocols } = ipaCapabilities({
			settings: settingsOf(config, "agent").procedures,
			rsp: undefined,
		});
		expect(ipaSupportedProtocols).toBe("1001");
		const pskFile = path.join(folder, "keys.psk");
		writeFileSync(pskFile, `${eid}:${key}\n`);
		const injector = injectorTo(at, eimTls, { "coap-psk-file": pskFile });
		const changed = await eimSide.store.changeDevice(
			eid,
			{ inject: { url: `coaps://${NAME}`, binding: "asn1" } },
			audit,
		);
		if (changed === undefined || changed instanceof Error) throw new Error("no device");
		// The device has not looked at its card yet: nobody has the key of a device that it does not know.
		await ipa.pollOnce();
		const order = await eimSide.order(eid, { type: "listProfiles", parameters: {} });
		await injectPackages(esipaContext(eimSide.deps), injector, changed);
		expect(await eimSide.state(order)).toBe("succeeded");
		writeFileSync(pskFile, `${eid}:${toHex(systemRandom.bytes(16))}\n`);
		const wrong = injectorTo(at, eimTls, { "coap-psk-file": pskFile, "inject-timeout": "1s" });
		const brought = wrong.transfer({ url: `coaps://${NAME}`, binding: "asn1" }, MESSAGE, eid);
		await expect(brought).rejects.toMatchObject({ code: "INJECT_UNREACHABLE" });
	});
});
