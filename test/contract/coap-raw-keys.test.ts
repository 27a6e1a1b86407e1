/** Raw public keys (RFC 7250) over CoAP, as the settings of the programs make it: where Node's OpenSSL has them. */

import { writeFileSync } from "node:fs";
import { Eid } from "@iot-esim/shared/ids/eid";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createCoapServer } from "@iot-esim/shared/transport/coap/server";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import { describe, expect, it } from "vitest";
import { NO_PACKAGE } from "../support/esipa-octets.ts";
import { temporaryFiles } from "../support/temporary-files.ts";
import { EID, faceOf, linkOver, poll, targetOf } from "./coap-programs.ts";
import { closers, features, makeCa } from "./dtls-bench.ts";
import { pkis, spki } from "./http-bench.ts";

const file = temporaryFiles("coap-raw-keys", "txt");
const OTHER = Eid.withCheckDigits("890490320000000000000000000002");
const device = makeCa().issue("device");
const { eimTls, dsTls } = pkis["P-256"];
const raw = (...more: readonly string[]) => ({ flags: ["--coap-raw-public-keys", ...more] });

describe.skipIf(features === undefined || features.rawPublicKeys)("where Node's OpenSSL has no raw public keys", () => {
	it("device and eIM say so at their start, and what to do", async () => {
		const said = /need OpenSSL 3\.2; this Node has .* Node 24 has them/;
		expect(() => linkOver("coap", "127.0.0.1:1", targetOf({ publicKey: spki(eimTls) }), raw())).toThrow(said);
		await expect(faceOf("P-256", ["--coap-raw-key-port", "0"])).rejects.toThrow(said);
	});
});

describe.skipIf(!features?.rawPublicKeys)("raw public keys", () => {
	/** A server that shows a raw key, and asks for the device's where it is to be known. */
	async function serve(isTrusted?: (key: Uint8Array | undefined) => boolean) {
		const proven: unknown[] = [];
		const server = createCoapServer({
			clock: systemClock,
			random: systemRandom,
			handler: ({ payload }, peer) => {
				proven.push(peer.proven);
				return { code: "2.04", payload };
			},
		});
		closers.push(() => server.close());
		const listener = await listenDtls(
			{
				host: "127.0.0.1",
				port: 0,
				clock: systemClock,
				identity: { certificate: "", key: identityKey() },
				rawPublicKeys: true,
				trust:
					isTrusted === undefined
						? { kind: "none" }
						: { kind: "asked", isTrusted: ({ publicKey }) => isTrusted(publicKey) },
			},
			(one) => server.accept(one),
		);
		closers.push(() => listener.close());
		return { address: printHostPort(listener), proven };
	}

	const identityKey = () => eimTls.privateKey.export({ format: "pem", type: "pkcs8" }) as string;

	it("prove the eIM by the key that the card pins, by itself or in a certificate, and no other", async () => {
		const { address, proven } = await serve();
		for (const pin of [{ publicKey: spki(eimTls) }, { certificate: eimTls.certificate }]) {
			expect(await linkOver("coap", address, targetOf(pin), raw()).exchange(poll(EID))).toEqual(poll(EID));
		}
		expect(proven).toEqual([{}, {}]);
		const wrong = linkOver("coap", address, targetOf({ publicKey: spki(dsTls) }), raw());
		await expect(wrong.exchange(poll(EID))).rejects.toThrow(/its key is not the pinned one/);
		expect(() => linkOver("coap", address, targetOf(undefined), { ...raw(), fallbackCa: ["x"] })).toThrow(
			/a raw public key can only be pinned/,
		);
		expect(() => linkOver("coap", address, targetOf(undefined), raw("--coap-psk-key", "00112233"))).toThrow(
			/coap\.rawPublicKeys and coap\.pskKey/,
		);
	});

	it("prove the device by coap.key alone, in a resumed session too", async () => {
		const { address, proven } = await serve((key) => Buffer.from(key ?? []).equals(device.spki));
		const pinned = targetOf({ publicKey: spki(eimTls) });
		const link = linkOver("coap", address, pinned, raw("--coap-key", file(device.key)));
		await link.exchange(poll(EID));
		link.renew?.();
		await link.exchange(poll(EID));
		expect(proven).toEqual([{ publicKey: device.spki }, { publicKey: device.spki }]);
		for (const other of [raw(), raw("--coap-key", file(makeCa().issue("rogue").key))]) {
			const refused = linkOver("coap", address, pinned, other).exchange(poll(EID));
			await expect(refused).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		}
		expect(proven).toHaveLength(2);
	});

	it("prove the eIM alone where it knows no key of devices, which come as anybody then", async () => {
		const { rawKeyAddress, peers } = await faceOf("P-256", ["--coap-raw-key-port", "0"]);
		const link = linkOver("coap", rawKeyAddress, targetOf({ publicKey: spki(eimTls) }), raw());
		expect(await link.exchange(poll(EID))).toEqual(poll(EID));
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([undefined]);
	});

	it("of coap.rawKeyFile prove the device, resumed too, until the key is taken away; a key that is not in it is refused", async () => {
		const line = `${EID}:${Buffer.from(device.spki).toString("base64")}\n`;
		const keys = file(line);
		const { rawKeyAddress, peers, eim } = await faceOf("P-256", [
			"--coap-raw-key-port",
			"0",
			"--coap-raw-key-file",
			keys,
		]);
		await eim.register(Eid(EID));
		const pinned = targetOf({ publicKey: spki(eimTls) });
		const link = linkOver("coap", rawKeyAddress, pinned, raw("--coap-key", file(device.key), "--eim-timeout", "3s"));
		for (let session = 0; session < 2; session++) {
			expect(await link.exchange(poll(EID))).toEqual(NO_PACKAGE);
			await expect(link.exchange(poll(OTHER))).rejects.toMatchObject({ context: { status: 403 } });
			link.renew?.();
		}
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID, EID, EID, EID]);
		const rogue = linkOver("coap", rawKeyAddress, pinned, raw("--coap-key", file(makeCa().issue("rogue").key)));
		await expect(rogue.exchange(poll(EID))).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		writeFileSync(keys, `# nobody is left\n`);
		await expect(link.exchange(poll(EID))).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		expect(peers).toHaveLength(4);
	});
});
