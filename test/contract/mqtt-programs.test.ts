/** The eIM and the IPA's link as their settings make them, over Mosquitto with TLS, by passwords and by client certificates. */

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { buildEim } from "@iot-esim/eim/app";
import { eimConfig } from "@iot-esim/eim/config";
import { linkMaker } from "@iot-esim/ipa/cli/eim-transports";
import { ipaConfig } from "@iot-esim/ipa/config";
import { decode } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import { GetEimPackageResponse } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mosquitto, startMosquitto } from "../interop/mosquitto-broker.ts";
import { brokerPki } from "../interop/mosquitto-certificates.ts";
import { EID, NOTHING, OTHER_EID, pollOf } from "./mqtt-bench.ts";

const [NAME, BROKER] = ["eim.example.com", "broker.example.com"];
let folder: string;
const closers: (() => unknown)[] = [];

beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "mqtt-programs-"));
});
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
	rmSync(folder, { recursive: true, force: true });
});

const logger = memoryLogger().logger;
const effects = { clock: systemClock, random: systemRandom, logger };
const flagsOf = (settings: Readonly<Record<string, string>>) =>
	Object.entries(settings).map(([name, value]) => `--${name}=${value}`);

const NO_EVENTS = {
	pollSoon: () => undefined,
	transfer: async () => {
		throw new Error("nothing is brought here");
	},
};

/** An eIM with a broker that shows the eIM's own TLS certificate, as one on the same machine does. */
async function eimAtItsBroker() {
	const first = await buildEim(configOf({}), { ...effects, version: "0" });
	await first.close();
	const own = (name: string) => readFileSync(path.join(folder, name), "utf8");
	// Devices show no certificate here: the user is known by the password.
	const server = { ca: own("tls-ca.pem"), certificate: own("tls-certificate.pem"), key: own("tls-key.pem") };
	const broker = await startMosquitto({ server, users: { eim: "e", [EID]: "d" } });
	closers.push(() => broker.stop());
	const hosts = `${NAME}:8883=127.0.0.1:${broker.port}`;
	const login = { "mqtt-url": `mqtts://${NAME}`, "mqtt-username": "eim", "mqtt-password": "e", hosts };
	const eim = await buildEim(configOf(login), { ...effects, version: "0" });
	closers.push(() => eim.close());
	eim.mqtt?.start();
	eim.jobs.start();
	await eim.mqtt?.connected();
	return { eim, hosts, broker, apiKey: String(first.firstApiKey) };
}

function configOf(settings: Readonly<Record<string, string>>) {
	return readConfig(eimConfig, { flags: flagsOf({ "data-folder": folder, "eim-fqdn": NAME, ...settings }) });
}

/** What mosquitto_sub, in the device's name, has of the hint when it subscribes now: "<retained> <hex>", or nothing. */
async function hintFor(broker: { readonly port: number; readonly folder: string }, seconds = 1): Promise<string> {
	const at = [
		"-h",
		"127.0.0.1",
		"-p",
		String(broker.port),
		"--cafile",
		path.join(broker.folder, "ca.pem"),
		"--insecure",
	];
	const what = [
		"-u",
		EID,
		"-P",
		"d",
		"-t",
		new EsipaTopics().hint(EID),
		"-q",
		"1",
		"-C",
		"1",
		"-W",
		String(seconds),
		"-F",
		"%r %x",
	];
	// It ends with 27 where nothing came in that time.
	const { stdout } = await promisify(execFile)(mosquitto?.mosquitto_sub ?? "", [...at, ...what]).catch((error) => {
		if (error.code !== 27) throw error;
		return error as { stdout: string };
	});
	return stdout;
}

/** What a card of this eIM says of it. */
function target() {
	const ca = readFileSync(path.join(folder, "tls-ca.pem"), "utf8");
	const certificate = new Uint8Array(Buffer.from(ca.replace(/-----[^-]+-----|\s/g, ""), "base64"));
	return { eimId: NAME, eimFqdn: `${NAME}:8443`, trustedTlsKey: { certificate } };
}

describe.skipIf(!mosquitto)("an eIM and an IPA set to MQTT", () => {
	it("find each other at the broker under the eIM's own name, known by what the card says", async () => {
		const { eim, hosts, broker, apiKey } = await eimAtItsBroker();
		const headers = { authorization: `Bearer ${apiKey}` };
		const ask = (method: "POST" | "PATCH", url: string, payload: object) =>
			eim.api.inject({ method, url: `/api/v1/devices${url}`, headers, payload });
		expect((await ask("POST", "", { eid: EID })).statusCode).toBe(201);
		const flags = flagsOf({ "eim-transport": "mqtt", "mqtt-password": "d", hosts, "mqtt-takes-packages": "true" });
		let hints = 0;
		const brought: Uint8Array[] = [];
		const link = linkMaker(readConfig(ipaConfig, { flags }), { ...effects, fallbackCa: [] })(
			target(),
			Eid.toBytes(EID),
			{
				pollSoon: () => hints++,
				transfer: async (message) => {
					brought.push(message);
					// eimPackageReceived: the result comes later.
					return Uint8Array.of(0xbf, 0x4e, 0x02, 0x05, 0x00);
				},
			},
		);
		closers.push(() => link.close());
		expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
		expect(await hintFor(broker)).toBe("");
		expect((await ask("POST", `/${EID}/operations`, { type: "listProfiles" })).statusCode).toBe(202);
		await expect.poll(() => hints).toBe(1);
		// The hint stays at the broker for whoever comes later.
		expect(await hintFor(broker, 15)).toBe("1 01\n");
		const polled = await link.exchange(pollOf(EID));
		expect(Object.keys(decode(GetEimPackageResponse, polled))).toEqual(["euiccPackageRequest"]);
		expect((await ask("PATCH", `/${EID}`, { inject: { url: "mqtt:" } })).statusCode).toBe(200);
		await expect.poll(() => brought.length).toBe(1);
		// The same package, in the other message.
		expect(brought[0]?.subarray(-64)).toEqual(polled.subarray(-64));
	});

	it("show the broker their certificates, where it is that of examples/mosquitto/mosquitto.conf", async () => {
		const pki = brokerPki(BROKER);
		const broker = await startMosquitto({ tls: pki.server });
		closers.push(() => broker.stop());
		const write = (name: string, text: string) => {
			writeFileSync(path.join(folder, name), text);
			return path.join(folder, name);
		};
		const mqtt = (commonName: string) => {
			const { certificate, key } = pki.client(commonName);
			return {
				"mqtt-url": `mqtts://${BROKER}`,
				"mqtt-ca-file": write("broker-ca.pem", pki.caPem),
				"mqtt-certificate": write(`${commonName}.pem`, certificate),
				"mqtt-key": write(`${commonName}.key`, key),
				hosts: `${BROKER}:8883=127.0.0.1:${broker.port}`,
			};
		};
		const eim = await buildEim(configOf(mqtt("eim")), { ...effects, version: "0" });
		closers.push(() => eim.close());
		eim.mqtt?.start();
		await eim.mqtt?.connected();
		const linkWith = (settings: Readonly<Record<string, string>>) => {
			const flags = flagsOf({ "eim-transport": "mqtt", "eim-timeout": "2s", ...settings });
			const make = linkMaker(readConfig(ipaConfig, { flags }), { ...effects, fallbackCa: [] });
			const link = make(target(), Eid.toBytes(EID), NO_EVENTS);
			closers.push(() => link.close());
			return link;
		};
		const headers = { authorization: `Bearer ${eim.firstApiKey}` };
		const added = await eim.api.inject({ method: "POST", url: "/api/v1/devices", headers, payload: { eid: EID } });
		expect(added.statusCode).toBe(201);
		expect(await linkWith({ ...mqtt(EID), "eim-timeout": "15s" }).exchange(pollOf(EID))).toEqual(NOTHING);
		// One whose certificate names another device asks in vain, and one without any is not let in.
		await expect(linkWith(mqtt(OTHER_EID)).exchange(pollOf(EID))).rejects.toThrow();
		const { "mqtt-certificate": _certificate, "mqtt-key": _key, ...bare } = mqtt(EID);
		await expect(linkWith(bare).exchange(pollOf(EID))).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
	});
});
