import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKeyPair, verifyRaw } from "@iot-esim/shared/crypto/ecdsa";
import { issueTlsCa } from "@iot-esim/shared/pki/issue-roles";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { systemRandom as random } from "@iot-esim/shared/runtime/random";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadFileKey } from "./file-key.ts";

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "eim-keys-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, contents: string | Uint8Array) => {
	const file = join(folder, name);
	writeFileSync(file, contents);
	return file;
};

const certificateOf = (keyPair: ReturnType<typeof generateKeyPair>) =>
	issueTlsCa({ keyPair, subject: { commonName: "eIM" }, random, validity: { notBefore: 0, notAfter: 1e12 } });

describe("signing key in a file", () => {
	it.each(["P-256", "brainpoolP256r1"] as const)(
		"signs on %s in r‖s, with its certificate in PEM or DER",
		async (curve) => {
			const keyPair = generateKeyPair(curve);
			const keyFile = write("key.pem", privateKeyToPem(keyPair.privateKey));
			const der = certificateOf(keyPair);
			for (const certificateFile of [write("c.pem", certificateToPem(der)), write("c.der", der), undefined]) {
				const signer = await loadFileKey({ keyFile, certificateFile });
				expect(signer.curve).toBe(curve);
				expect(signer.certificate).toEqual(certificateFile === undefined ? undefined : der);
				const signature = await signer.sign(utf8("octets"));
				expect(signature).toHaveLength(64);
				expect(verifyRaw(keyPair.publicKey, utf8("octets"), signature)).toBe(true);
			}
		},
	);

	it("is refused when it is missing, no key, or not the certificate's", async () => {
		const keyPair = generateKeyPair("P-256");
		const keyFile = write("k.pem", privateKeyToPem(keyPair.privateKey));
		await expect(loadFileKey({ keyFile: join(folder, "none") })).rejects.toMatchObject({
			code: "KEYS_FILE_UNREADABLE",
		});
		await expect(loadFileKey({ keyFile: write("t.pem", "text") })).rejects.toMatchObject({ code: "KEYS_INVALID" });
		const certificateFile = write("o.der", certificateOf(generateKeyPair("P-256")));
		await expect(loadFileKey({ keyFile, certificateFile })).rejects.toMatchObject({ code: "KEYS_MISMATCH" });
		await expect(loadFileKey({ keyFile, certificateFile: keyFile })).rejects.toMatchObject({ code: "KEYS_INVALID" });
	});
});
