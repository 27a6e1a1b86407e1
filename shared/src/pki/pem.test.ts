import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { generateKeyPair } from "../crypto/ecdsa.ts";
import { concatBytes, hex, utf8 } from "../util/bytes.ts";
import { certificatesOfFile, certificateToPem, decodePem, privateKeyOf, privateKeyToPem } from "./pem.ts";

const first = hex`30 03 02 01 05`;
const second = concatBytes(hex`30 81 90`, new Uint8Array(0x90));

describe("certificates of a file", () => {
	it("are one in DER, or all that stand in PEM, with text around them", () => {
		expect(certificatesOfFile(first)).toEqual([first]);
		const bundle = `subject=CN = CI\n${certificateToPem(first)}\nnext\n${certificateToPem(second).replaceAll("\n", "\r\n")}`;
		expect(certificatesOfFile(utf8(bundle))).toEqual([first, second]);
	});

	it("are missing in anything else, and that is said", () => {
		for (const text of [
			"",
			"text",
			"-----BEGIN CERTIFICATE-----\nMAMC",
			privateKeyToPem(generateKeyPair("P-256").privateKey),
		]) {
			expect(() => certificatesOfFile(utf8(text))).toThrowError(expect.objectContaining({ code: "PKI_PEM_INVALID" }));
		}
	});

	it("have lines of 64 characters, as openssl writes them", () => {
		const lines = certificateToPem(second).trimEnd().split("\n");
		expect(lines[0]).toBe("-----BEGIN CERTIFICATE-----");
		expect(
			lines.slice(1, -1).every((line, i, all) => (i === all.length - 1 ? line.length <= 64 : line.length === 64)),
		).toBe(true);
		expect(decodePem("CERTIFICATE", lines.join("\n"))).toEqual([second]);
	});
});

describe("a private key", () => {
	it.each(["P-256", "brainpoolP256r1"] as const)("on %s is read in PKCS#8 and SEC 1, in PEM and DER", (curve) => {
		const { privateKey } = generateKeyPair(curve);
		const sec1 = privateKey.export({ format: "pem", type: "sec1" });
		const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
		const pkcs8 = new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" }));
		for (const form of [
			privateKeyToPem(privateKey),
			sec1,
			parameters + sec1,
			pkcs8,
			utf8(privateKeyToPem(privateKey)),
		]) {
			expect(privateKeyOf(form as string | Uint8Array).equals(privateKey)).toBe(true);
		}
	});

	it("that is encrypted, of another kind, or none, is refused in words", () => {
		const { privateKey } = generateKeyPair("P-256");
		const encrypted = privateKey.export({ format: "pem", type: "pkcs8", cipher: "aes-128-cbc", passphrase: "x" });
		const rsa = createPrivateKey(
			generateKeyPairSync("rsa", {
				modulusLength: 1024,
				privateKeyEncoding: { type: "pkcs8", format: "pem" },
				publicKeyEncoding: { type: "spki", format: "pem" },
			}).privateKey,
		);
		const p384 = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
		for (const text of [encrypted as string, privateKeyToPem(rsa), privateKeyToPem(p384), "", hex`30 03 02 01 05`]) {
			expect(() => privateKeyOf(text)).toThrowError(expect.objectContaining({ code: "PKI_PEM_INVALID" }));
		}
	});
});
