import { fromHex, hex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { AccessMode, isAllowed } from "./access-rule.ts";
import type { CardFile, FileSystem } from "./file-system.ts";

const PIN1 = "A406830101950108";
const ADM1 = "A40683010A950108";

/** A file in the MF whose rule is the record of EF.ARR given in hex. */
function withRule(rule: string): FileSystem {
	const record = new Uint8Array(60).fill(0xff);
	record.set(fromHex(rule));
	const file = (fid: number, more: Partial<CardFile>): CardFile => ({
		name: "",
		kind: "transparent",
		fid,
		parent: 0,
		isShareable: true,
		lifeCycle: 5,
		accessRule: { record: 1 },
		size: 1,
		specialInformation: 0,
		...more,
	});
	return {
		files: [
			file(0x3f00, { kind: "mf" }),
			file(0x2f06, { kind: "linear-fixed", recordLength: 60, size: 60 }),
			file(0x2f99, {}),
		],
		contents: { 1: record, 2: hex`00` },
		security: { pins: [], puks: [], byDirectory: {} },
		authentication: { byApplication: {}, keys: [] },
	};
}

const given =
	(...references: number[]) =>
	(reference: number) =>
		references.includes(reference);
const allows = (rule: string, mode: number, ...references: number[]) =>
	isAllowed(withRule(rule), 2, { mode }, given(...references));

describe("access rules in expanded form (ETSI TS 102 221 section 9.2)", () => {
	it("are always, never, or a PIN", () => {
		expect(allows("8001019000", AccessMode.read)).toBe(true);
		expect(allows("8001019700", AccessMode.read, 1, 10)).toBe(false);
		expect(allows(`800103${PIN1}`, AccessMode.update)).toBe(false);
		expect(allows(`800103${PIN1}`, AccessMode.update, 1)).toBe(true);
		expect(allows(`800103${PIN1}`, AccessMode.activate, 1)).toBe(false);
	});

	it("combine conditions by OR and by AND", () => {
		expect(allows(`800101A010${PIN1}${ADM1}`, AccessMode.read, 10)).toBe(true);
		expect(allows(`800101AF10${PIN1}${ADM1}`, AccessMode.read, 10)).toBe(false);
		expect(allows(`800101AF10${PIN1}${ADM1}`, AccessMode.read, 1, 10)).toBe(true);
	});

	it("let one condition stand behind several modes, and either of two conditions for one mode do", () => {
		expect(allows(`800101800102${PIN1}`, AccessMode.read, 1)).toBe(true);
		expect(allows(`800101${PIN1}800101${ADM1}`, AccessMode.read, 10)).toBe(true);
	});

	it("name commands without a mode by their INS", () => {
		const fs = withRule(`8001019000840132${PIN1}`);
		expect(isAllowed(fs, 2, { ins: 0x32 }, given(1))).toBe(true);
		expect(isAllowed(fs, 2, { ins: 0x32 }, given())).toBe(false);
		expect(isAllowed(fs, 2, { ins: 0xd4 }, given(1))).toBe(false);
		// CLA and INS in pairs
		expect(isAllowed(withRule("8C0280329000"), 2, { ins: 0x32 }, given())).toBe(true);
	});

	it("allow nothing when they are damaged, unknown or not there", () => {
		expect(allows("800101", AccessMode.read, 1)).toBe(false);
		expect(allows("80010190", AccessMode.read, 1)).toBe(false);
		expect(allows("8001019E0105", AccessMode.read, 1)).toBe(false);
		const fs = withRule("8001019000");
		fs.files[2] = { ...(fs.files[2] as CardFile), accessRule: { record: 2 } };
		expect(isAllowed(fs, 2, { mode: AccessMode.read }, given(1))).toBe(false);
		fs.files[2] = { ...(fs.files[2] as CardFile), accessRule: { ruleFile: 0x6f06, record: 1 } };
		expect(isAllowed(fs, 2, { mode: AccessMode.read }, given(1))).toBe(false);
	});
});
