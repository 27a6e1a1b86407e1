import { existsSync, readdirSync, readFileSync } from "node:fs";
import { encode } from "@iot-esim/shared/asn1/schema";
import { ProfileElement } from "@iot-esim/shared/messages/pe/profile-element";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import {
	encodeProfilePackage,
	type PackageElement,
	type ProfilePackage,
	packageElement,
	parseProfilePackage,
} from "@iot-esim/shared/profile/profile-package";
import { describeSimaResponse } from "@iot-esim/shared/profile/sima-response";
import { subscriberOf } from "@iot-esim/shared/profile/subscriber";
import { validateProfilePackage } from "@iot-esim/shared/profile/validate-profile-package";
import { concatBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { CardSecurity, FileSession } from "./file-session.ts";
import { contentsOf, type FileSystem, fileAtPath, fileOf, MASTER_FILE } from "./file-system.ts";
import { installFileSystem } from "./install-file-system.ts";
import { DEFAULT_LIMITS } from "./installation-limits.ts";
import { profileFileSystems } from "./profile-file-systems.ts";

const description = {
	iccid: "89882190000000000017",
	imsi: "901700000000001",
	ki: "465B5CE8B199B49FAA5F0A2EE238A6BC",
	opc: "CD63CB71954A9F4E48A5994E37A02BAF",
	serviceProvider: "Example",
	oplmn: ["26201"],
};
const built = () => parseProfilePackage(buildProfilePackage(description));

function installed(profile: ProfilePackage): FileSystem {
	const outcome = installFileSystem(profile);
	if ("failure" in outcome) throw new Error(outcome.failure.message);
	return outcome.fileSystem;
}

function contentsAt(fs: FileSystem, ...path: number[]): string {
	const id = fileAtPath(fs, MASTER_FILE, path);
	return id === undefined ? "absent" : toHex(contentsOf(fs, id));
}

/** The package with the element at `index` exchanged, removed (null) or followed by others. */
function changed(
	profile: ProfilePackage,
	index: number,
	change: (value: PackageElement) => PackageElement[],
): ProfilePackage {
	return { elements: profile.elements.flatMap((element, i) => (i === index ? change(element) : [element])) };
}

function failureOf(profile: ProfilePackage, limits = DEFAULT_LIMITS) {
	const outcome = installFileSystem(profile, limits);
	if (!("failure" in outcome)) throw new Error("the package was installed");
	return outcome.failure;
}

const indexOf = (profile: ProfilePackage, kind: string) =>
	profile.elements.findIndex((element) => element.kind === kind);

describe("installFileSystem", () => {
	const USIM = 0x7ff0;

	it("gives every file the contents of the profile, or of the template where the profile says nothing", () => {
		const fs = installed(built());
		expect(contentsAt(fs, 0x2fe2)).toBe("98881209000000000071");
		expect(contentsAt(fs, USIM, 0x6f07)).toBe("089910070000000010");
		expect(contentsAt(fs, USIM, 0x6f08)).toBe(`07${"FF".repeat(32)}`);
		expect(contentsAt(fs, USIM, 0x6f73)).toBe("FFFFFFFFFFFFFFFFFFFF0000FF01");
		expect(contentsAt(fs, USIM, 0x6f60)).toBe("FFFFFF0000".repeat(8));
		expect(contentsAt(fs, USIM, 0x6f61)).toBe("62F210C880");
		// every record of EF.SMS begins with 00 and goes on with FF
		expect(contentsAt(fs, USIM, 0x6f3c)).toBe(`00${"FF".repeat(175)}`.repeat(10));
		// optional files of a template that is not created by default
		expect(contentsAt(fs, USIM, 0x6f40)).toBe("absent");
	});

	it("leaves out files that are not to be created", () => {
		const profile = built();
		const usim = indexOf(profile, "usim");
		const fs = installed(
			changed(profile, usim, ({ value }) => {
				if (!value || !("usim" in value)) throw new Error("no USIM");
				return [packageElement({ usim: { ...value.usim, "ef-netpar": [{ doNotCreate: null }] } })];
			}),
		);
		expect(contentsAt(fs, USIM, 0x6fc4)).toBe("absent");
		expect(contentsAt(fs, USIM, 0x6f5c)).toBe("FFFFFF");
	});

	it("creates the files of the MF even when they are marked as not to be created", () => {
		const profile = built();
		const marked = changed(profile, indexOf(profile, "mf"), ({ value }) => {
			if (!value || !("mf" in value)) throw new Error("no MF");
			return [packageElement({ mf: { ...value.mf, "ef-pl": [{ doNotCreate: null }] } })];
		});
		expect(contentsAt(installed(marked), 0x2f05)).toBe("FFFF");
	});

	/** A PE-GenericFileManagement behind the USIM. */
	const managed = (...steps: Record<string, unknown>[]): ProfilePackage => {
		const profile = built();
		const value = {
			genericFileManagement: { "gfm-header": { mandated: null, identification: 99 }, fileManagementCMD: [steps] },
		} as ProfileElement;
		return changed(profile, indexOf(profile, "opt-usim"), (element) => [element, packageElement(value)]);
	};
	const fcp = (more: Record<string, unknown>) => ({ createFCP: { securityAttributesReferenced: hex`0A`, ...more } });

	it("creates files of its own, links and directories by generic file management", () => {
		const fs = installed(
			managed(
				{ filePath: hex`7FF0` },
				fcp({ fileDescriptor: hex`7821`, fileID: hex`5F99`, pinStatusTemplateDO: hex`010A` }),
				{ filePath: hex`7FF05F99` },
				fcp({
					fileDescriptor: hex`42210003`,
					fileID: hex`4F01`,
					efFileSize: hex`09`,
					proprietaryEFInfo: { fillPattern: hex`0102` },
				}),
				{ fillFileOffset: 4 },
				{ fillFileContent: hex`AABB` },
				fcp({
					fileDescriptor: hex`4121`,
					fileID: hex`4F02`,
					efFileSize: hex`05`,
					proprietaryEFInfo: { repeatPattern: hex`0102` },
				}),
				fcp({ fileDescriptor: hex`4121`, fileID: hex`4F03`, linkPath: hex`7FF06F07` }),
			),
		);
		expect(contentsAt(fs, USIM, 0x5f99, 0x4f01)).toBe("01020201AABB010202");
		expect(contentsAt(fs, USIM, 0x5f99, 0x4f02)).toBe("0102010201");
		expect(contentsAt(fs, USIM, 0x5f99, 0x4f03)).toBe("089910070000000010");
		const directory = fileAtPath(fs, MASTER_FILE, [USIM, 0x5f99]) as number;
		expect(fileOf(fs, directory)).toMatchObject({ kind: "df", accessRule: { record: 10 } });
		const second = fileAtPath(fs, MASTER_FILE, [USIM, 0x5f99, 0x4f02]) as number;
		expect(fileOf(fs, second).shortFileId).toBe(0x02);
	});

	it("shows the files of a directory in a link to it, and writes them through the link", () => {
		const fs = installed(
			managed(
				{ filePath: hex`7FF0` },
				fcp({ fileDescriptor: hex`7821`, fileID: hex`5F98`, pinStatusTemplateDO: hex`010A` }),
				{ filePath: hex`7FF05F98` },
				fcp({
					fileDescriptor: hex`4121`,
					fileID: hex`4F01`,
					efFileSize: hex`02`,
					securityAttributesReferenced: hex`05`,
				}),
				{ filePath: hex`` },
				fcp({ fileDescriptor: hex`7821`, fileID: hex`7F55`, pinStatusTemplateDO: hex`010A`, linkPath: hex`7FF05F98` }),
			),
		);
		const session = new FileSession(fs, new CardSecurity());
		const send = (ins: number, p1: number, p2: number, data: Uint8Array) =>
			session.execute({ cla: 0, ins, p1, p2, data, le: 256 });
		expect(send(0xa4, 0, 0x0c, hex`7F55`).sw).toBe(0x9000);
		expect(send(0xa4, 0, 0x0c, hex`4F01`).sw).toBe(0x9000);
		expect(send(0xd6, 0, 0, hex`CAFE`).sw).toBe(0x9000);
		expect(contentsAt(fs, USIM, 0x5f98, 0x4f01)).toBe("CAFE");
		expect(toHex(send(0xf2, 0, 0, hex``).data)).toContain("83027F55");
		expect(send(0xa4, 3, 0x04, hex``).data.subarray(8, 10)).toEqual(hex`3F00`);
	});

	it("overwrites an existing file by its path", () => {
		const fs = installed(managed({ filePath: hex`7FF06F78` }, { fillFileOffset: 1 }, { fillFileContent: hex`77` }));
		expect(contentsAt(fs, USIM, 0x6f78)).toBe("0077");
	});

	it.each<[string, string, ProfilePackage | (() => ProfilePackage), number | undefined]>([
		["a path to no file", "bad-values", () => managed({ filePath: hex`7F99` }), 99],
		[
			"an identifier that is taken",
			"bad-values",
			() =>
				managed({ filePath: hex`7FF0` }, fcp({ fileDescriptor: hex`4121`, fileID: hex`6F07`, efFileSize: hex`05` })),
			99,
		],
		[
			"a link to no file",
			"bad-values",
			() => managed(fcp({ fileDescriptor: hex`4121`, fileID: hex`2F99`, linkPath: hex`7FF06F99` })),
			99,
		],
		[
			"contents longer than the file",
			"bad-values",
			() =>
				managed(fcp({ fileDescriptor: hex`4121`, fileID: hex`2F99`, efFileSize: hex`01` }), {
					fillFileContent: hex`0102`,
				}),
			99,
		],
		["contents before any file", "bad-values", () => managed({ fillFileContent: hex`0102` }), 99],
		[
			"records that do not fill the file",
			"bad-values",
			() => managed(fcp({ fileDescriptor: hex`42210004`, fileID: hex`2F99`, efFileSize: hex`09` })),
			99,
		],
		["no header", "bad-values", () => ({ elements: built().elements.slice(1) }), 1],
		["no end", "bad-values", () => ({ elements: built().elements.slice(0, -1) }), 8],
		[
			"keys before the USIM",
			"bad-values",
			() => {
				const p = built();
				const aka = p.elements[indexOf(p, "akaParameter")] as PackageElement;
				return changed(p, 1, (mf) => [mf, aka]);
			},
			7,
		],
		[
			"a PIN whose PUK is missing",
			"pin-code-missing",
			() => {
				const p = built();
				return changed(p, indexOf(p, "pukCodes"), () => []);
			},
			3,
		],
		[
			"optional files without their application",
			"bad-values",
			() => {
				const p = built();
				return changed(p, indexOf(p, "usim"), () => []);
			},
			5,
		],
	])("refuses %s and names the element", (_, status, profile, identification) => {
		const failure = failureOf(typeof profile === "function" ? profile() : profile);
		expect(failure).toMatchObject({ status });
		expect(failure.identification).toBe(identification);
	});

	const withHeader = (more: Record<string, unknown>): ProfilePackage => {
		const profile = built();
		return changed(profile, 0, ({ value }) => {
			if (!value || !("header" in value)) throw new Error("no header");
			return [packageElement({ header: { ...value.header, ...more } })];
		});
	};

	it.each([
		["unsupported-profile-version", { "major-version": 9 }],
		["feature-not-supported", { "eUICC-Mandatory-services": { usim: null, "cat-tp": null } }],
		["runtime-not-supported", { "eUICC-Mandatory-services": { javacard: null } }],
		["template-not-supported", { "eUICC-Mandatory-GFSTEList": ["2.23.143.1.2.99"] }],
		["lib-not-supported", { "eUICC-Mandatory-AIDs": [{ aid: hex`A0000000871002`, version: hex`0100` }] }],
	])("answers %s to what the header demands and the card has not", (status, header) => {
		expect(failureOf(withHeader(header))).toMatchObject({ status });
	});

	it("refuses a mandated element it cannot carry out, and passes over the same element when it is not mandated", () => {
		const foreign = (header: { mandated?: null; identification: number }) =>
			packageElement({ nonStandard: { "nonStandard-header": header, issuerID: "1.2.840.1", content: hex`00` } });
		const profile = built();
		const last = profile.elements.length - 1;
		const at = (element: PackageElement) => changed(profile, last, (end) => [element, end]);
		expect(failureOf(at(foreign({ mandated: null, identification: 77 })))).toMatchObject({
			status: "pe-not-supported",
			identification: 77,
		});
		expect(installFileSystem(at(foreign({ identification: 77 })))).toHaveProperty("fileSystem");
	});

	it("clears services in EF.UST that the card cannot carry out", () => {
		const profile = built();
		const all = changed(profile, indexOf(profile, "usim"), ({ value }) => {
			if (!value || !("usim" in value)) throw new Error("no USIM");
			const table = [{ fileDescriptor: { efFileSize: hex`10` } }, { fillFileContent: new Uint8Array(16).fill(0xff) }];
			return [packageElement({ usim: { ...value.usim, "ef-ust": table } })];
		});
		expect(contentsAt(installed(all), USIM, 0x6f38)).toBe(`${"FF".repeat(8)}E7${"FF".repeat(7)}`);
	});

	it("makes the files of an IoT Minimal Profile from its header where the element leaves them out", () => {
		const aka = built().elements.filter(({ kind }) => kind === "akaParameter");
		const iot: ProfileElement = {
			iot: {
				"iot-header": { mandated: null, identification: 1 },
				templateID: "2.23.143.1.2.17",
				"ef-imsi": [{ fillFileContent: hex`089910070000000010` }],
				"ef-acc": [{ fillFileContent: hex`0002` }],
			},
		};
		const header: ProfileElement = {
			header: {
				"major-version": 3,
				"minor-version": 3,
				iccid: hex`89882190000000000017`,
				"eUICC-Mandatory-services": { usim: null, milenage: null },
				"eUICC-Mandatory-GFSTEList": ["2.23.143.1.2.17"],
				iotOptions: { pix: hex`1002FFFFFFFF8907` },
			},
		};
		const end: ProfileElement = { end: { "end-header": { identification: 9 } } };
		const profile = { elements: [packageElement(header), packageElement(iot), ...aka, packageElement(end)] };
		const fs = installed(profile);
		expect(contentsAt(fs, 0x2fe2)).toBe("98881209000000000071");
		expect(contentsAt(fs, 0x2f00)).toBe("610F4F0DA0000000871002FFFFFFFF8907");
		expect(contentsAt(fs, USIM, 0x6f07)).toBe("089910070000000010");
		expect(contentsAt(fs, USIM, 0x6f08)).toBe(`07${"FF".repeat(32)}`);
		expect(Object.keys(fs.authentication.byApplication)).toHaveLength(1);
		expect(subscriberOf(profile)).toMatchObject({ imsi: "901700000000001" });
		expect(validateProfilePackage(profile).filter(({ severity }) => severity === "error")).toEqual([]);
	});

	it("stops when the memory is full", () => {
		expect(failureOf(built(), { ...DEFAULT_LIMITS, memory: 600 })).toMatchObject({ status: "not-enough-memory" });
	});
});

describe("profileFileSystems", () => {
	const memory = () => {
		const records = new Map<string, Uint8Array>();
		return {
			records,
			get: (key: string) => records.get(key),
			put: (key: string, value: Uint8Array) => void records.set(key, value),
		};
	};
	const command = (ins: number, p1: number, p2: number, data: Uint8Array) => ({
		cla: 0,
		ins,
		p1,
		p2,
		data,
		le: 256,
		channel: 0,
		isProprietary: false,
	});

	it("keeps what a command changed over a power cut, and forgets the PINs that were given", () => {
		const storage = memory();
		expect(
			profileFileSystems().install(buildProfilePackage({ ...description, pin: "1234", pinEnabled: true }), storage),
		).toBeUndefined();
		const first = profileFileSystems().open(storage).openSession();
		expect(first.transmit(command(0xa4, 4, 0x0c, hex`A0000000871002`)).status).toBe(0x9000);
		expect(first.transmit(command(0xd6, 0x8d, 0, hex`62F210`)).status).toBe(0x6982);
		expect(first.transmit(command(0x20, 0, 1, hex`31323334FFFFFFFF`)).status).toBe(0x9000);
		expect(first.transmit(command(0xd6, 0x8d, 0, hex`62F210`)).status).toBe(0x9000);
		const second = profileFileSystems().open(storage).openSession();
		second.transmit(command(0xa4, 4, 0x0c, hex`A0000000871002`));
		expect(second.transmit(command(0xb0, 0x8d, 0, hex``)).status).toBe(0x6982);
		second.transmit(command(0x20, 0, 1, hex`31323334FFFFFFFF`));
		expect(toHex(second.transmit(command(0xb0, 0x8d, 0, hex``)).data)).toBe(`62F210${"FF".repeat(9)}`);
	});

	it("answers an EUICCResponse when the package is broken", () => {
		const der = buildProfilePackage(description);
		const response = (octets: Uint8Array) =>
			describeSimaResponse(profileFileSystems().install(octets, memory()) as Uint8Array);
		expect(response(der.subarray(0, 100))).toContain("invalid-request-format");
		const { elements } = parseProfilePackage(der);
		expect(response(concatBytes(...elements.slice(0, -1).map((element) => element.der)))).toBe(
			"bad-values (element 8): the last element is not the end",
		);
	});
});

const samples = new URL("../../../../../shared/data/upp/", import.meta.url);
const files = existsSync(samples) ? readdirSync(samples).filter((name) => name.endsWith(".der")) : [];
if (files.length === 0)
	console.log(`no GSMA TS.48 packages at ${samples.pathname}: they are not installed in this run`);

describe.runIf(files.length > 0)("GSMA TS.48 test profiles", () => {
	it.each(files)("%s parses, re-encodes to the same octets by value, and installs", (name) => {
		const der = new Uint8Array(readFileSync(new URL(name, samples)));
		const profile = parseProfilePackage(der);
		expect(toHex(encodeProfilePackage(profile)) === toHex(der)).toBe(true);
		const again = profile.elements.map(({ value }) => encode(ProfileElement, value as ProfileElement));
		expect(toHex(concatBytes(...again)) === toHex(der)).toBe(true);
		const fs = installed(profile);
		expect(contentsAt(fs, 0x7fd0, 0x6f07)).toBe("080910101032540636");
		expect(contentsAt(fs, 0x2fe2)).toBe("98001032547698103214");
		// EF.FDN of the CSIM is a link to the one of the USIM
		expect(contentsAt(fs, 0x7fc0, 0x6f3b)).toBe(contentsAt(fs, 0x7fd0, 0x6f3b));
		expect(Object.keys(fs.authentication.byApplication)).toHaveLength(2);
	});
});
