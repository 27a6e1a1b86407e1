import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ChoiceSchema } from "../asn1/choice.ts";
import { encode } from "../asn1/schema.ts";
import { tlv } from "../asn1/tlv-writer.ts";
import { generateKeyPair } from "../crypto/ecdsa.ts";
import { inventory } from "../messages/inventory.ts";
import { ProfileElement } from "../messages/pe/profile-element.ts";
import { parseCertificate } from "../pki/certificate.ts";
import { issueCrl } from "../pki/crl.ts";
import { issueCi } from "../pki/issue-roles.ts";
import { concatBytes, fromHex, hex, toBase64, toHex } from "../util/bytes.ts";
import { readFileOctets, readText } from "./input.ts";
import { type InspectOptions, inspect } from "./inspect.ts";
import { typeNamed } from "./message-types.ts";
import { type InspectNode, nodesOf } from "./node.ts";
import { renderInspection } from "./render.ts";

const octets = (bytes: Uint8Array, options?: InspectOptions) =>
	inspect({ form: "octets", bytes, encoding: "binary" }, options);
const text = (given: string, options?: InspectOptions) => {
	const input = readText(given);
	if (input === undefined) throw new Error("cannot be read");
	return inspect(input, options);
};
const tree = (given: string | Uint8Array, width = 100, options?: InspectOptions) =>
	`\n${renderInspection(typeof given === "string" ? text(given, options) : octets(given, options), { width })}\n`;

const vectors = (name: string) => new URL(`../../../test/vectors/${name}`, import.meta.url);
interface Vector {
	readonly type: string;
	readonly hex?: string;
	readonly file?: string;
	/** Sent in a form that the module does not have. */
	readonly deviates?: boolean;
}
const messagesOf = (folder: string) =>
	(JSON.parse(readFileSync(vectors(`${folder}/messages.json`), "utf8")) as Vector[]).map(
		({ type, hex: digits, file, deviates = false }) => ({
			...{ type, deviates },
			bytes: digits === undefined ? new Uint8Array(readFileSync(vectors(`${folder}/${file}`))) : fromHex(digits),
		}),
	);
const known = ["asn1tools", "euicc-go", "onomondo-ipa", "openiotrsp", "protocol-facts", "pysim"].flatMap(messagesOf);

const DATA = new URL("../../../../shared/data/", import.meta.url);
const hasData = existsSync(DATA);
if (!hasData)
	console.log(`no certificates and profile packages at ${DATA.pathname}: they are NOT inspected in this run`);
const dataFile = (name: string) => new Uint8Array(readFileSync(new URL(name, DATA)));

/** Of protocol-facts, which were written by hand and checked by an ASN.1 compiler. */
const fact = (type: string, start: string) => {
	const found = known.find((vector) => vector.type === type && toHex(vector.bytes).startsWith(start));
	if (found === undefined) throw new Error(`no ${type} that begins with ${start}`);
	return found.bytes;
};

describe("a tree", () => {
	it("names fields, commands, identifiers and flags of an eUICC package", () => {
		expect(tree(fact("EuiccPackageRequest", "BF5177"))).toBe(
			`
EuiccPackageRequest                             BF51
├ euiccPackageSigned                            30
│ ├ eimId: "eim.example"                        80   65696D2E6578616D706C65
│ ├ eidValue: 89049032123451234512345678901235  5A   89049032123451234512345678901235
│ ├ counterValue: 5                             81   05
│ └ euiccPackage.psmoList                       A0
│   └ [0].enable                                A3
│     └ iccid: 89000123456789012341             5A   98001032547698103214
└ eimSignature                                  5F37 0001020304050607080910111213141516… 64 octets
`.replace("0001020304050607080910111213141516", "000102030405060708090A0B0C0D0E0F10"),
		);
	});

	it("puts numbers of errors and of tokens in words", () => {
		expect(tree(fact("EuiccPackageResult", "BF516CA1"), 72)).toContain(
			"euiccPackageErrorCode: replayError(4)  02   04",
		);
		expect(tree(fact("EuiccPackageResult", "BF5124"))).toContain("associationToken: 1");
	});

	it("shows versions, memory, capabilities and CI keys of EUICCInfo2, within 80 columns", () => {
		const shown = tree(fact("EUICCInfo2", "BF2281C7"), 80);
		for (const line of shown.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
		expect(shown).toContain("├ profileVersion: 2.3.1");
		expect(shown).toContain("├ extCardResource: installed applications 0, free");
		expect(shown).toContain("forbiddenProfilePolicyRules: ppr1");
	});

	it("opens what is not encrypted in a Bound Profile Package, and says what is", () => {
		const bpp = known.find(({ type }) => type === "BoundProfilePackage")?.bytes ?? hex``;
		const shown = tree(new Uint8Array(readFileSync(vectors("euicc-go/bound-profile-package-1.der"))), 80);
		expect(bpp.length).toBeGreaterThan(0);
		expect(shown).toContain("BoundProfilePackage: 8 segments for the eUICC");
		expect(shown.replace(/ {2,}([0-9A-F]{2,4}( |$))/gm, "  $1")).toContain(`
├ firstSequenceOf87 ← segment 2  A0
│ └ [0]: 16 octets, encrypted  87
├ sequenceOf88 ← segment 3  A1
│ ├ [0]: 33 octets, in clear ← segment 4  88
│ └ StoreMetadataRequest (in the joined blocks)  BF25
│   ├ iccid: 89000000000000002000  5A   98000000000000000200
│   ├ serviceProviderName: "Leopard"  91   4C656F70617264
│   └ profileName: "Leopard"  92   4C656F70617264
└ sequenceOf86 ← segment 5  A3
  ├ [0]: 1008 octets, encrypted ← segment 6  86
  ├ [1]: 1008 octets, encrypted ← segment 7  86
  └ [2]: 464 octets, encrypted ← segment 8  86
`);
	});

	it.skipIf(!hasData)(`reads a certificate of SGP.26${hasData ? "" : " (data absent)"}`, () => {
		const shown = tree(dataFile("certs/CERT_S_SM_DPauth_ECDSA_NIST.der"), 120);
		expect(shown).toMatch(/^\nCertificate: .*CN=TEST SM-DP\+/);
		expect(shown).toMatch(/notBefore: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
		expect(shown).toContain("parameters: 1.2.840.10045.3.1.7 (P-256)");
		expect(shown).toContain("keyUsage: digitalSignature ← critical");
		expect(shown).toContain("certificatePolicies: 2.23.146.1.2.1.4 (id-rspRole-dp-auth) ← critical");
		expect(shown).toContain("registered ID 2.999.10");
		expect(shown).toContain("authorityKeyIdentifier: F54172BDF98A95D65CBEB88A38A1C11D800A85C3");
	});
});

describe("a list of revoked certificates", () => {
	it("shows whose they are, since when, and its number", () => {
		const keyPair = generateKeyPair("P-256");
		const random = { bytes: (count: number) => new Uint8Array(count).fill(7) };
		const subject = { commonName: "CI", organization: "Test" };
		const ci = issueCi({ keyPair, random, validity: { notBefore: 0, notAfter: 2e12 }, subject });
		const crl = issueCrl({
			...{ issuer: parseCertificate(ci), privateKey: keyPair.privateKey },
			...{ thisUpdate: 1e12, nextUpdate: 2e12, crlNumber: 300 },
			revoked: [{ serialNumber: "7FEE00", at: 1e12 }],
		});
		expect(octets(crl)).toMatchObject({ kind: "CertificateList", errors: [] });
		const shown = tree(crl);
		expect(shown).toMatch(/issuer: (O=Test, CN=CI|CN=CI, O=Test)/);
		expect(shown).toMatch(/thisUpdate: 2001-09-09 01:46:40 UTC/);
		expect(shown).toMatch(/userCertificate: 8384000 +02 {3}7FEE00/);
		expect(shown).toMatch(/crlNumber +30\n.*INTEGER: 300/);
	});
});

describe("APDUs", () => {
	it("shows STORE DATA with the message in it", () => {
		expect(tree("81E2910006BF3E035C015A")).toBe(`
STORE DATA command APDU
├ CLA: proprietary, channel 1       81
├ INS: STORE DATA                   E2
├ P1: last block                    91
├ P2: block 0                       00
├ Lc: 6 octets                      06
└ GetEuiccDataRequest          BF3E
  └ tagList: 5A                5C   5A
`);
	});

	it.each([
		["6175", "done, 117 octets to be fetched by GET RESPONSE"],
		["910B", "done, proactive command of 11 octets pending"],
		["6A88", "referenced data not found"],
		["63C2", "verification failed, 2 tries left"],
		["BF300380010090 00", "deleteNotificationStatus: ok(0)"],
		["01A4040010A0000005591010FFFFFFFF8900000100", "data: ISD-R"],
		["0070000001", "P2: the card chooses the channel"],
		["01C0000075", "Le: 117 octets"],
		["80AA000005A903830107", "TERMINAL CAPABILITY"],
		["C6E2910003BF2000", "CLA: proprietary, channel 10"],
		["81E21100 04 BF36820F", "P1: more blocks follow"],
	])("reads %s", (apdu, expected) => {
		expect(tree(apdu)).toContain(expected);
	});

	it("puts together what came in several blocks and several answers", () => {
		const trace = `
			> 81E2110003 BF3E03
			< 9000
			> 81E2910103 5C015A
			< 6108
			> 01C0000008
			< BF3E125A10890490 6109
			> 01C0000009
			< 32123451234512345678901235 9000`;
		const { kind, nodes, errors } = text(trace);
		expect(kind).toBe("APDU trace");
		expect(nodes.map(({ name, origin }) => origin ?? name)).toEqual([
			...["STORE DATA", "response APDU", "STORE DATA", "2 joined blocks", "response APDU"],
			...["GET RESPONSE", "response APDU", "GET RESPONSE", "response APDU", "2 joined blocks"],
		]);
		expect(nodes.at(-1)).toMatchObject({ name: "GetEuiccDataResponse", children: [{ name: "eidValue" }] });
		// The pieces look broken by themselves, and are shown as a whole instead.
		expect(errors).toEqual([]);
		const piece = { name: "data", length: 3, value: "3 octets of the message below" };
		expect(nodes[0]?.children).toEqual(expect.arrayContaining([expect.objectContaining(piece)]));
		expect(text("BF3E03\n5C015A").kind).toBe("GetEuiccDataRequest");
	});

	it("of a Bound Profile Package puts its messages together, up to an answer that ends the loading", () => {
		const [begin, more, end] = ["81E2910003 BF3609", "81E2910005 A003870111", "81E2910004 A1028800"];
		const names = (trace: string) =>
			text(trace).nodes.map(({ tag, length, origin }) => origin && [tag, length, origin]);
		const whole = [begin, "9000", more, "9000", end, "9000"].join("\n");
		expect(names(whole).filter(Boolean)).toEqual([["BF36", 12, "3 joined blocks"]]);
		const broken = [begin, "9000", more, "BF37009000", "81E2910003BF2E00", "BF2E00 9000"].join("\n");
		expect(names(broken).filter(Boolean)).toEqual([["BF36", 8, "2 joined blocks"]]);
	});

	it("masks PINs", () => {
		expect(tree("0020000A083132333435363738")).not.toContain("313233");
		expect(tree("0020000A083132333435363738", 100, { showSecrets: true })).toContain("3132333435363738");
	});
});

/** Errors of a tree; most vectors hold little SEQUENCEs where certificates stand, which are left out. */
function errorsOf(node: InspectNode): readonly string[] {
	if (/^(Certificate|CertificateList|SubjectPublicKeyInfo)$/.test(node.type ?? "")) return [];
	return [...(node.error === undefined ? [] : [node.error]), ...(node.children ?? []).flatMap(errorsOf)];
}

describe("what octets are", () => {
	it("is found for messages of every origin that we hold", () => {
		const wrong = known.filter(({ type, bytes, deviates }) => {
			if (deviates) return false;
			const { kind, alternatives, nodes } = octets(bytes);
			const isChoice = typeNamed(type)?.schema instanceof ChoiceSchema;
			return !(isChoice || [kind, ...alternatives].includes(type)) || nodes.flatMap(errorsOf).length > 0;
		});
		// Parts without a tag of their own are taken for what they look like.
		expect(wrong.filter(({ bytes }) => bytes[0] === 0xbf).map(({ type }) => type)).toEqual([]);
		expect(wrong.length).toBeLessThan(20);
	});

	it("may be hex, base64, PEM or JSON", () => {
		for (const given of ["BF3E035C015A", "bf:3e:03:5c:01:5a", "0xBF3E 035C\n015A", toBase64(hex`BF3E035C015A`)]) {
			expect(text(given).kind).toBe("GetEuiccDataRequest");
		}
		const pem = `-----BEGIN X-----\n${toBase64(hex`BF3E035C015A`)}\n-----END X-----\n`;
		expect(inspect(readFileOctets(new TextEncoder().encode(pem))).kind).toBe("GetEuiccDataRequest");
		expect(readText("what is this?")).toBeUndefined();
		const body = {
			transactionId: "01AB",
			authenticateServerResponse: toBase64(hex`BF3808A106800101020103`),
			hashCc: "AQID",
		};
		const shown = tree(JSON.stringify(body));
		expect(shown).toContain('transactionId: "01AB"');
		expect(shown).toContain("authenticateErrorCode: unsupportedCurve(3)");
		expect(shown).toContain("hashCc: •••••• (4 octets, masked)");
	});

	it("is told by the type that is asked for, with what does not fit it", () => {
		const request = octets(hex`BF3805A0038001AA`, { as: "AuthenticateServerRequest" });
		expect(request.errors.join()).toMatch(/serverSigned1/);
		expect(octets(hex`BF2000`, { as: "sgp22:GetEuiccInfo1Request" }).kind).toBe("GetEuiccInfo1Request");
		expect(() => octets(hex`BF2000`, { as: "EuiccPackageReq" })).toThrow(/similar are .*EuiccPackageRequest/);
	});

	it("is shown as far as it goes when it is broken, with the offset of the error", () => {
		const whole = fact("EuiccPackageRequest", "BF5177");
		const cut = octets(whole.subarray(0, 40), { as: "EuiccPackageRequest" });
		expect(renderInspection(cut, { width: 100 })).toContain("eidValue: 89049032123451234512345678901235");
		expect(cut.errors[0]).toBe("EuiccPackageRequest: cut off: 119 octets announced, 37 are there (offset 0)");
		expect(octets(hex`3080`).errors.join()).toMatch(/indefinite length at offset 1/);
		expect(octets(concatBytes(hex`BF3E035C015A`, hex`0500`)).nodes.at(-1)?.note).toBe("follows after the value");
	});
});

describe("secrets of a profile", () => {
	const ki = hex`A1A2A3A4A5A6A7A8A9AAABACADAEAFB0`;
	const opc = hex`B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0`;
	const key = hex`C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0`;
	const pin = hex`D1D2D3D4D5D6D7D8`;
	const header = { identification: 1 };
	const elements: ProfileElement[] = [
		{
			header: {
				...{ "major-version": 2, "minor-version": 3, iccid: hex`89000123456789012341` },
				...{ "eUICC-Mandatory-services": {}, "eUICC-Mandatory-GFSTEList": [] },
			},
		},
		{ pukCodes: { "puk-Header": header, pukCodes: [{ keyReference: 1, pukValue: pin }] } },
		{ pinCodes: { "pin-Header": header, pinCodes: { pinconfig: [{ keyReference: 1, pinValue: pin }] } } },
		{
			akaParameter: {
				"aka-header": header,
				algoConfiguration: { algoParameter: { algorithmID: 1, algorithmOptions: hex`01`, key: ki, opc } },
			},
		},
		{
			securityDomain: {
				"sd-Header": header,
				instance: {
					...{ applicationLoadPackageAID: hex`A0000001515350`, classAID: hex`A000000151535041` },
					...{ instanceAID: hex`A000000151000000`, applicationPrivileges: hex`82DC20` },
					...{ applicationSpecificParametersC9: hex`810280008201F0`, processData: [key] },
				},
				keyList: [
					{
						...{ keyUsageQualifier: hex`38`, keyIdentifier: hex`01`, keyVersionNumber: hex`01` },
						keyCompontents: [{ keyType: hex`88`, keyData: key }],
					},
				],
				sdPersoData: [key],
			},
		},
		{ end: { "end-header": header } },
	];
	const profile = concatBytes(...elements.map((element) => encode(ProfileElement, element)));
	const secrets = [ki, opc, key, pin].map(toHex);
	const parts = secrets.flatMap((secret) => [secret.slice(0, 8), secret.slice(-8)]);

	it("are in no line and no data of the tree, however the package is damaged", () => {
		const everything = JSON.stringify(octets(profile, { showSecrets: true }));
		for (const secret of secrets) expect(everything).toContain(secret);
		const shows = (bytes: Uint8Array) => parts.filter((part) => JSON.stringify(octets(bytes)).includes(part));
		expect(shows(profile)).toEqual([]);
		expect(tree(profile, 140)).toContain("•••••• (16 octets, masked)");
		for (let at = 0; at < profile.length; at += 2) {
			expect(shows(profile.subarray(0, at)), `the first ${at} octets`).toEqual([]);
			const damaged = profile.slice();
			damaged[at] = (damaged[at] as number) ^ 0x21;
			const hidden = secrets.filter((secret) => JSON.stringify(octets(damaged)).includes(secret));
			expect(hidden, `octet ${at} damaged`).toEqual([]);
		}
		for (const element of elements) expect(shows(encode(ProfileElement, element))).toEqual([]);
	});

	it.skipIf(!hasData)(`are in no tree of the TS.48 profiles${hasData ? "" : " (data absent)"}`, () => {
		const files = readdirSync(new URL("upp/", DATA));
		expect(files.length).toBeGreaterThan(5);
		for (const file of files) {
			const { nodes, errors } = octets(dataFile(`upp/${file}`));
			expect(errors, file).toEqual([]);
			const masked = nodes.flatMap((node) => [...nodesOf(node)]).filter((node) => node.isMasked);
			expect(masked.map(({ name }) => name)).toEqual(expect.arrayContaining(["key", "opc", "pinValue", "pukValue"]));
			expect(masked.every((node) => node.hex === undefined && node.children === undefined)).toBe(true);
		}
	});
});

describe("octets of any kind", () => {
	it("give a tree and no exception: every truncation of short messages, some of every message", () => {
		for (const { bytes } of known.filter((vector) => vector.bytes.length < 200).slice(0, 6)) {
			for (let length = 0; length <= bytes.length; length++) render(bytes.subarray(0, length));
		}
		for (const { bytes } of known.filter((_vector, index) => index % 4 === 0))
			render(bytes.subarray(0, bytes.length >> 1));
	});

	it("also when they are noise, deep or many", () => {
		let state = 12345;
		const next = () => {
			state = (state * 1103515245 + 12345) & 0x7fffffff;
			return state >> 16;
		};
		for (let round = 0; round < 300; round++) {
			const bytes = Uint8Array.from({ length: next() % 60 }, () => next() & 0xff);
			if (bytes.length > 2 && round % 2 === 0) bytes.set([0xbf, 0x20 + (next() % 70)]);
			render(bytes);
		}
		for (const { name } of inventory) octets(hex`BF2A05 8001 FF 30`, { as: name });
		let deep: Uint8Array = hex`0500`;
		for (let level = 0; level < 200; level++) deep = tlv(0x30, deep);
		expect(octets(deep).errors.join()).toMatch(/nested deeper than/);
		const many = octets(tlv(0x30, new Uint8Array(100_000)), { as: "TLV" });
		expect(many.errors.join()).toMatch(/more than 20000 elements/);
	});

	function render(bytes: Uint8Array): void {
		const inspection = octets(bytes);
		for (const width of [40, 140]) expect(typeof renderInspection(inspection, { width })).toBe("string");
	}
});
