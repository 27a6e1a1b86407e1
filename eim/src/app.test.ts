import { X509Certificate } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { AddInitialEimRequest } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { GetEimPackageRequest, GetEimPackageResponse } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { issueCi } from "@iot-esim/shared/pki/issue-roles";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { createHttpsListener } from "@iot-esim/shared/transport/http/server";
import { Days, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { buildEim, type Eim } from "./app.ts";
import { eimConfig } from "./config.ts";
import { ownTlsIdentity } from "./own-keys.ts";

const eid = Eid.withCheckDigits("890490320000000000000000000001");
let folder: string;
let open: Eim[];
let clock: FakeClock;
const { logger, entries } = memoryLogger();

beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "eim-app-"));
	open = [];
	clock = new FakeClock();
});
afterEach(async () => {
	for (const eim of open) await eim.close();
	rmSync(folder, { recursive: true, force: true });
});

async function eimWith(settings: Record<string, string> = {}): Promise<Eim> {
	const flags = Object.entries({ "data-folder": folder, "eim-fqdn": "eim.example.com", ...settings });
	const config = readConfig(eimConfig, { flags: flags.flatMap(([name, value]) => [`--${name}`, value]) });
	const eim = await buildEim(config, { clock, random: systemRandom, logger, version: "0.0.0" });
	open.push(eim);
	return eim;
}

const keyOf = (eim: Eim) => ({ authorization: `Bearer ${eim.firstApiKey}` });

async function configurationOf(eim: Eim, headers: Record<string, string>) {
	const { rawPayload } = await eim.api.inject({ url: "/api/v1/eim-configuration?format=der", headers });
	const [data] = decode(AddInitialEimRequest, new Uint8Array(rawPayload)).eimConfigurationDataList;
	if (!data) throw new Error("no configuration");
	return data;
}

describe("the first start", () => {
	it("makes keys, certificate and one API key; the second finds them and shows no key", async () => {
		const first = await eimWith();
		expect(first.firstApiKey).toMatch(/^eim_[\w-]{43}$/);
		const before = await configurationOf(first, keyOf(first));
		await first.close();
		const second = await eimWith();
		expect(second.firstApiKey).toBeUndefined();
		expect(second.tlsIdentity).toEqual(first.tlsIdentity);
		expect(await configurationOf(second, keyOf(first))).toEqual(before);
	});

	it("takes the API key that the operator has chosen and does not print it", async () => {
		const chosen = "a-key-of-my-own-that-nobody-guesses";
		const eim = await eimWith({ "api-first-key": chosen });
		expect(eim.firstApiKey).toBeUndefined();
		const answer = await eim.api.inject({ url: "/api/v1/devices", headers: { authorization: `Bearer ${chosen}` } });
		expect(answer.statusCode).toBe(200);
	});

	it("makes keys on brainpoolP256r1 where that is configured", async () => {
		const eim = await eimWith({ "keys-curve": "brainpoolP256r1" });
		const key = new X509Certificate(eim.tlsIdentity.certificate).publicKey;
		expect(key.asymmetricKeyDetails?.namedCurve).toBe("brainpoolP256r1");
		const { body } = await eim.api.inject({ url: "/api/v1/eim-configuration", headers: keyOf(eim) });
		expect(JSON.parse(body)).toMatchObject({ curve: "brainpoolP256r1", eimId: "eim.example.com" });
	});

	it("refuses half of a pair of key and certificate", async () => {
		await expect(eimWith({ "tls-key": "x.pem" })).rejects.toMatchObject({ code: "EIM_FILES_UNPAIRED" });
	});
});

describe("the TLS certificate", () => {
	it("is renewed under the same CA before it ends, so that cards need not be told anything", async () => {
		const first = await eimWith();
		const { notAfter, ca } = certificatesOf(first);
		await first.close();
		await clock.advance(Days(365 * 2 - 30));
		const second = await eimWith();
		const renewed = certificatesOf(second);
		expect(renewed.notAfter).toBeGreaterThan(notAfter);
		expect(renewed.ca).toEqual(ca);
		expect(renewed.server.verify(renewed.authority.publicKey)).toBe(true);
	});

	it("is issued again when the name of the eIM changes", async () => {
		await (await eimWith()).close();
		const eim = await eimWith({ "eim-fqdn": "other.example.com:9443" });
		expect(certificatesOf(eim).server.checkHost("other.example.com")).toBe("other.example.com");
	});

	function certificatesOf(eim: Eim) {
		const [server, authority] = eim.tlsIdentity.certificate
			.split(/(?<=-----END CERTIFICATE-----\n)/)
			.map((pem) => new X509Certificate(pem));
		if (!server || !authority) throw new Error("not a chain of two");
		return { server, authority, ca: authority.raw, notAfter: Date.parse(server.validTo) };
	}
});

describe("what a card is told", () => {
	it("is name with port, counter, token of the card's choice, key and the CA of TLS", async () => {
		const eim = await eimWith();
		eim.setEsipaPort(9443);
		const data = await configurationOf(eim, keyOf(eim));
		expect(data).toMatchObject({
			eimId: "eim.example.com",
			eimFqdn: "eim.example.com:9443",
			counterValue: 1,
			associationToken: -1,
		});
		expect(data.eimPublicKeyData).toHaveProperty("eimPublicKey");
		expect(data.trustedPublicKeyDataTls).toHaveProperty("trustedCertificateTls");
		eim.setEsipaPort(443);
		expect((await configurationOf(eim, keyOf(eim))).eimFqdn).toBe("eim.example.com");
	});

	it("can be the bare key of TLS, and no token", async () => {
		const eim = await eimWith({ "tls-pin": "publicKey", "esipa-association-token": "none" });
		const data = await configurationOf(eim, keyOf(eim));
		expect(data.trustedPublicKeyDataTls).toHaveProperty("trustedEimPkTls");
		expect(data).not.toHaveProperty("associationToken");
	});
});

describe("a device that polls over HTTPS", () => {
	it("is turned away when nobody knows it, and served once it is registered", async () => {
		// The client of TLS goes by this machine's date.
		clock = new FakeClock(Date.now());
		const eim = await eimWith();
		const listener = createHttpsListener(eim.esipaHttp, { identity: eim.tlsIdentity });
		const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
		const { trustedPublicKeyDataTls } = await configurationOf(eim, keyOf(eim));
		if (!trustedPublicKeyDataTls || !("trustedCertificateTls" in trustedPublicKeyDataTls)) throw new Error("no CA");
		const client = createHttpClient({
			tls: { kind: "pinned-certificate", der: trustedPublicKeyDataTls.trustedCertificateTls },
			hosts: { "eim.example.com": `127.0.0.1:${port}` },
			timeout: Seconds(10),
		});
		const poll = async () => {
			const { status, body } = await client.request({
				method: "POST",
				url: "https://eim.example.com/gsma/rsp2/asn1",
				headers: { "content-type": "application/x-gsma-rsp-asn1", "user-agent": "gsma-rsp-ipad" },
				body: encode(GetEimPackageRequest, { eidValue: Eid.toBytes(eid) }),
			});
			return { status, answer: decode(GetEimPackageResponse, body) };
		};
		expect(await poll()).toEqual({ status: 200, answer: { eimPackageError: 2 } });
		const seen = await eim.api.inject({ url: "/api/v1/seen-unknown", headers: keyOf(eim) });
		expect(seen.json().items).toMatchObject([{ eid, times: 1 }]);
		await eim.api.inject({ method: "POST", url: "/api/v1/devices", headers: keyOf(eim), payload: { eid } });
		await eim.api.inject({
			method: "POST",
			url: `/api/v1/devices/${eid}/operations`,
			headers: keyOf(eim),
			payload: { type: "listProfiles" },
		});
		const first = await poll();
		expect(first.answer).toHaveProperty("euiccPackageRequest");
		expect(await poll()).toEqual(first);
		const metrics = await eim.api.inject({ url: "/metrics" });
		expect(metrics.body).toMatch(/eim_esipa_message_seconds_count\{function="GetEimPackage",outcome="answered"\} 3/);
		expect(metrics.body).toContain('eim_esipa_unregistered_total{function="GetEimPackage"} 1\n');
		client.close();
		await listener.close();
	});
});

describe("waking a device", () => {
	it("has the time that an SMSC has for it, however soon an SM-DP+ has to answer", async () => {
		// The link is not started, as if no SMSC were there: the message waits 10 s for it.
		const eim = await eimWith({ "smpp-url": "smpp://127.0.0.1:2775", "es9plus-timeout": "1s" });
		const call = (method: "POST" | "PATCH" | "GET", url: string, payload?: object) =>
			eim.api.inject({ method, url: `/api/v1/devices${url}`, headers: keyOf(eim), ...(payload && { payload }) });
		await call("POST", "", { eid });
		await call("PATCH", `/${eid}`, { wakeUp: { via: "sms", msisdn: "+491701234567" } });
		await call("POST", `/${eid}/operations`, { type: "listProfiles" });
		entries.length = 0;
		const done = eim.jobs.runDue();
		const stateOf = async () => (await call("GET", `/${eid}/wake-ups`)).json().items[0]?.state;
		await expect.poll(stateOf).toBe("sending");
		await clock.advance(Seconds(10));
		await done;
		expect(entries.filter(({ level }) => level === "warn").map(({ phrase }) => phrase)).toEqual(["device not woken"]);
		expect(await stateOf()).toBe("failed");
	});
});

describe("trust", () => {
	it("is what lies in its folder, and a word of warning when that is nothing", async () => {
		entries.length = 0;
		await eimWith();
		expect(entries.some(({ phrase }) => phrase.startsWith("no CI certificate"))).toBe(true);
		const keyPair = generateKeyPair("P-256");
		const validity = { notBefore: clock.now() - 1000, notAfter: clock.now() + Days(100) };
		const ci = issueCi({ keyPair, subject: { commonName: "Test CI" }, random: systemRandom, validity });
		mkdirSync(path.join(folder, "trust"));
		writeFileSync(path.join(folder, "trust", "ci.pem"), certificateToPem(ci));
		entries.length = 0;
		await open.pop()?.close();
		await eimWith();
		expect(entries.some(({ phrase }) => phrase.startsWith("no CI certificate"))).toBe(false);
	});

	it("refuses a folder with what is no CA certificate", async () => {
		await eimWith();
		mkdirSync(path.join(folder, "trust"));
		cpSync(path.join(folder, "tls-certificate.pem"), path.join(folder, "trust", "server.pem"));
		await expect(eimWith()).rejects.toMatchObject({ code: "PKI_BASIC_CONSTRAINTS" });
		expect(readFileSync(path.join(folder, "signing-key.pem"), "utf8")).toContain("PRIVATE KEY");
	});
});

describe("a roll-over of keys", () => {
	it("tells cards the new key and server, and goes on with the old ones for devices that know them", async () => {
		const first = await eimWith();
		const headers = keyOf(first);
		const register = { method: "POST", url: "/api/v1/devices", headers, payload: { eid } } as const;
		const { signingKeyId, tlsTrustId } = (await first.api.inject(register)).json();
		const told = await configurationOf(first, headers);
		await first.close();

		const newKey = path.join(folder, "new-signing-key.pem");
		writeFileSync(newKey, privateKeyToPem(generateKeyPair("P-256").privateKey));
		const newServer = path.join(folder, "next");
		mkdirSync(newServer);
		const random = systemRandom;
		ownTlsIdentity({ folder: newServer, curve: "P-256", random, now: clock.now(), host: "eim.example.com" });
		const chain = path.join(newServer, "chain.pem");
		const part = (name: string) => readFileSync(path.join(newServer, name), "utf8");
		writeFileSync(chain, part("tls-certificate.pem") + part("tls-ca.pem"));
		const oldChain = path.join(folder, "old-chain.pem");
		writeFileSync(oldChain, first.tlsIdentity.certificate);
		const second = await eimWith({
			"keys-signing-key": newKey,
			"keys-former-signing-keys": path.join(folder, "signing-key.pem"),
			"tls-key": path.join(newServer, "tls-key.pem"),
			"tls-certificate": chain,
			"tls-former-key": path.join(folder, "tls-key.pem"),
			"tls-former-certificate": oldChain,
			"esipa-former-port": "8443",
			"esipa-port": "8444",
		});
		const now = await configurationOf(second, headers);
		expect(now.eimPublicKeyData).not.toEqual(told.eimPublicKeyData);
		expect(now.trustedPublicKeyDataTls).not.toEqual(told.trustedPublicKeyDataTls);
		expect(second.formerTlsIdentity?.certificate).toBe(first.tlsIdentity.certificate);
		const keys = (await second.api.inject({ url: "/api/v1/eim-keys", headers })).json();
		expect(keys).toMatchObject({
			formerSigningKeyIds: [signingKeyId],
			outdated: 1,
			counts: [{ signingKeyId, tlsTrustId, devices: 1, isCurrent: false, isConfigured: true }],
		});
		expect(keys.current.signingKeyId).not.toBe(signingKeyId);
		expect(keys.current.tlsTrustId).not.toBe(tlsTrustId);
	});

	it("is refused with half a former server", async () => {
		await expect(eimWith({ "esipa-former-port": "8443" })).rejects.toMatchObject({ code: "EIM_FILES_UNPAIRED" });
	});
});
