import { describe, expect, it } from "vitest";
import type { Fcp } from "../messages/pe/file.ts";
import { hex, toHex } from "../util/bytes.ts";
import { type FileStep, fileImage } from "./file-image.ts";
import { fileTemplateOf, templateOf } from "./templates/registry.ts";

const usim = templateOf("2.23.143.1.2.4");
const row = (field: string) => (usim ? fileTemplateOf(usim, field) : undefined);
const image = (field: string, fcp: Fcp = {}, ...steps: FileStep[]) =>
	fileImage(field, row(field), [{ fileDescriptor: fcp }, ...steps]);
const free = (fcp: Fcp, ...steps: FileStep[]) => fileImage("ef", undefined, [{ fileDescriptor: fcp }, ...steps]);
const rule = { securityAttributesReferenced: hex`6F0602` };

describe("fileImage", () => {
	it("takes everything from the template when the profile says nothing", () => {
		const { contents, ...rest } = fileImage("ef-loci", row("ef-loci"), []);
		expect(toHex(contents)).toBe("FFFFFFFFFFFFFF0000FF01");
		expect(rest).toEqual({
			kind: "transparent",
			fid: 0x6f7e,
			isShareable: true,
			lifeCycle: 5,
			accessRule: { record: 5 },
			shortFileId: 0x0b,
			specialInformation: 0x80,
		});
	});

	it("lets the profile change size, identifiers, access rule, life cycle and sharing", () => {
		const changed = image("ef-loci", {
			fileDescriptor: hex`0121`,
			fileID: hex`6F99`,
			lcsi: hex`04`,
			securityAttributesReferenced: hex`2F0603`,
			efFileSize: hex`0100`,
			shortEFID: hex`F0`,
			proprietaryEFInfo: { specialFileInformation: hex`40` },
		});
		expect(changed).toMatchObject({
			fid: 0x6f99,
			isShareable: false,
			lifeCycle: 4,
			accessRule: { ruleFile: 0x2f06, record: 3 },
			shortFileId: 0x1e,
			specialInformation: 0x40,
		});
		expect(changed.contents).toHaveLength(256);
	});

	it("knows three ways to say a short identifier: none, empty, and out of the file identifier", () => {
		expect(image("ef-loci", { shortEFID: hex`` }).shortFileId).toBeUndefined();
		const size = { fileDescriptor: hex`4121`, efFileSize: hex`01`, ...rule };
		expect(free({ ...size, fileID: hex`6F0A` }).shortFileId).toBe(0x0a);
		expect(free({ ...size, fileID: hex`6F1F` }).shortFileId).toBeUndefined();
		expect(free({ ...size, fileID: hex`6F0A`, shortEFID: hex`` }).shortFileId).toBeUndefined();
	});

	it("puts contents behind offsets that count from the end of the piece before", () => {
		const { contents } = image(
			"ef-loci",
			{},
			{ fillFileOffset: 1 },
			{ fillFileContent: hex`AABB` },
			{ fillFileOffset: 2 },
			{ fillFileContent: hex`CC` },
		);
		expect(toHex(contents)).toBe("FFAABBFFFFCCFF0000FF01");
	});

	it("begins a fill pattern anew in every record and repeats its last octet", () => {
		const records = { fileDescriptor: hex`42210004`, fileID: hex`6F0A`, efFileSize: hex`08`, ...rule };
		expect(toHex(free({ ...records, proprietaryEFInfo: { fillPattern: hex`0102` } }).contents)).toBe(
			"0102020201020202",
		);
		expect(toHex(free({ ...records, proprietaryEFInfo: { repeatPattern: hex`010203` } }).contents)).toBe(
			"0102030101020301",
		);
		expect(toHex(free(records).contents)).toBe("FFFFFFFFFFFFFFFF");
	});

	it("keeps the contents of a BER-TLV file as they are given and its largest size apart", () => {
		const data = free(
			{ fileDescriptor: hex`7921`, fileID: hex`6F0A`, proprietaryEFInfo: { maximumFileSize: hex`0400` }, ...rule },
			{ fillFileContent: hex`800101` },
		);
		expect(data).toMatchObject({ kind: "ber-tlv", maximumSize: 1024, contents: hex`800101` });
	});

	it("gives a link no contents of its own, and an empty link path none to follow", () => {
		expect(free({ fileDescriptor: hex`4121`, fileID: hex`6F0A`, linkPath: hex`3F007F106F3A`, ...rule })).toMatchObject({
			linkPath: [0x7f10, 0x6f3a],
			contents: hex``,
		});
		expect(image("ef-loci", { linkPath: hex`` }).linkPath).toBeUndefined();
	});

	it.each<[string, () => unknown]>([
		["neither a template nor a file descriptor", () => free({ fileID: hex`6F0A`, ...rule })],
		["no access rule", () => free({ fileDescriptor: hex`4121`, efFileSize: hex`01` })],
		["1 or 3 octets", () => image("ef-loci", { securityAttributesReferenced: hex`6F06` })],
		["no known structure", () => image("ef-loci", { fileDescriptor: hex`4521` })],
		["its size must be", () => free({ fileDescriptor: hex`4121`, ...rule })],
		["its records must have", () => free({ fileDescriptor: hex`4221`, efFileSize: hex`08`, ...rule })],
		["how many records", () => free({ fileDescriptor: hex`42210004`, ...rule })],
		["not a whole number of records", () => image("ef-sms", { efFileSize: hex`0100` })],
		["at most 254", () => free({ fileDescriptor: hex`42210001`, efFileSize: hex`0100`, ...rule })],
		[
			"its contents end at octet 12 of 11",
			() => image("ef-loci", {}, { fillFileOffset: 11 }, { fillFileContent: hex`00` }),
		],
		[
			"not made of identifiers",
			() => free({ fileDescriptor: hex`4121`, fileID: hex`6F0A`, linkPath: hex`7F106F`, ...rule }),
		],
	])("complains: %s", (message, action) => {
		expect(action).toThrow(
			expect.objectContaining({ code: "PROFILE_FILE_INVALID", message: expect.stringContaining(message) }),
		);
	});
});
