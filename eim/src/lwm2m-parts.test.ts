import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Eid } from "@iot-esim/shared/ids/eid";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { CoapHandler } from "@iot-esim/shared/transport/coap/coap-face";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import type { DtlsClientOptions } from "@iot-esim/shared/transport/native/dtls/options";
import { parseHostPort } from "@iot-esim/shared/transport/tcp";
import { fromHex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeCa } from "../../test/contract/dtls-bench.ts";
import { buildEim } from "./app.ts";
import { eimConfig } from "./config.ts";
import { newDevice } from "./domain/device.ts";
import { ENDPOINT_TAG } from "./lwm2m-parts.ts";

const EID = Eid.withCheckDigits("890490320000000000000000000077");
const KEY = utf8("0123456789abcdef");
const PARTS = { clock: systemClock, random: systemRandom };

let folder: string;
const closing: (() => Promise<void> | void)[] = [];
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "eim-lwm2m-"));
});
afterEach(async () => {
	for (const close of closing.splice(0).reverse()) await close();
	rmSync(folder, { recursive: true, force: true });
});

async function eimWith(settings: Readonly<Record<string, string>>) {
	const { logger, entries } = memoryLogger();
	const given = { "data-folder": folder, "lwm2m-host": "127.0.0.1", "lwm2m-port": "0", ...settings };
	const config = readConfig(eimConfig, {
		flags: Object.entries(given).flatMap(([name, value]) => [`--${name}`, value]),
	});
	const eim = await buildEim(config, { ...PARTS, logger, version: "0.0.0" });
	closing.push(() => eim.close());
	return { eim, entries };
}

type Proof = Pick<DtlsClientOptions, "trust" | "key" | "identity">;

/** A device that proves to be "meter-7", and what the eIM asks of it. */
async function meter(address: string, proof: Proof) {
	const asked: string[] = [];
	let tell: ((message: Uint8Array) => void) | undefined;
	const handler: CoapHandler = ({ method, path, payload }) => {
		asked.push(`${method} /${path.join("/")} ${toHex(payload).slice(0, 8)}`.trim());
		const observe = (notify: (response: { code: string; contentFormat: number; payload: Uint8Array }) => void) => {
			tell = (message) => notify({ code: "2.05", contentFormat: 42, payload: message });
			return () => undefined;
		};
		return method === "GET" ? { code: "2.05", contentFormat: 42, observe } : { code: "2.04" };
	};
	const { host, port } = parseHostPort(address.replace("coaps://", ""), "address");
	const session = await connectDtls({ clock: systemClock, host, port, ...proof });
	closing.push(() => session.close());
	const endpoint = new CoapEndpoint(new DatagramChannel(session, PARTS), { ...PARTS, handler });
	return { endpoint, asked, tell: (message: Uint8Array) => tell?.(message) };
}

it("serves a device with a key that registers under the name that its operator has noted", async () => {
	const keys = path.join(folder, "keys.txt");
	writeFileSync(keys, `meter-7:${toHex(KEY)}\n`);
	const { eim } = await eimWith({ "coap-psk-file": keys });
	const device = { ...newDevice({ eid: EID, at: 1, tags: { [ENDPOINT_TAG]: "meter-7" } }), lastPollAt: 1 };
	await eim.store.registerDevice(device, { at: 1, actor: "test", action: "test", subject: EID, facts: {} });
	const { lwm2m = "" } = (await eim.lwm2m?.listen()) ?? {};
	const { endpoint, asked, tell } = await meter(lwm2m, {
		trust: { kind: "none" },
		key: { identity: "meter-7", key: KEY },
	});
	const links = { contentFormat: 40, payload: utf8("</1/0>,</32032/0>") };
	const registered = await endpoint.request({ method: "POST", path: ["rd"], query: ["ep=meter-7"], ...links });
	expect(registered.code).toBe("2.01");
	// It counts as having come.
	await expect.poll(async () => (await eim.store.loadDevice(EID))?.lastPollAt).toBeGreaterThan(1);
	expect(asked).toEqual(["GET /32032/0/1"]);

	const headers = { authorization: `Bearer ${eim.firstApiKey}` };
	const body = { type: "listProfiles" };
	const ordered = await eim.api.inject({ method: "POST", url: `/api/v1/devices/${EID}/operations`, headers, body });
	expect(ordered.statusCode).toBe(202);
	await expect.poll(() => asked).toContain("POST /32032/0/2");
	tell(fromHex(`BF4F125A10${EID}`));
	await expect.poll(() => asked.at(-1)).toMatch(/^PUT \/32032\/0\/0 BF4F/);
	const { items } = await eim.store.listOperations({ eid: EID, states: ["sent"], limit: 5 });
	expect(items).toHaveLength(1);
});

it("serves a device with a certificate under its CA alone, by the name that it is issued for", async () => {
	const ca = makeCa();
	const file = path.join(folder, "ca.pem");
	writeFileSync(file, ca.pem);
	const { eim, entries } = await eimWith({ "lwm2m-client-ca": file });
	const { lwm2m = "" } = (await eim.lwm2m?.listen()) ?? {};
	const der = new Uint8Array(new X509Certificate(eim.tlsIdentity.certificate).raw);
	const trust = { kind: "pinned-certificate", der } as const;
	const { endpoint } = await meter(lwm2m, { trust, identity: ca.issue(EID) });
	const register = (query: readonly string[]) => endpoint.request({ method: "POST", path: ["rd"], query });
	expect((await register([])).code).toBe("2.01");
	expect((await register([`ep=${Eid.withCheckDigits("890490320000000000000000000078")}`])).code).toBe("4.03");
	await meter(lwm2m, { trust, identity: makeCa().issue(EID) }).catch(() => undefined);
	await expect.poll(() => entries.some(({ phrase }) => phrase === "handshake failed")).toBe(true);
});

it("tells of handshakes that fail, over LwM2M as over CoAP, who claimed what from where, and counts them by reason", async () => {
	const keys = path.join(folder, "keys.txt");
	writeFileSync(keys, `meter-7:${toHex(KEY)}\n`);
	const { eim, entries } = await eimWith({ "coap-psk-file": keys, "coap-host": "127.0.0.1", "coap-port": "0" });
	const { lwm2m = "" } = (await eim.lwm2m?.listen()) ?? {};
	const { coap = "" } = (await eim.coap?.listen()) ?? {};
	for (const address of [lwm2m, coap]) {
		const key = { identity: "meter-8", key: KEY };
		await expect(meter(address, { trust: { kind: "none" }, key })).rejects.toMatchObject({ code: "DTLS_REFUSED" });
	}
	const failed = () => entries.filter(({ phrase }) => phrase === "handshake failed");
	await expect.poll(failed).toHaveLength(2);
	for (const { facts } of failed()) {
		expect(facts).toMatchObject({ remoteAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/), pskIdentity: "meter-8" });
	}
	const headers = { authorization: `Bearer ${eim.firstApiKey}` };
	const { body } = await eim.api.inject({ url: "/metrics", headers });
	expect(body).toContain('eim_handshakes_failed_total{link="lwm2m",reason="DTLS_PEER_UNTRUSTED"} 1');
	expect(body).toContain('eim_handshakes_failed_total{link="coap",reason="DTLS_PEER_UNTRUSTED"} 1');
	expect(JSON.stringify(entries)).not.toContain(toHex(KEY));
});

it("says what is doubtful in the list of keys once, however many listeners have it", async () => {
	const keys = path.join(folder, "keys.txt");
	writeFileSync(keys, `gw-1-${EID}:01020304\nurn:eid:${EID}:AABBCCDD\n`);
	const { entries } = await eimWith({ "coap-psk-file": keys, "coap-port": "0", "coap-proven-port": "0" });
	expect(entries.filter(({ phrase }) => phrase.startsWith("several identities"))).toHaveLength(1);
});

it("says that nobody could prove himself without keys and without a CA, and names its lab mode", async () => {
	await expect(eimWith({})).rejects.toMatchObject({ code: "EIM_FILES_UNPAIRED" });
	const { eim, entries } = await eimWith({ "lwm2m-lab-mode": "bench-3", "data-folder": path.join(folder, "lab") });
	expect(await eim.lwm2m?.listen()).toEqual({ lwm2m: expect.stringMatching(/^coap:\/\/127\.0\.0\.1:\d+$/) });
	const warned = entries.find(({ phrase }) => phrase.startsWith("lab mode"));
	expect(warned).toMatchObject({ level: "warn", facts: { labMode: "bench-3" } });
});
