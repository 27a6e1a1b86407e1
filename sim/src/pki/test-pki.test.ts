import { execFileSync, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { Eid } from "@iot-esim/shared/ids/eid";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { verifyEuiccChain, verifyServerChain } from "@iot-esim/shared/pki/chain";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { TrustStore } from "@iot-esim/shared/pki/trust-store";
import { systemRandom as random } from "@iot-esim/shared/runtime/random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadPki, requireEuicc, requireMember, requireTestPki, savePki } from "./pki-directory.ts";
import { simPkiProgram } from "./program.ts";
import { makeTestPki, pkiMembers } from "./test-pki.ts";

const now = Date.parse("2026-11-22T06:00:00Z");
const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) console.log("SKIPPED: the checks by openssl (apt-get install openssl)");

let directory: string;
beforeAll(() => {
	directory = mkdtempSync(join(tmpdir(), "sim-pki-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.each(["P-256", "brainpoolP256r1"] as const)("test PKI on %s", (curve) => {
	const pki = makeTestPki({ curve, random, now });
	const trust = TrustStore.of([pki.ci.certificate]);

	it("verifies from the card and the servers up to the CI", () => {
		const request = { euiccCertificate: pki.euicc.certificate, eumCertificate: pki.eum.certificate, trust, at: now };
		expect(verifyEuiccChain(request).eid).toBe(pki.eid);
		const oid = (role: "dp-auth" | "dp-pb" | "dp-tls" | "ds-auth" | "ds-tls", certificate: Uint8Array) =>
			verifyServerChain({ certificate, role, trust, at: now }).registeredIds;
		expect(oid("dp-auth", pki.dpAuth.certificate)).toEqual(oid("dp-pb", pki.dpPb.certificate));
		expect(oid("dp-tls", pki.dpTls.certificate)).toEqual(["2.999.10"]);
		expect(oid("ds-auth", pki.dsAuth.certificate)).toEqual(oid("ds-tls", pki.dsTls.certificate));
	});

	it("is read by node's X509Certificate, with the right keys", () => {
		for (const member of Object.keys(pkiMembers) as (keyof typeof pkiMembers)[]) {
			const certificate = new X509Certificate(pki[member].certificate);
			expect(certificate.checkPrivateKey(pki[member].privateKey), member).toBe(true);
			expect(parseCertificate(pki[member].certificate).curve).toBe(curve);
		}
		expect(new X509Certificate(pki.eimTls.certificate).checkHost("eim.example.com")).toBe("eim.example.com");
	});

	it.skipIf(!hasOpenssl)("is accepted by openssl verify where a general verifier can", () => {
		const write = (name: string, der: Uint8Array) => {
			const file = join(directory, `${curve}-${name}.pem`);
			writeFileSync(file, certificateToPem(der));
			return file;
		};
		const ci = write("ci", pki.ci.certificate);
		for (const member of ["eum", "dpAuth", "dpPb", "dpTls", "dsAuth", "dsTls", "eimSign"] as const) {
			const file = write(member, pki[member].certificate);
			const out = execFileSync("openssl", ["verify", "-x509_strict", "-attime", `${now / 1000}`, "-CAfile", ci, file]);
			expect(out.toString()).toContain("OK");
		}
		const tls = ["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "eim.example.com"];
		const tlsFiles = ["-CAfile", write("tls-ca", pki.tlsCa.certificate), write("eim-tls", pki.eimTls.certificate)];
		expect(execFileSync("openssl", [...tls, "-attime", `${now / 1000}`, ...tlsFiles]).toString()).toContain("OK");
		const card = ["-untrusted", write("eum", pki.eum.certificate), write("euicc", pki.euicc.certificate)];
		const refused = spawnSync("openssl", ["verify", "-attime", `${now / 1000}`, "-CAfile", ci, ...card]);
		expect(refused.stderr.toString()).toContain("permitted subtree violation");
	});

	it("carries a TLS connection", async () => {
		const server = createServer({
			key: privateKeyToPem(pki.dpTls.privateKey),
			cert: certificateToPem(pki.dpTls.certificate),
			ecdhCurve: "brainpoolP256r1:prime256v1:X25519",
			...(curve === "brainpoolP256r1" ? { maxVersion: "TLSv1.2" as const } : {}),
		});
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		const socket = connect({
			port: (server.address() as AddressInfo).port,
			host: "127.0.0.1",
			servername: "smdp.example.com",
			ca: certificateToPem(pki.ci.certificate),
			ecdhCurve: "brainpoolP256r1:prime256v1:X25519",
		});
		await once(socket, "secureConnect");
		expect(socket.authorized).toBe(true);
		socket.destroy();
		server.close();
	});

	it("is saved and loaded again, keys readable by their owner only", () => {
		const folder = join(directory, `saved-${curve}`);
		savePki(folder, pki);
		const loaded = loadPki(folder, { curve });
		const whole = requireTestPki(loaded);
		expect(whole.eid).toBe(pki.eid);
		for (const member of [...(Object.keys(pkiMembers) as (keyof typeof pkiMembers)[]), "euicc" as const]) {
			expect(whole[member].certificate, member).toEqual(pki[member].certificate);
			expect(whole[member].privateKey.equals(pki[member].privateKey), member).toBe(true);
		}
		expect(statSync(join(folder, "ci.key.pem")).mode & 0o077).toBe(0);
		expect(() => savePki(folder, pki)).toThrowError(expect.objectContaining({ code: "SIM_PKI_EXISTS" }));
	});
});

describe("EUM with permittedEins", () => {
	it.skipIf(!hasOpenssl)("is refused by openssl for its critical extension, and verified here", () => {
		const pki = makeTestPki({ curve: "P-256", random, now, eidConstraint: "permittedEins" });
		const trust = TrustStore.of([pki.ci.certificate]);
		const { euicc, eum } = pki;
		const request = { euiccCertificate: euicc.certificate, eumCertificate: eum.certificate, trust, at: now };
		expect(verifyEuiccChain(request).eum.permittedEins).toEqual(["89049032"]);
		const ci = join(directory, "ein-ci.pem");
		const file = join(directory, "ein-eum.pem");
		writeFileSync(ci, certificateToPem(pki.ci.certificate));
		writeFileSync(file, certificateToPem(eum.certificate));
		const refused = spawnSync("openssl", ["verify", "-attime", `${now / 1000}`, "-CAfile", ci, file]);
		expect(refused.stderr.toString()).toContain("unhandled critical extension");
	});
});

describe("PKI folder", () => {
	it("says what is missing", () => {
		expect(() => loadPki(join(directory, "nowhere"))).toThrowError(
			expect.objectContaining({ code: "SIM_PKI_MISSING" }),
		);
		const folder = join(directory, "no-key");
		savePki(folder, makeTestPki({ curve: "P-256", random, now }));
		rmSync(join(folder, "dp-pb.key.pem"));
		const pki = loadPki(folder);
		expect(() => requireMember(pki, "dpPb")).toThrowError(/no key of dp-pb/);
		expect(() => requireEuicc(pki, Eid.withCheckDigits("890490320000000000000000000009"))).toThrowError(
			/no certificate/,
		);
	});

	it("refuses a key that belongs to another certificate", () => {
		const folder = join(directory, "mixed");
		savePki(folder, makeTestPki({ curve: "P-256", random, now }));
		writeFileSync(join(folder, "dp-pb.key.pem"), readFileSync(join(folder, "dp-auth.key.pem")));
		expect(() => loadPki(folder)).toThrowError(/not the key of/);
	});

	const sgp26 = new URL("../../../../shared/data/certs/", import.meta.url).pathname;
	if (!existsSync(sgp26)) console.log(`SKIPPED: no GSMA SGP.26 certificates in ${sgp26}`);
	it.skipIf(!existsSync(sgp26))("loads the files of GSMA SGP.26 on both curves", () => {
		const nist = loadPki(sgp26);
		expect(nist.curve).toBe("P-256");
		expect(requireEuicc(nist).eid).toBe("89049032123451234512345678901235");
		for (const member of ["dpAuth", "dpPb", "dpTls", "eimSign"] as const) requireMember(nist, member);
		expect(nist.members.ci?.privateKey).toBeUndefined();
		const brainpool = loadPki(sgp26, { curve: "brainpoolP256r1" });
		for (const member of ["dpAuth", "dpPb", "dpTls"] as const) {
			expect(parseCertificate(requireMember(brainpool, member).certificate).curve).toBe("brainpoolP256r1");
		}
	});
});

describe("sim-pki", () => {
	const run = async (...args: string[]) => {
		const lines: string[] = [];
		const program = simPkiProgram({ random, now: () => now, print: (line) => lines.push(line) });
		await program.exitOverride().parseAsync(args, { from: "user" });
		return lines.join("\n");
	};

	it("makes a PKI and adds cards, completing check digits", async () => {
		const folder = join(directory, "cli");
		const first = "890490320000000000000000000077";
		expect(await run("init", "--dir", folder, "--curve", "brainpool", "--eid", first)).toContain("brainpoolP256r1");
		await run("euicc", "--dir", folder, "--eid", "890490320000000000000000000078");
		const pki = loadPki(folder);
		expect([...pki.euiccs.keys()]).toEqual([first, "890490320000000000000000000078"].map(Eid.withCheckDigits));
		const trust = TrustStore.of([requireMember(pki, "ci").certificate]);
		for (const [eid, card] of pki.euiccs) {
			const eumCertificate = requireMember(pki, "eum").certificate;
			verifyEuiccChain({ euiccCertificate: card.certificate, eumCertificate, trust, at: now, eid });
		}
	});

	it("refuses a wrong EID and an unknown constraint in words", async () => {
		const folder = join(directory, "refused");
		await expect(run("init", "--dir", folder, "--eid", "89049032123451234512345678901234")).rejects.toMatchObject({
			code: "ID_EID_INVALID",
		});
		await expect(run("init", "--dir", folder, "--eid-constraint", "none")).rejects.toMatchObject({
			code: "SIM_PKI_OPTION",
		});
		expect(existsSync(folder)).toBe(false);
	});
});
