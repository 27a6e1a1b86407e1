import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateKeyPair } from "../crypto/ecdsa.ts";
import { parseCertificate } from "./certificate.ts";
import { isCrlCurrent, isCrlOf, issueCrl, parseCrl } from "./crl.ts";
import { PkiError } from "./errors.ts";
import { issueCi } from "./issue-roles.ts";
import { certificateToPem, encodePem } from "./pem.ts";

const at = Date.parse("2026-11-22T06:00:00Z");
const hour = 3_600_000;
const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) console.log("SKIPPED: lists read by openssl (apt-get install openssl)");

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "crl-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function makeCi(curve: "P-256" | "brainpoolP256r1") {
	const keyPair = generateKeyPair(curve);
	const validity = { notBefore: at - 24 * hour, notAfter: at + 24 * hour };
	const der = issueCi({ keyPair, random, validity, subject: { commonName: "CI", organization: "Test" } });
	return { der, certificate: parseCertificate(der), privateKey: keyPair.privateKey };
}

const serials = ["0101", "7FEE00", "00F00D"];
const list = (ci: ReturnType<typeof makeCi>, revoked = serials) =>
	issueCrl({
		issuer: ci.certificate,
		privateKey: ci.privateKey,
		thisUpdate: at - hour,
		nextUpdate: at + hour,
		crlNumber: 300,
		revoked: revoked.map((serialNumber) => ({ serialNumber, at: at - 2 * hour })),
	});

describe.each(["P-256", "brainpoolP256r1"] as const)("a revocation list on %s", (curve) => {
	const ci = makeCi(curve);

	it("is read as it was issued", () => {
		const crl = parseCrl(list(ci));
		expect([...crl.revoked]).toEqual(serials.map((serial) => [serial, at - 2 * hour]));
		expect(crl).toMatchObject({ thisUpdate: at - hour, nextUpdate: at + hour, issuer: { commonName: "CI" } });
		expect(crl.authorityKeyIdentifier).toEqual(ci.certificate.subjectKeyIdentifier);
		expect(isCrlOf(crl, ci.certificate)).toBe(true);
		expect([at - 2 * hour, at, at + 2 * hour].map((moment) => isCrlCurrent(crl, moment))).toEqual([false, true, false]);
		expect(parseCrl(list(ci, [])).revoked.size).toBe(0);
	});

	it.skipIf(!hasOpenssl)("is read and verified by openssl", () => {
		const caFile = join(folder, `${curve}-ci.pem`);
		const crlFile = join(folder, `${curve}-crl.pem`);
		writeFileSync(caFile, certificateToPem(ci.der));
		writeFileSync(crlFile, encodePem("X509 CRL", list(ci)));
		const { stdout, stderr } = spawnSync("openssl", ["crl", "-in", crlFile, "-CAfile", caFile, "-noout", "-text"]);
		expect(stderr.toString()).toContain("verify OK");
		expect(stdout.toString()).toMatch(/Serial Number: 0101[\s\S]*Serial Number: 7FEE00[\s\S]*Serial Number: F00D/);
		expect(stdout.toString()).toMatch(/CRL Number:\s*\n\s*300/);
	});

	it("is not one of another issuer, even of the same name", () => {
		expect(isCrlOf(parseCrl(list(ci)), makeCi(curve).certificate)).toBe(false);
	});
});

it("a damaged list ends in PKI_CRL_INVALID, or is no longer one of its issuer", () => {
	const ci = makeCi("P-256");
	const whole = list(ci);
	for (let length = 0; length < whole.length; length++) {
		expect(() => parseCrl(whole.subarray(0, length))).toThrowError(PkiError);
	}
	for (let i = 0; i < whole.length; i++) {
		const changed = whole.slice();
		changed[i] = (changed[i] as number) ^ 0x04;
		let isAccepted = false;
		try {
			isAccepted = isCrlOf(parseCrl(changed), ci.certificate);
		} catch (error) {
			expect(error).toMatchObject({ code: "PKI_CRL_INVALID" });
		}
		expect(isAccepted, `octet ${i}`).toBe(false);
	}
});
