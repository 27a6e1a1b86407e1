import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { generateKeyPair, type KeyPair } from "../crypto/ecdsa.ts";
import { Eid } from "../ids/eid.ts";
import { parseCertificate } from "./certificate.ts";
import { verifyEuiccChain, verifyEumChain, verifyServerChain } from "./chain.ts";
import { issueCrl } from "./crl.ts";
import { type CertificateProfile, issueCertificate } from "./issue.ts";
import { type EidConstraint, issueCi, issueEuicc, issueEum, issueServer } from "./issue-roles.ts";
import { TrustStore } from "./trust-store.ts";

const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
const at = Date.parse("2026-11-22T06:00:00Z");
const day = 86_400_000;
const validity = { notBefore: at - day, notAfter: at + day };
const common = { random, validity };
const eid = Eid.withCheckDigits("890490320000000000000000000001");

interface Authority {
	readonly certificate: Uint8Array;
	readonly privateKey: KeyPair["privateKey"];
}

function makeCi(name = "CI"): Authority {
	const keyPair = generateKeyPair("P-256");
	return {
		certificate: issueCi({ ...common, keyPair, subject: { commonName: name } }),
		privateKey: keyPair.privateKey,
	};
}

function makeEum(ci: Authority, eins = ["89049032"], constraint: EidConstraint = "nameConstraints"): Authority {
	const { privateKey, publicKey } = generateKeyPair("P-256");
	const subject = { country: "DE", organization: "EUM AG", commonName: "EUM" };
	return { certificate: issueEum({ ...common, issuer: ci, publicKey, subject, eins, constraint }), privateKey };
}

const cardKey = generateKeyPair("P-256");
const makeEuicc = (eum: Authority, of: string = eid, valid = validity) =>
	issueEuicc({ random, validity: valid, issuer: eum, publicKey: cardKey.publicKey, eid: of });

const ci = makeCi();
const eum = makeEum(ci);
const euicc = makeEuicc(eum);
const trust = TrustStore.of([ci.certificate]);
const good = { euiccCertificate: euicc, eumCertificate: eum.certificate, trust, at };

const failure = (code: string) => expect.objectContaining({ code });

/** A certificate of any shape, to break one rule at a time. */
function issue(issuer: Authority, profile: Partial<CertificateProfile>): Authority {
	const { privateKey, publicKey } = generateKeyPair("P-256");
	const whole: CertificateProfile = {
		subject: { commonName: "X" },
		validity,
		keyUsage: ["digitalSignature"],
		...profile,
	};
	return { certificate: issueCertificate({ profile: whole, publicKey, issuer, random }), privateKey };
}

describe("eUICC chain", () => {
	it("is verified, and gives the EID, the key and the CI", () => {
		const verified = verifyEuiccChain({ ...good, eid });
		expect(verified.eid).toBe(eid);
		expect(verified.publicKey.equals(cardKey.publicKey)).toBe(true);
		expect(verified.ci.subject.commonName).toBe("CI");
	});

	it("is refused when the EUM's CI is not trusted, even one of the same name", () => {
		expect(() => verifyEuiccChain({ ...good, trust: TrustStore.of([makeCi().certificate]) })).toThrowError(
			failure("PKI_CHAIN_UNTRUSTED"),
		);
		expect(() => verifyEuiccChain({ ...good, trust: new TrustStore() })).toThrowError(failure("PKI_CHAIN_UNTRUSTED"));
	});

	it("is refused when any octet of a signature is changed", () => {
		for (const which of ["euiccCertificate", "eumCertificate"] as const) {
			const broken = good[which].slice();
			broken[broken.length - 5] = (broken[broken.length - 5] as number) ^ 1;
			expect(() => verifyEuiccChain({ ...good, [which]: broken })).toThrowError(failure("PKI_SIGNATURE"));
		}
	});

	it("is refused when the card's certificate was issued by another EUM", () => {
		const other = makeEum(ci);
		expect(() => verifyEuiccChain({ ...good, eumCertificate: other.certificate })).toThrowError(
			failure("PKI_CHAIN_UNTRUSTED"),
		);
	});

	it("is refused before and after its time, at each level", () => {
		const past = { notBefore: at - 10 * day, notAfter: at - 5 * day };
		expect(() => verifyEuiccChain({ ...good, euiccCertificate: makeEuicc(eum, eid, past) })).toThrowError(
			failure("PKI_CERTIFICATE_EXPIRED"),
		);
		expect(() => verifyEuiccChain({ ...good, at: at + 2 * day })).toThrowError(failure("PKI_CERTIFICATE_EXPIRED"));
		expect(() => verifyEuiccChain({ ...good, at: at - 2 * day })).toThrowError(
			failure("PKI_CERTIFICATE_NOT_YET_VALID"),
		);
	});

	it("is refused for another EID than the device's", () => {
		const other = Eid.withCheckDigits("890490320000000000000000000002");
		expect(() => verifyEuiccChain({ ...good, eid: other })).toThrowError(failure("PKI_EID_MISMATCH"));
	});

	it.each(["nameConstraints", "permittedEins"] as const)("keeps the EID inside the EUM's range given as %s", (form) => {
		const ranged = makeEum(ci, ["89049032", "8904404512"], form);
		const card = (first30: string) => makeEuicc(ranged, Eid.withCheckDigits(first30));
		const verify = (euiccCertificate: Uint8Array) =>
			verifyEuiccChain({ ...good, euiccCertificate, eumCertificate: ranged.certificate });
		expect(verify(card("890440451200000000000000000001")).eid).toMatch(/^8904404512/);
		expect(() => verify(card("890440451300000000000000000001"))).toThrowError(failure("PKI_EID_OUT_OF_RANGE"));
	});

	it("is refused when the card's organization is not the one that the EUM is constrained to", () => {
		const card = issue(eum, { subject: { organization: "Other", serialNumber: eid }, policies: ["2.23.146.1.2.1.1"] });
		expect(() => verifyEuiccChain({ ...good, euiccCertificate: card.certificate })).toThrowError(
			failure("PKI_EID_OUT_OF_RANGE"),
		);
	});

	it("is refused when the EUM certificate names no range at all", () => {
		const free = issue(ci, { keyUsage: ["keyCertSign"], ca: { pathLength: 0 }, policies: ["2.23.146.1.2.1.2"] });
		expect(() =>
			verifyEuiccChain({ ...good, euiccCertificate: makeEuicc(free), eumCertificate: free.certificate }),
		).toThrowError(failure("PKI_EID_OUT_OF_RANGE"));
	});

	it("is refused when the name constraints of the EUM leave the EID open", () => {
		for (const permittedNames of [[{ organization: "EUM AG" }], [{ organization: "EUM AG", serialNumber: "" }]]) {
			const open = issue(ci, {
				keyUsage: ["keyCertSign"],
				ca: { pathLength: 0 },
				policies: ["2.23.146.1.2.1.2"],
				permittedNames,
			});
			const subject = { organization: "EUM AG", serialNumber: eid };
			const card = issue(open, { subject, policies: ["2.23.146.1.2.1.1"] });
			expect(() =>
				verifyEuiccChain({ ...good, euiccCertificate: card.certificate, eumCertificate: open.certificate }),
			).toThrowError(failure("PKI_EID_OUT_OF_RANGE"));
		}
	});

	it("is refused without digitalSignature, keyCertSign, or the policy of the role", () => {
		const subject = { organization: "EUM AG", serialNumber: eid };
		const noUsage = issue(eum, { subject, keyUsage: ["keyAgreement"], policies: ["2.23.146.1.2.1.1"] });
		expect(() => verifyEuiccChain({ ...good, euiccCertificate: noUsage.certificate })).toThrowError(
			failure("PKI_KEY_USAGE"),
		);
		const wrongRole = issue(eum, { subject, policies: ["2.23.146.1.2.1.4"] });
		expect(() => verifyEuiccChain({ ...good, euiccCertificate: wrongRole.certificate })).toThrowError(
			failure("PKI_POLICY"),
		);
		const weakEum = issue(ci, { keyUsage: ["cRLSign"], ca: {}, policies: ["2.23.146.1.2.1.2"], permittedEins: ["89"] });
		expect(() =>
			verifyEuiccChain({ ...good, euiccCertificate: makeEuicc(weakEum), eumCertificate: weakEum.certificate }),
		).toThrowError(failure("PKI_KEY_USAGE"));
		const roleless = issue(ci, { keyUsage: ["keyCertSign"], ca: {}, permittedEins: ["89"] });
		expect(() =>
			verifyEuiccChain({ ...good, euiccCertificate: makeEuicc(roleless), eumCertificate: roleless.certificate }),
		).toThrowError(failure("PKI_POLICY"));
	});

	it("is refused when the certificates are exchanged or a CA stands for the card", () => {
		expect(() => verifyEuiccChain({ ...good, euiccCertificate: eum.certificate, eumCertificate: euicc })).toThrowError(
			failure("PKI_CHAIN_UNTRUSTED"),
		);
		const caCard = issue(eum, { keyUsage: ["digitalSignature"], ca: {}, policies: ["2.23.146.1.2.1.1"] });
		expect(() => verifyEuiccChain({ ...good, euiccCertificate: caCard.certificate })).toThrowError(
			failure("PKI_BASIC_CONSTRAINTS"),
		);
	});

	it("is refused when the card's certificate hangs below the CI without an EUM", () => {
		const direct = issue(ci, { subject: { serialNumber: eid }, policies: ["2.23.146.1.2.1.1"] });
		expect(() => verifyEuiccChain({ ...good, euiccCertificate: direct.certificate })).toThrowError(
			failure("PKI_CHAIN_UNTRUSTED"),
		);
	});
});

describe("path length", () => {
	it("counts the CA certificates below the one that limits them", () => {
		const ca = { keyUsage: ["keyCertSign"] as const, permittedEins: ["8904"], policies: ["2.23.146.1.2.1.2"] };
		const subCa = issue(ci, { ...ca, subject: { commonName: "Sub" }, ca: { pathLength: 0 } });
		const deepEum = issue(subCa, { ...ca, subject: { commonName: "Deep" }, ca: {} });
		const request = {
			...good,
			euiccCertificate: makeEuicc(deepEum),
			eumCertificate: deepEum.certificate,
			intermediates: [subCa.certificate],
		};
		expect(() => verifyEuiccChain(request)).toThrowError(failure("PKI_PATH_LENGTH"));
		const roomy = issue(ci, { ...ca, subject: { commonName: "Sub" }, ca: { pathLength: 1 } });
		const eumBelow = issue(roomy, { ...ca, subject: { commonName: "Deep" }, ca: {} });
		expect(
			verifyEuiccChain({
				...request,
				euiccCertificate: makeEuicc(eumBelow),
				eumCertificate: eumBelow.certificate,
				intermediates: [roomy.certificate],
			}).path,
		).toHaveLength(4);
	});
});

describe("revocation", () => {
	const list = (issuer: Authority, revoked: Uint8Array[], from = at - day) =>
		issueCrl({
			issuer: parseCertificate(issuer.certificate),
			privateKey: issuer.privateKey,
			thisUpdate: from,
			nextUpdate: from + 2 * day,
			crlNumber: 7,
			revoked: revoked.map((der) => ({ serialNumber: parseCertificate(der).serialNumber, at: at - day })),
		});

	it("is found in a list of the issuer, at each level", () => {
		expect(() => verifyEuiccChain({ ...good, crls: [list(eum, [euicc])] })).toThrowError(failure("PKI_REVOKED"));
		expect(() => verifyEuiccChain({ ...good, crls: [list(ci, [eum.certificate])] })).toThrowError(
			failure("PKI_REVOKED"),
		);
		expect(() => verifyEumChain({ ...good, crls: [list(ci, [eum.certificate])] })).toThrowError(failure("PKI_REVOKED"));
	});

	it("is not found in lists of others, whatever they list", () => {
		expect(verifyEuiccChain({ ...good, crls: [list(makeCi(), [eum.certificate]), list(ci, [euicc])] }).eid).toBe(eid);
	});

	it("needs a current list of every issuer when asked for", () => {
		const strict = { ...good, requireCrl: true };
		expect(verifyEuiccChain({ ...strict, crls: [list(ci, []), list(eum, [])] }).eid).toBe(eid);
		expect(() => verifyEuiccChain({ ...strict, crls: [list(ci, [])] })).toThrowError(failure("PKI_CRL_MISSING"));
		expect(() => verifyEuiccChain({ ...strict, crls: [list(ci, []), list(eum, [], at - 9 * day)] })).toThrowError(
			failure("PKI_CRL_MISSING"),
		);
	});

	it("is refused in a list that is no list", () => {
		expect(() => verifyEuiccChain({ ...good, crls: [euicc.slice(0, 40)] })).toThrowError(failure("PKI_CRL_INVALID"));
	});
});

describe("server chain", () => {
	const server = (issuer: Authority) =>
		issueServer({
			...common,
			issuer,
			publicKey: cardKey.publicKey,
			role: "ds-tls",
			subject: { commonName: "ds" },
			registeredId: "2.999.15",
			hosts: ["ds.example.com"],
		});

	it("proves the role that its policy names and no other", () => {
		const certificate = server(ci);
		expect(verifyServerChain({ certificate, role: "ds-tls", trust, at }).registeredIds).toEqual(["2.999.15"]);
		for (const role of ["ds-auth", "dp-tls", "dp-auth", "dp-pb"] as const) {
			expect(() => verifyServerChain({ certificate, role, trust, at })).toThrowError(failure("PKI_POLICY"));
		}
	});

	it("does not accept an EUM as the issuer of a server", () => {
		const request = { certificate: server(eum), role: "ds-tls", trust, at, intermediates: [eum.certificate] } as const;
		expect(() => verifyServerChain(request)).toThrowError(failure("PKI_EID_OUT_OF_RANGE"));
	});

	it("gives a typed error for every truncation of a certificate", () => {
		const certificate = server(ci);
		for (let length = 0; length < certificate.length; length++) {
			expect(() => parseCertificate(certificate.subarray(0, length))).toThrowError(failure("PKI_CERTIFICATE_INVALID"));
		}
	});

	it("gives a typed error or a failed chain for every changed octet", () => {
		const certificate = server(ci);
		for (let i = 0; i < certificate.length; i++) {
			const changed = certificate.slice();
			changed[i] = (changed[i] as number) ^ 0x01;
			expect(() => verifyServerChain({ certificate: changed, role: "ds-tls", trust, at })).toThrowError(
				expect.objectContaining({ code: expect.stringMatching(/^PKI_/) }),
			);
		}
	});
});

describe("trust store", () => {
	it("finds a CI by its whole, wrapped or shortened subject key identifier", () => {
		const identifier = parseCertificate(ci.certificate).subjectKeyIdentifier as Uint8Array;
		const wrapped = Uint8Array.from([0x04, 0x14, ...identifier]);
		for (const wanted of [identifier, wrapped, identifier.subarray(0, 8)]) expect(trust.find(wanted)).toHaveLength(1);
		expect(trust.find(identifier.subarray(0, 3))).toHaveLength(0);
		expect(trust.find(identifier.map((octet) => octet ^ 1))).toHaveLength(0);
	});

	it("does not trust a certificate that is no CA, nor a CI with a broken signature", () => {
		expect(() => TrustStore.of([euicc])).toThrowError(failure("PKI_BASIC_CONSTRAINTS"));
		const broken = ci.certificate.slice();
		broken[broken.length - 5] = (broken[broken.length - 5] as number) ^ 1;
		expect(() => TrustStore.of([broken])).toThrowError(failure("PKI_SIGNATURE"));
	});

	it("counts the same certificate once", () => {
		expect(TrustStore.of([ci.certificate, ci.certificate.slice()]).certificates).toHaveLength(1);
	});
});
