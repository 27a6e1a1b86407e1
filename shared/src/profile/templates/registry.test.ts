import { describe, expect, it } from "vitest";
import { SequenceSchema } from "../../asn1/sequence.ts";
import { ProfileElement } from "../../messages/pe/profile-element.ts";
import { hex, toHex } from "../../util/bytes.ts";
import { ACCESS_RULE_RECORDS } from "./access-rules.ts";
import { contentPattern, expandPattern, type FileTemplate, fileTable } from "./file-template.ts";
import { fileTemplateOf, PROFILE_TEMPLATES, templateOf } from "./registry.ts";

/** Component names of an alternative of ProfileElement, in the order of the module. */
function componentsOf(element: string): readonly string[] {
	const alternative = ProfileElement.alternatives[ProfileElement.names.indexOf(element)];
	return alternative instanceof SequenceSchema ? alternative.names : [];
}

const file = (oid: string, field: string): FileTemplate => {
	const template = templateOf(`2.23.143.1.2.${oid}`);
	const found = template && fileTemplateOf(template, field);
	if (!found) throw new Error(`no ${field} in ${oid}`);
	return found;
};

describe.each(PROFILE_TEMPLATES.map((template) => [`${template.name} (${template.oid})`, template] as const))(
	"%s",
	(_, template) => {
		const components = componentsOf(template.element).filter(
			(name) => name !== "templateID" && !/-header$/i.test(name),
		);

		it("names only components of its element, in the order of the module", () => {
			expect(components.length).toBeGreaterThan(0);
			const fields = template.files.map(({ field }) => field);
			expect(components.filter((name) => fields.includes(name))).toEqual(fields);
		});

		it("gives every identifier once in a directory, and every short one", () => {
			for (const key of ["fid", "shortFileId"] as const) {
				const seen = new Set<string>();
				for (const row of template.files) {
					if (row[key] === undefined) continue;
					const place = `${row.kind === "df" && row.folder === undefined ? "base" : (row.folder ?? "base")}/${row[key]}`;
					expect(seen.has(place), `${row.field} ${place}`).toBe(false);
					seen.add(place);
				}
			}
		});

		it("refers to access rules that exist, and has contents that fit", () => {
			for (const row of template.files) {
				expect(ACCESS_RULE_RECORDS[row.accessRule - 1], row.field).toBeDefined();
				if (!row.content || row.size === undefined) continue;
				const { head, tail, repeated } = row.content;
				const fixed = head.length + tail.length;
				if (repeated.length === 0) expect(fixed, row.field).toBe(row.size);
				else expect(fixed, row.field).toBeLessThan(row.size);
			}
		});
	},
);

describe("the newest templates", () => {
	it("know every component of their elements", () => {
		const newest = new Map(PROFILE_TEMPLATES.map((template) => [template.element, template]));
		for (const [element, template] of newest) {
			const fields = new Set(template.files.map((row) => row.field));
			const missing = componentsOf(element).filter(
				(name) => name !== "templateID" && !/-header$/i.test(name) && !fields.has(name),
			);
			expect(missing, element).toEqual([]);
		}
	});
});

describe("file templates", () => {
	it("hold what 3GPP TS 31.102 and ETSI TS 102 221 say of well-known files", () => {
		expect(file("1", "ef-iccid")).toMatchObject({ fid: 0x2fe2, size: 10, accessRule: 11 });
		expect(file("4", "ef-imsi")).toMatchObject({ fid: 0x6f07, size: 9, shortFileId: 7, accessRule: 2 });
		expect(file("4", "ef-sms")).toMatchObject({ fid: 0x6f3c, kind: "linear-fixed", records: 10, size: 176 });
		expect(file("4", "ef-loci")).toMatchObject({ fid: 0x6f7e, isUpdatedOften: true });
		expect(file("13", "df-df-5gs")).toMatchObject({ fid: 0x5fc0, kind: "df" });
		expect(file("13.4", "ef-5gs3gppnsc")).toMatchObject({ records: 2, size: 62 });
		expect(file("3.2", "ef-v2xp-pc5")).toMatchObject({ folder: "df-v2x", fid: 0x4f03 });
		expect(file("18", "ef-5gs3gpploci")).toMatchObject({ folder: "df-df-5gs", fid: 0x4f01 });
	});

	it("expand their contents to the length of the file", () => {
		const expand = (text: string, length: number) => toHex(expandPattern(contentPattern(text), length));
		expect(expand("07FF*", 5)).toBe("07FFFFFFFF");
		expect(expand("FF*0001", 5)).toBe("FFFFFF0001");
		expect(expand("(FFFFFF0000)*", 12)).toBe("FFFFFF0000FFFFFF0000FFFF");
		expect(expand("00", 3)).toBe("00FFFF");
		expect(expand("000102030405", 3)).toBe("000102");
		expect(expand("00*", 3)).toBe("000000");
	});

	it("refuse rows and patterns that are none", () => {
		expect(() => fileTable("ef-x 6F01 XX 1 2")).toThrow(RangeError);
		expect(() => contentPattern("FF**")).toThrow(RangeError);
	});
});

describe("access rules", () => {
	it("are the records of the profile specification", () => {
		expect(ACCESS_RULE_RECORDS).toHaveLength(14);
		const record = (number: number) => ACCESS_RULE_RECORDS[number - 1];
		expect(record(1)).toEqual(hex`8001019000 800102A406830101950108 800158A40683010A950108`);
		expect(record(4)).toEqual(hex`8001019000 80011A9700 800140A40683010A950108`);
		expect(record(7)).toEqual(hex`800103A406830101950108 800158A40683010A950108 840132A406830101950108`);
		expect(record(8)).toEqual(hex`800101A406830101950108 800102A406830181950108 800158A40683010A950108`);
		expect(record(11)).toEqual(hex`8001019000 800118A40683010A950108 8001429700`);
		expect(record(14)).toEqual(hex`80015EA40683010A950108`);
	});
});
