import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { issueCertificate } from "@iot-esim/shared/pki/issue";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { CoapRequest } from "@iot-esim/shared/transport/coap/coap-face";
import type { ProvenPeer } from "@iot-esim/shared/transport/datagram";
import { fromHex, hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";
import { describe, expect, it } from "vitest";
import type { EsipaPeer } from "../esipa/esipa-deps.ts";
import { createCoapBinding, type KnownKeys } from "./coap.ts";

const EID = "89049032123451234512345678901235";
defineErrors({ TEST_SILENT: { meaning: "", action: "", httpStatus: 504 } });
const poll = (eid: string) => tlv(0xbf4f, tlv(0x5a, fromHex(eid)));

/** A certificate for these names, by itself. */
function issued(commonName: string, ...dnsNames: readonly string[]): Uint8Array {
	const { publicKey, privateKey } = generateKeyPair("P-256");
	const validity = { notBefore: Date.UTC(2025, 0, 1), notAfter: Date.UTC(2045, 0, 1) };
	const profile = { subject: { commonName }, validity, keyUsage: ["digitalSignature"], dnsNames } as const;
	return issueCertificate({ profile, publicKey, issuer: { privateKey }, random: systemRandom });
}

function bench(answer: (message: Uint8Array) => Uint8Array | null = (message) => message, rawKeys?: KnownKeys) {
	const peers: EsipaPeer[] = [];
	const handler = {
		async handle(message: Uint8Array, peer: EsipaPeer) {
			peers.push(peer);
			return answer(message);
		},
	};
	const binding = createCoapBinding({ handler, shortPath: "e", rawKeys, log: memoryLogger().logger("test") });
	const connection = {};
	const ask = (change: Partial<CoapRequest>, proven?: ProvenPeer, over: object = connection) =>
		binding(
			{ method: "POST", path: ["e"], payload: poll(EID), ...change },
			{
				remoteAddress: "192.0.2.1:40000",
				proven,
				isStream: false,
				connection: over,
				signal: new AbortController().signal,
			},
		);
	return { ask, peers };
}

describe("ESipa over CoAP", () => {
	it("is at the path of the standard and at a short one, by POST, whatever the Content-Format", async () => {
		const { ask, peers } = bench();
		for (const path of [["e"], ["gsma", "rsp2", "asn1"]]) {
			expect(await ask({ path })).toEqual({ code: "2.04", payload: poll(EID) });
			expect(await ask({ path, contentFormat: 50 })).toMatchObject({ code: "2.04" });
		}
		expect(peers).toHaveLength(4);
		for (const path of [[], ["f"], ["e", "e"], ["gsma", "rsp2"], ["gsma/rsp2", "asn1x"]]) {
			expect(await ask({ path })).toMatchObject({ code: "4.04" });
		}
		expect(await ask({ method: "PUT" })).toMatchObject({ code: "4.05" });
		expect(peers).toHaveLength(4);
	});

	it("has no payload where the function has no answer, and errors by the code that says the same as HTTP's", async () => {
		expect(await bench(() => null).ask({})).toEqual({ code: "2.04" });
		const failing = (code: string) =>
			bench(() => {
				throw new EsimError(code, "why");
			}).ask({});
		expect(await failing("UTIL_HEX_INVALID")).toEqual({ code: "4.00", payload: utf8("why") });
		expect(await failing("TEST_SILENT")).toMatchObject({ code: "5.04", maxAge: 30 });
		expect(await failing("NO_SUCH_CODE")).toEqual({ code: "5.00", payload: utf8("try again later"), maxAge: 30 });
	});

	it("knows the session again, and the device by its key, whose identity says the EID in any form of LwM2M", async () => {
		const { ask, peers } = bench();
		await ask({});
		await ask({});
		expect(peers[0]?.connection).toBe(peers[1]?.connection);
		await ask({}, undefined, {});
		expect(peers[2]?.connection).not.toBe(peers[0]?.connection);
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([undefined, undefined, undefined]);
		for (const pskIdentity of [EID, `urn:eid:${EID}`, `urn:dev:ops:0012AB-METER-${EID}`, "gateway-1"]) {
			expect(await ask({ payload: hex`BF3D00` }, { pskIdentity }, {})).toMatchObject({ code: "2.04" });
		}
		expect(peers.slice(3).map(({ provenEid }) => provenEid)).toEqual([EID, EID, EID, undefined]);
	});

	it("knows the device by its certificate: the first EID in common name, DNS names and URIs; a key without one says none", async () => {
		const { ask, peers } = bench();
		const other = Eid.withCheckDigits("890490320000000000000000000002");
		const certificates = [
			issued("gateway-1"),
			issued(EID, other),
			issued("meter", other, EID),
			issued(`urn:eid:${EID}`, "meter.example.com"),
		];
		for (const certificate of certificates) await ask({}, { certificate, publicKey: hex`00` }, {});
		await ask({}, { publicKey: hex`00` }, {});
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([undefined, EID, other, EID, undefined]);
	});

	it("lets nobody speak for any device whose identity or certificate means to say an EID and has a slip in it", async () => {
		const { ask, peers } = bench();
		const slip = `${EID.slice(0, -1)}6`;
		const proofs = [{ pskIdentity: slip }, { pskIdentity: `urn:eid:${slip}` }, { certificate: issued("meter", slip) }];
		for (const proven of proofs) {
			const { code, payload } = await ask({}, proven);
			expect([code, new TextDecoder().decode(payload)]).toEqual(["4.03", expect.stringContaining(`${slip} is no EID`)]);
		}
		expect(await ask({}, { certificate: issued(slip, EID) })).toMatchObject({ code: "2.04" });
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID]);
	});

	it("knows the device by its raw public key; whose key was taken away in an open session speaks for nobody any more", async () => {
		const identities = new Map([
			["01", EID],
			["02", "gateway-1"],
		]);
		const { ask, peers } = bench(undefined, {
			knows: (key) => identities.has(toHex(key)),
			eidOf: (key) => (identities.get(toHex(key)) === EID ? Eid(EID) : undefined),
		});
		const [device, gateway] = [{ publicKey: hex`01` }, { publicKey: hex`02` }];
		for (const proven of [device, gateway]) expect(await ask({}, proven)).toMatchObject({ code: "2.04" });
		identities.clear();
		for (const proven of [device, gateway]) expect(await ask({}, proven)).toMatchObject({ code: "4.03" });
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID, undefined]);
	});
});
