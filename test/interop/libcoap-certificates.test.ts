/** libcoap's programs and ours where the device has a certificate: the eIM's listeners and the device's links as settings make them. */

import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Eid } from "@iot-esim/shared/ids/eid";
import { afterAll, describe, expect, it } from "vitest";
import {
	EID,
	faceOf,
	linkOver,
	PORTS,
	PROVEN_PORTS,
	poll,
	type Transport,
	targetOf,
} from "../contract/coap-programs.ts";
import { features, makeCa, type TlsCredential } from "../contract/dtls-bench.ts";
import { pem, pkis } from "../contract/http-bench.ts";
import { EIM_ID, packageIn } from "../support/esipa-bench.ts";
import { NO_PACKAGE } from "../support/esipa-octets.ts";
import { programs, run, runCoapServer } from "./dtls-peers.ts";

const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-libcoap-certificates-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function file(contents: string | Uint8Array): string {
	const whole = path.join(folder, `${files++}`);
	writeFileSync(whole, contents);
	return whole;
}

const LIBRARIES = ["openssl", "gnutls"] as const;
const TRANSPORTS: readonly Transport[] = ["coap", "coaps+tcp"];
const SCHEMES = { coap: "coaps", "coaps+tcp": "coaps+tcp" } as const;
const OTHER = Eid.withCheckDigits("890490320000000000000000000002");
const KEY = "0123456789abcdef";
const deviceCa = makeCa();
const device = deviceCa.issue(EID);
const rogue = makeCa().issue(EID);
const deviceCaFile = file(deviceCa.pem);
const eimCaFile = file(pem(pkis["P-256"].tlsCa));

const own = ({ certificate, key }: TlsCredential) => ["-c", file(certificate), "-j", file(key), "-C", eimCaFile];

/** Posts a message with libcoap's client; what it got, and what it said. */
async function post(library: (typeof LIBRARIES)[number], uri: string, octets: Uint8Array, proof: readonly string[]) {
	const got = file("");
	const parameters = ["-m", "post", "-B", "5", "-f", file(octets), "-o", got, ...proof, uri];
	const said = await run(`coap-client-${library}`, parameters).ended;
	return { got: new Uint8Array(readFileSync(got)), said };
}

const isMissing = programs === undefined || features === undefined;

describe.skipIf(isMissing).each(LIBRARIES)("coap-client-%s with a certificate, to our eIM", (library) => {
	it.each(TRANSPORTS)("over %s is the device that its certificate says, and no other", async (transport) => {
		const settings = [...PROVEN_PORTS[transport], "--coap-client-ca", deviceCaFile];
		const { provenAddress, peers, entries, eim } = await faceOf("P-256", settings);
		const uri = `${SCHEMES[transport]}://${provenAddress(transport)}/gsma/rsp2/asn1`;
		await eim.register(Eid(EID), eim.known);
		await eim.register(OTHER, eim.known);
		for (const eid of [Eid(EID), OTHER]) {
			await eim.order(eid, { type: "setDefaultDpAddress", parameters: { smdpAddress: "smdp.example.com" } });
		}
		const { got } = await post(library, uri, poll(EID), own(device));
		expect(packageIn(got)).toMatchObject({
			euiccPackageRequest: { value: { euiccPackageSigned: { value: { eimId: EIM_ID } } } },
		});
		const other = await post(library, uri, poll(OTHER), own(device));
		expect(other.said).toMatch(/4\.03/);
		expect(other.got).toHaveLength(0);
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID, EID]);
		expect(entries.filter(({ phrase }) => phrase === "request refused")).toMatchObject([
			{ facts: { error: { code: "ESIPA_OTHER_DEVICE" } } },
		]);
	});

	it.each(TRANSPORTS)("over %s is refused with another CA's certificate, and with none", async (transport) => {
		const settings = [...PROVEN_PORTS[transport], "--coap-client-ca", deviceCaFile];
		const { provenAddress, peers, entries } = await faceOf("P-256", settings);
		const uri = `${SCHEMES[transport]}://${provenAddress(transport)}/e`;
		for (const proof of [own(rogue), ["-C", eimCaFile]]) {
			expect((await post(library, uri, poll(EID), proof)).got).toHaveLength(0);
		}
		expect(peers).toEqual([]);
		const failed = () => entries.filter(({ phrase }) => phrase === "handshake failed").length;
		await expect.poll(failed).toBeGreaterThanOrEqual(2);
	});

	it("is served beside one with a key and one with neither", async () => {
		const keys = file(`${EID}:${Buffer.from(KEY).toString("hex")}\n`);
		const settings = ["--coap-client-ca", deviceCaFile, "--coap-psk-file", keys];
		const { address, provenAddress, peers, eim } = await faceOf("P-256", [
			...PORTS.coap,
			...PROVEN_PORTS.coap,
			...settings,
		]);
		await eim.register(Eid(EID));
		for (const [place, proof] of [
			[provenAddress("coap"), own(device)],
			[provenAddress("coap"), ["-k", KEY, "-u", EID]],
			[address("coap"), ["-C", eimCaFile]],
		] as const) {
			expect((await post(library, `coaps://${place}/e`, poll(EID), proof)).got.length).toBeGreaterThan(0);
		}
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID, EID, undefined]);
	});
});

const hasRawKeys = features?.rawPublicKeys === true;
if (!hasRawKeys) console.log("SKIPPED: raw public keys need a Node with OpenSSL 3.2 (Node 24); these tests run there");

/** As libcoap reads a raw key: SEC 1. */
const sec1 = ({ key }: TlsCredential) => file(createPrivateKey(key).export({ format: "pem", type: "sec1" }));

describe.skipIf(isMissing || !hasRawKeys)("raw public keys (RFC 7250), where Node's OpenSSL has them", () => {
	it("of coap-client-gnutls make it the device of coap.rawKeyFile, and no other; a rogue key is refused", async () => {
		const keys = file(`${EID}:${Buffer.from(device.spki).toString("base64")}\n`);
		const settings = ["--coap-raw-key-port", "0", "--coap-raw-key-file", keys];
		const { rawKeyAddress, peers, eim } = await faceOf("P-256", settings);
		await eim.register(Eid(EID));
		const uri = `coaps://${rawKeyAddress}/e`;
		expect((await post("gnutls", uri, poll(EID), ["-M", sec1(device)])).got).toEqual(NO_PACKAGE);
		expect((await post("gnutls", uri, poll(OTHER), ["-M", sec1(device)])).said).toMatch(/4\.03/);
		expect((await post("gnutls", uri, poll(EID), ["-M", sec1(rogue)])).got).toHaveLength(0);
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID, EID]);
	});

	it("are shown to coap-server-gnutls by our device, and the server's is pinned", async () => {
		const server = makeCa().issue("eim");
		const { port } = await runCoapServer("gnutls", ["-M", sec1(server)]);
		const linkTo = (pin: Uint8Array) =>
			linkOver("coap", `127.0.0.1:${port + 1}`, targetOf({ publicKey: pin }), {
				flags: ["--coap-raw-public-keys", "--coap-key", file(device.key)],
			});
		// It has no ESipa: that it says so is after the handshake.
		await expect(linkTo(server.spki).exchange(poll(EID))).rejects.toMatchObject({ context: { status: 404 } });
		await expect(linkTo(rogue.spki).exchange(poll(EID))).rejects.toThrow(/its key is not the pinned one/);
	});
});

describe.skipIf(isMissing).each(LIBRARIES)("our device with a certificate, to coap-server-%s", (library) => {
	const serverCa = makeCa();
	const server = serverCa.issue("eim.example.com");

	/** It asks clients for a certificate under the CA. */
	async function libcoapServer(): Promise<number> {
		const both = file(`${server.certificate}${server.key}`);
		const { port } = await runCoapServer(library, ["-c", both, "-C", deviceCaFile, "-R", deviceCaFile]);
		return port + 1;
	}

	it.each(TRANSPORTS)("over %s is taken, where it is not with another CA's and with none", async (transport) => {
		const port = await libcoapServer();
		const target = targetOf({ publicKey: server.spki });
		const linkWith = (credential: TlsCredential | undefined) => {
			const shown = credential && [
				"--coap-certificate",
				file(credential.certificate),
				"--coap-key",
				file(credential.key),
			];
			return linkOver(transport, `127.0.0.1:${port}`, target, { flags: ["--eim-timeout", "5s", ...(shown ?? [])] });
		};
		// It has no ESipa: that it says so is after the handshake.
		await expect(linkWith(device).exchange(poll(EID))).rejects.toMatchObject({ context: { status: 404 } });
		for (const refused of [rogue, undefined]) {
			await expect(linkWith(refused).exchange(poll(EID))).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		}
	});
});
