import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { toHex } from "../util/bytes.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { verifyEuiccChain, verifyServerChain } from "./chain.ts";
import { TrustStore } from "./trust-store.ts";

const directory = new URL("../../../../shared/data/certs/", import.meta.url).pathname;
const isThere = existsSync(directory);
if (!isThere) console.log(`SKIPPED: no GSMA SGP.26 certificates in ${directory}`);

const files = isThere ? readdirSync(directory).filter((name) => name.endsWith(".der")) : [];
const read = (name: string) => new Uint8Array(readFileSync(join(directory, name)));
const load = (name: string): Certificate => parseCertificate(read(name));
const at = Date.parse("2026-11-22T06:00:00Z");

describe.skipIf(!isThere)("certificates of GSMA SGP.26 (need ../shared/data/certs)", () => {
	it.each(files)("reads %s as node's X509Certificate does", (name) => {
		const ours = load(name);
		const theirs = new X509Certificate(read(name));
		expect(ours.serialNumber.replace(/^00/, "")).toBe(
			theirs.serialNumber.padStart(theirs.serialNumber.length + (theirs.serialNumber.length % 2), "0"),
		);
		expect(ours.notBefore).toBe(Date.parse(theirs.validFrom));
		expect(ours.notAfter).toBe(Date.parse(theirs.validTo));
		expect(theirs.subject.replaceAll("\\", "").split("\n")).toContain(`CN=${ours.subject.commonName}`);
		expect(theirs.issuer.split("\n")).toContain(`CN=${ours.issuer.commonName}`);
		expect(theirs.publicKey.equals(ours.publicKey)).toBe(true);
		expect(ours.basicConstraints?.isCa ?? false).toBe(theirs.ca);
		expect(ours.unknownCritical).toEqual([]);
		expect(toHex(ours.der)).toBe(toHex(new Uint8Array(theirs.raw)));
	});

	it("reads what node does not give: policies, registered ids, name constraints, distribution points", () => {
		const eum = load("CERT_EUM_SIG_NIST.der");
		expect(eum).toMatchObject({
			serialNumber: "0101",
			keyUsage: ["keyCertSign"],
			policies: ["2.23.146.1.2.1.2"],
			registeredIds: ["2.999.5"],
			basicConstraints: { isCa: true, pathLength: 0 },
			nameConstraints: { permitted: [{ organization: "RSP Test EUM", serialNumber: "89049032" }] },
			crlDistributionPoints: ["http://ci.test.example.com/CRL-2.crl"],
		});
		expect(toHex(eum.subjectKeyIdentifier ?? new Uint8Array())).toBe("DD3DA24D350C1CC5D0AF0965F40EC34C5EE409F1");
		expect(toHex(eum.authorityKeyIdentifier ?? new Uint8Array())).toBe("F54172BDF98A95D65CBEB88A38A1C11D800A85C3");
		expect(load("CERT_S_SM_DP_TLS_NIST.der")).toMatchObject({
			dnsNames: ["testsmdpplus1.example.com"],
			registeredIds: ["2.999.10"],
			extendedKeyUsage: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
		});
		expect(new Date(load("CERT_EUICC_SIG_NIST.der").notAfter).toISOString()).toBe("7500-05-10T09:54:58.000Z");
	});

	it.each(["CERT_CI_ECDSA_NIST.der", "CERT_CI_ECDSA_BRP.der", "CERT_CI_SIG_NIST.der"])(
		"trusts %s, signed by its own key",
		(name) => {
			expect(TrustStore.of([read(name)]).certificates).toHaveLength(1);
		},
	);

	it.each(["CERT_CI_ECDSA_NIST.der", "CERT_CI_SIG_NIST.der"])(
		"verifies the eUICC chain up to %s in spite of its critical name constraints",
		(ci) => {
			const verified = verifyEuiccChain({
				euiccCertificate: read("CERT_EUICC_SIG_NIST.der"),
				eumCertificate: read("CERT_EUM_SIG_NIST.der"),
				trust: TrustStore.of([read(ci)]),
				at,
				eid: "89049032123451234512345678901235",
			});
			expect(verified.eid).toBe("89049032123451234512345678901235");
			expect(verified.path).toHaveLength(3);
		},
	);

	describe.each([
		["NIST", "BRP"],
		["BRP", "NIST"],
	])("on %s", (curve, other) => {
		const trust = () => TrustStore.of([read(`CERT_CI_ECDSA_${curve}.der`)]);
		const auth = `CERT_S_SM_DPauth_ECDSA_${curve}.der`;
		const pb = `CERT_S_SM_DPpb_ECDSA_${curve}.der`;
		const tls = `CERT_S_SM_DP_TLS_${curve}.der`;

		it("verifies SM-DP+ auth and pb, and does not take one for the other", () => {
			expect(verifyServerChain({ certificate: read(auth), role: "dp-auth", trust: trust(), at }).registeredIds).toEqual(
				["2.999.10"],
			);
			verifyServerChain({ certificate: read(pb), role: "dp-pb", trust: trust(), at });
			expect(() => verifyServerChain({ certificate: read(pb), role: "dp-auth", trust: trust(), at })).toThrowError(
				expect.objectContaining({ code: "PKI_POLICY" }),
			);
		});

		it("finds the SM-DP+ TLS certificate expired since 2 August 2026, and good before", () => {
			const request = { certificate: read(tls), role: "dp-tls", trust: trust() } as const;
			expect(() => verifyServerChain({ ...request, at })).toThrowError(
				expect.objectContaining({
					code: "PKI_CERTIFICATE_EXPIRED",
					message: expect.stringContaining("2026-08-02T13:14:38"),
				}),
			);
			expect(verifyServerChain({ ...request, at: Date.parse("2026-08-02T13:14:38Z") }).certificate.dnsNames).toEqual([
				"testsmdpplus1.example.com",
			]);
			expect(() => verifyServerChain({ ...request, at: Date.parse("2025-06-30T13:14:37Z") })).toThrowError(
				expect.objectContaining({ code: "PKI_CERTIFICATE_NOT_YET_VALID" }),
			);
		});

		it("trusts nothing of this curve by the CI of the other", () => {
			const foreign = TrustStore.of([read(`CERT_CI_ECDSA_${other}.der`)]);
			expect(() => verifyServerChain({ certificate: read(auth), role: "dp-auth", trust: foreign, at })).toThrowError(
				expect.objectContaining({ code: "PKI_CHAIN_UNTRUSTED" }),
			);
		});
	});
});
