import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { equalBytes, hex, toHex } from "../../util/bytes.ts";
import { encodeProfilePackage, fileElementOf, type PackageElement, parseProfilePackage } from "../profile-package.ts";
import { subscriberOf } from "../subscriber.ts";
import { validateProfilePackage } from "../validate-profile-package.ts";
import { buildProfilePackage } from "./build-profile-package.ts";
import { packageMetadata, profileMetadata } from "./profile-metadata.ts";

const yaml = `
iccid: "89882190000000000017"
imsi: "901700000000001"
serviceProvider: Example Mobile
profileName: Fleet Europe
class: operational
algorithm: milenage
ki: 465B5CE8B199B49FAA5F0A2EE238A6BC
op: CDC202D5123E20F62B6D676AC72CB318
hplmn: ["90170", {plmn: "00101", technologies: [e-utran-nb, ng-ran]}]
oplmn: ["26201"]
fplmn: ["26202"]
ehplmn: ["310410"]
spn: Example
acc: [1, 12]
pin: "4711"
puk: "00000001"
policyRules: [ppr2]
notifications:
  - smdp.example.com
  - { address: events.example.com, events: [enable] }
`;

describe("buildProfilePackage", () => {
	it("builds a package from YAML that reads back as the same subscriber", () => {
		const der = buildProfilePackage(yaml);
		const profile = parseProfilePackage(der);
		expect(profile.elements.map((element) => element.kind)).toEqual([
			"header",
			"mf",
			"pukCodes",
			"pinCodes",
			"usim",
			"opt-usim",
			"pinCodes",
			"akaParameter",
			"securityDomain",
			"end",
		]);
		expect(equalBytes(encodeProfilePackage(profile), der)).toBe(true);
		const subscriber = subscriberOf(profile);
		expect(subscriber).toMatchObject({ iccid: "89882190000000000017", imsi: "901700000000001", algorithm: "milenage" });
		// OPc of 3GPP TS 35.207 section 6.3, test set 1
		expect(toHex(subscriber.opc)).toBe("CD63CB71954A9F4E48A5994E37A02BAF");
	});

	it("builds TUAK with TOPc and the test algorithm without an operator code", () => {
		const tuak = { iccid: "8988219000000000001", imsi: "262019876543210", algorithm: "tuak", ki: "00".repeat(32) };
		const built = subscriberOf(
			parseProfilePackage(buildProfilePackage({ ...tuak, opc: "5A".repeat(32), keccakIterations: 2 })),
		);
		expect(built).toMatchObject({ iccid: "8988219000000000001", algorithm: "tuak", algorithmID: 2, numberOfKeccak: 2 });
		expect(built.opc).toEqual(new Uint8Array(32).fill(0x5a));
		const test = { ...tuak, algorithm: "usim-test", ki: "000102030405060708090A0B0C0D0E0F" };
		const testSubscriber = subscriberOf(parseProfilePackage(buildProfilePackage(test)));
		expect(testSubscriber).toMatchObject({ algorithm: "usim-test", algorithmOptions: hex`02` });
	});

	const base = { iccid: "89882190000000000017", imsi: "901700000000001", ki: "00".repeat(16), opc: "00".repeat(16) };
	it.each([
		["iccid: must have 19 to 20 digits", { ...base, iccid: "123" }],
		["imsi: must be 6 to 15 digits in quotes", { ...base, imsi: 901700000000001 }],
		["ki: must have 16 octets, not 8", { ...base, ki: "00".repeat(8) }],
		["opc: is missing", { ...base, opc: undefined }],
		["hplmn[0].technologies[1]: must be one of", { ...base, hplmn: [{ plmn: "90170", technologies: ["gsm", "5g"] }] }],
		["fplmn[1]: must be the 5 or 6 digits", { ...base, fplmn: ["26201", "1"] }],
		[
			"notifications[0].events[0]: must be one of install",
			{ ...base, notifications: [{ address: "a.b", events: ["x"] }] },
		],
		["acc[0]: must be an access class", { ...base, acc: [10] }],
		["colour: is not an entry", { ...base, colour: "red" }],
		["class: must be one of test", { ...base, class: "blue" }],
		["the description: must be a mapping", "just text"],
		["the description: is no YAML", "a: [1"],
	])("complains with the path of the entry: %s", (message, source) => {
		expect(() => buildProfilePackage(source)).toThrow(
			expect.objectContaining({ code: "PROFILE_DESCRIPTION_INVALID", message: expect.stringContaining(message) }),
		);
	});

	it("never shows a key in a complaint", () => {
		const ki = "0123456789ABCDEF0123456789ABCDEG";
		expect(() => buildProfilePackage({ ...base, ki })).toThrow(
			expect.not.objectContaining({ message: expect.stringContaining(ki) }),
		);
	});
});

describe("service provider names", () => {
	const spn = (more: object) => {
		const usim = parseProfilePackage(
			buildProfilePackage({
				iccid: "89882190000000000017",
				imsi: "901700000000001",
				ki: "00".repeat(16),
				opc: "00".repeat(16),
				...more,
			}),
		).elements.find((e) => e.kind === "usim");
		const steps = fileElementOf(usim as PackageElement)?.files.get("ef-spn") ?? [];
		return steps.flatMap((step) => ("fillFileContent" in step ? [toHex(step.fillFileContent)] : []))[0];
	};

	it("are in the GSM alphabet where that has all characters, else in UCS2", () => {
		const padded = (octets: Uint8Array) => toHex(octets).padEnd(34, "F");
		expect(spn({ spn: "Ex_1@ä" })).toBe(padded(hex`01 45 78 11 31 00 7B`));
		expect(spn({ spn: "Łódź" })).toBe(padded(hex`01 80 0141 00F3 0064 017A`));
		expect(spn({ serviceProvider: "Łódź Komunikacja" })).toBe(padded(hex`01 80 0141 00F3 0064 017A 0020 004B 006F`));
	});

	it("are refused when they were given and do not fit", () => {
		expect(() => spn({ spn: "Łódź Komunikacja" })).toThrow("spn: has characters outside of the GSM alphabet");
	});
});

describe("any described profile", () => {
	const digits = (min: number, max: number) => fc.stringMatching(new RegExp(`^[0-9]{${min},${max}}$`));
	const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

	it("reads back as the subscriber that was described, and has no fault", () => {
		const description = fc.record({
			iccid: digits(19, 20),
			imsi: digits(6, 15),
			ki: octets(16),
			opc: octets(16),
			fplmn: fc.array(digits(5, 6), { maxLength: 9 }),
		});
		fc.assert(
			fc.property(description, ({ iccid, imsi, ki, opc, fplmn }) => {
				const profile = parseProfilePackage(
					buildProfilePackage({ iccid, imsi, ki: toHex(ki), opc: toHex(opc), fplmn }),
				);
				expect(subscriberOf(profile)).toMatchObject({ iccid, imsi });
				expect(toHex(subscriberOf(profile).key)).toBe(toHex(ki));
				expect(validateProfilePackage(profile)).toEqual([]);
			}),
			{ numRuns: 60 },
		);
	});
});

describe("profile metadata", () => {
	it("says of a described profile what StoreMetadata needs", () => {
		expect(profileMetadata(yaml)).toEqual({
			iccid: hex`98 88 12 09 00 00 00 00 00 71`,
			serviceProviderName: "Example Mobile",
			profileName: "Fleet Europe",
			profileClass: 2,
			notificationConfigurationInfo: [
				{ profileManagementOperation: "1111", notificationAddress: "smdp.example.com" },
				{ profileManagementOperation: "01", notificationAddress: "events.example.com" },
			],
			profileOwner: { mccMnc: hex`09 F1 07` },
			profilePolicyRules: "001",
		});
	});

	it("takes ICCID and owner of a foreign package from its files", () => {
		const profile = parseProfilePackage(
			buildProfilePackage({
				...JSON.parse("{}"),
				iccid: "89882190000000000017",
				imsi: "310410123456789",
				algorithm: "usim-test",
				ki: "00".repeat(16),
			}),
		);
		const known = { serviceProviderName: "SP", profileName: "Test", profileClass: "test", mncLength: 3 } as const;
		expect(packageMetadata(profile, known)).toMatchObject({ profileClass: 0, profileOwner: { mccMnc: hex`13 00 14` } });
	});
});
