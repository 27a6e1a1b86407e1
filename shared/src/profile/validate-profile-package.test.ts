import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hex } from "../util/bytes.ts";
import { buildProfilePackage } from "./builder/build-profile-package.ts";
import {
	contentsOf,
	type ElementKind,
	encodeProfilePackage,
	type PackageElement,
	type ProfilePackage,
	packageElement,
	parseProfilePackage,
} from "./profile-package.ts";
import { type FindingRule, validateProfilePackage } from "./validate-profile-package.ts";

const built = parseProfilePackage(
	buildProfilePackage({
		iccid: "89882190000000000017",
		imsi: "901700000000001",
		ki: "00".repeat(16),
		opc: "00".repeat(16),
		profileName: "Test",
	}),
);
const element = (kind: ElementKind) => built.elements.find((e) => e.kind === kind) as PackageElement;
const without = (kind: ElementKind): ProfilePackage => ({ elements: built.elements.filter((e) => e.kind !== kind) });
const replaced = (kind: ElementKind, by: readonly PackageElement[]): ProfilePackage => ({
	elements: built.elements.flatMap((e) => (e.kind === kind ? by : [e])),
});
const rules = (profile: ProfilePackage): FindingRule[] => validateProfilePackage(profile).map(({ rule }) => rule);

const header = contentsOf(element("header"), "header");
const usim = contentsOf(element("usim"), "usim");
if (!header || !usim) throw new Error("the built package has no header or no USIM");
const withHeader = (more: object) => replaced("header", [packageElement({ header: { ...header, ...more } })]);
const withUsim = (more: object) => replaced("usim", [packageElement({ usim: { ...usim, ...more } })]);
const services = (more: object) => withHeader({ "eUICC-Mandatory-services": { usim: null, milenage: null, ...more } });

describe("validateProfilePackage", () => {
	it("finds nothing in a built package", () => {
		expect(validateProfilePackage(built)).toEqual([]);
	});

	it.each<[FindingRule, ProfilePackage]>([
		["header-first", { elements: built.elements.slice(1) }],
		["header-first", replaced("mf", [element("header"), element("mf")])],
		["end-last", without("end")],
		["end-last", replaced("end", [element("end"), { ...element("end"), identification: 88 }])],
		["identification-unique", replaced("usim", [element("usim"), { ...element("usim"), kind: "unknown" }])],
		["element-once", replaced("usim", [element("usim"), { ...element("usim"), identification: 88 }])],
		[
			"element-order",
			{
				elements: [...built.elements].sort(
					(a, b) =>
						Number(a.kind === "end") - Number(b.kind === "end") ||
						Number(b.kind === "header") - Number(a.kind === "header") ||
						Number(b.kind === "opt-usim") - Number(a.kind === "opt-usim"),
				),
			},
		],
		[
			"element-unknown",
			replaced("securityDomain", [element("securityDomain"), { kind: "unknown", der: hex`BF7F00`, isMandated: false }]),
		],
		["service-without-element", services({ isim: null })],
		["service-without-element", services({ tuak128: null })],
		["service-not-declared", withHeader({ "eUICC-Mandatory-services": { usim: null } })],
		["template-unknown", withUsim({ templateID: "2.23.143.1.2.99" })],
		["template-not-declared", withHeader({ "eUICC-Mandatory-GFSTEList": ["2.23.143.1.2.1", "2.23.143.1.2.4"] })],
		["template-element-mismatch", withUsim({ templateID: "2.23.143.1.2.5" })],
		["file-invalid", withUsim({ "ef-acc": [{ fillFileContent: hex`010203` }] })],
		["pin-without-puk", without("pukCodes")],
		["iccid-invalid", withHeader({ iccid: hex`8988219000000000AAAA` })],
		["iccid-mismatch", withHeader({ iccid: hex`89882190000000000025` })],
		["subscriber-missing", without("akaParameter")],
		["security-domain-missing", without("securityDomain")],
	])("finds %s", (rule, profile) => {
		expect(rules(profile)).toContain(rule);
	});

	it("names the element of a finding by its position", () => {
		const [finding] = validateProfilePackage(withUsim({ "ef-acc": [{ fillFileContent: hex`010203` }] }));
		expect(finding).toMatchObject({ severity: "error", rule: "file-invalid", element: 4 });
		expect(finding?.message).toBe("ef-acc: its contents end at octet 3 of 2");
	});
});

describe("parseProfilePackage", () => {
	it("keeps an element of an unknown kind as octets", () => {
		const valid = encodeProfilePackage(
			replaced("securityDomain", [{ kind: "unknown", der: hex`BF7F020500`, isMandated: false }]),
		);
		const parsed = parseProfilePackage(valid);
		expect(parsed.elements.map(({ kind }) => kind)).toContain("unknown");
		expect(encodeProfilePackage(parsed)).toEqual(valid);
	});

	it("refuses every truncation with an error of its own, and never anything else", () => {
		const der = encodeProfilePackage(built);
		const ends = new Set<number>();
		for (let at = 0, i = 0; i < built.elements.length; i++) {
			at += (built.elements[i] as PackageElement).der.length;
			ends.add(at);
		}
		for (let length = 0; length < der.length; length++) {
			if (ends.has(length)) continue;
			expect(() => parseProfilePackage(der.subarray(0, length))).toThrow(
				expect.objectContaining({ code: "PROFILE_PACKAGE_INVALID" }),
			);
		}
	});
});

const samples = new URL("../../../../shared/data/upp/", import.meta.url);
const files = existsSync(samples) ? readdirSync(samples).filter((name) => name.endsWith(".der")) : [];
if (files.length === 0) console.log(`no GSMA TS.48 packages at ${samples.pathname}: they are not checked in this run`);

describe.runIf(files.length > 0)("GSMA TS.48 test profiles", () => {
	it.each(files)("%s has no error", (name) => {
		const profile = parseProfilePackage(new Uint8Array(readFileSync(new URL(name, samples))));
		expect(validateProfilePackage(profile).filter(({ severity }) => severity === "error")).toEqual([]);
	});
});
