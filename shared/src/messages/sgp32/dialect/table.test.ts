import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encode } from "../../../asn1/schema.ts";
import { fromHex, hex, toHex } from "../../../util/bytes.ts";
import { inventory } from "../../inventory.ts";
import { decodeLenient } from "../deviations.ts";
import { EimConfigurationData } from "../eim-configuration.ts";
import { EuiccMemoryResetRequest, EuiccMemoryResetResponse } from "../es10b-card.ts";
import { TransferEimPackageResponse } from "../esipa-package.ts";
import { EUICCInfo2 } from "../euicc-info.ts";
import { EuiccPackageResult } from "../euicc-package-result.ts";
import { IpaCapabilities } from "../ipa-euicc-data.ts";
import { ProfileDownloadTriggerResult } from "../profile-download-trigger.ts";
import { encodeIn, inDialect } from "./encode-in.ts";
import { differences, unsupportedIn } from "./table.ts";
import { unsignedErrorCode, withUnsignedErrorCode } from "./unsigned-error.ts";
import { versionOfEuicc, versionOfOctets } from "./version.ts";

describe("the table of differences", () => {
	it("names types of the module, versions other than 1.2 where something is written, and each difference once", () => {
		const types = new Set(inventory.map(({ name }) => name));
		for (const { item, type, versions, write } of differences) {
			if (type !== undefined) expect(types, item).toContain(type);
			expect(versions.length, item).toBeGreaterThan(0);
			if (write !== undefined) expect(versions.length, item).toBeLessThan(4);
		}
		const items = differences.map(({ item, versions }) => `${item} ${versions.join()}`);
		expect(new Set(items).size).toBe(items.length);
	});

	it("is what docs/dialects.md prints", () => {
		const page = readFileSync(new URL("../../../../../docs/dialects.md", import.meta.url), "utf8")
			.trim()
			.split("\n");
		const cell = (text: string) => text.replaceAll("|", "\\|");
		const rows = differences.map(
			({ item, versions, form }) => `| ${cell(item)} | ${versions.join(", ")} | ${cell(form)} |`,
		);
		expect(page.slice(-rows.length)).toEqual(rows);
	});

	it("tells why a command is not there", () => {
		expect(unsupportedIn("1.0", "setFallbackAttribute")).toMatch(/v1\.0.*no setFallbackAttribute/);
		expect(unsupportedIn("1.1", "setFallbackAttribute")).toBeUndefined();
		expect(unsupportedIn("1.0", "enable")).toBeUndefined();
	});
});

describe("memory reset, whose old bits would delete other things on a new card", () => {
	it.each([
		["BF64 04 8202 0204", "BF34 04 8202 0410"],
		["BF64 04 8202 0102", "BF34 04 8202 0308"],
		["BF64 04 8202 0780", "BF34 04 8202 0780"],
		["BF64 04 8202 03F8", "BF34 04 8202 05E0"],
		["BF64 03 8201 00", "BF34 03 8201 00"],
	])("%s is in version 1.0 %s", (strict, old) => {
		const [request, expected] = [fromHex(strict.replaceAll(" ", "")), old.replaceAll(" ", "")];
		// Bits 3 and 4 of later versions have no place there.
		expect(toHex(inDialect({ version: "1.0" }, EuiccMemoryResetRequest, request))).toBe(expected);
	});

	it("is read back with its results", () => {
		const { value } = decodeLenient(EuiccMemoryResetRequest, hex`BF34 04 8202 0318`);
		expect(value.resetOptions).toBe("0000011");
		expect(decodeLenient(EuiccMemoryResetResponse, hex`BF34 09 020100 810101 820101`).value).toEqual({
			resetResult: 0,
			resetEimResult: 1,
			resetImmediateEnableConfigResult: 1,
		});
	});
});

describe("what version 1.3 adds", () => {
	it.each([
		["BF4E08 BF6005 A003 800155", { eimPackageReceived: null }],
		["BF4E03 BF6000", { eimPackageReceived: null }],
		["BF4E0B BF6108 A003 800155 810102", { eimPackageError: 2 }],
		["BF4E06 BF6103 81017F", { eimPackageError: 127 }],
	])("TransferEimPackage answered %s", (octets, expected) => {
		const { value, versions } = decodeLenient(TransferEimPackageResponse, fromHex(octets.replaceAll(" ", "")));
		expect([value, versions]).toEqual([expected, ["1.3"]]);
	});

	it("the code of an unsigned error is read, and left out for earlier versions", () => {
		const plain = encode(EuiccPackageResult, { euiccPackageErrorUnsigned: { eimId: "e", associationToken: 1 } });
		const coded = withUnsignedErrorCode(plain, 15);
		expect([unsignedErrorCode(plain), unsignedErrorCode(coded)]).toEqual([undefined, 15]);
		expect(toHex(inDialect({ version: "1.1" }, EuiccPackageResult, coded))).toBe(toHex(plain));
		expect(toHex(inDialect({ version: "1.3" }, EuiccPackageResult, coded))).toBe(toHex(coded));
	});

	it("proprietary protocols go to no earlier version", () => {
		const configuration = hex`30 09 800165 AA04 3002 0500`;
		expect(toHex(inDialect({ version: "1.3" }, EimConfigurationData, configuration))).toBe(toHex(configuration));
		expect(toHex(inDialect({ version: "1.1" }, EimConfigurationData, configuration))).toBe("3003800165");
		const capabilities = hex`30 0A 80020640 A204 3002 0500`;
		expect(toHex(inDialect({ version: "1.0" }, IpaCapabilities, capabilities))).toBe("300480020640");
	});
});

describe("errors of direct downloads", () => {
	it.each([
		["BF54 04 3002 8000", "BF54 07 3005 80017F 0400"],
		["BF54 08 3006 8004 AABBCCDD", "BF54 0B 3009 80017F 0404AABBCCDD"],
		["BF54 02 3000", "BF54 05 3003 80017F"],
	])("%s of version 1.0 is %s", (old, strict) => {
		const { value } = decodeLenient(ProfileDownloadTriggerResult, fromHex(old.replaceAll(" ", "")));
		expect(toHex(encode(ProfileDownloadTriggerResult, value))).toBe(strict.replaceAll(" ", ""));
		expect(toHex(encodeIn({ version: "1.0" }, ProfileDownloadTriggerResult, value))).toBe(old.replaceAll(" ", ""));
	});
});

describe("the version of an eUICC", () => {
	it("is the highest that it names", () => {
		expect(
			["010001", "010100", "010200", "010300", "010400", "020000", "000901"].map((o) => versionOfOctets(fromHex(o))),
		).toEqual(["1.0", "1.1", "1.2", "1.3", "1.3", "1.3", undefined]);
		const iotSpecificInfo = { iotVersion: [hex`010001`, hex`010200`, hex`010100`] };
		const info = encode(EUICCInfo2, {
			...{ profileVersion: hex`020301`, svn: hex`020500`, euiccFirmwareVer: hex`010000`, ppVersion: hex`010000` },
			...{ extCardResource: hex`8101`, uiccCapability: "", rspCapability: "", sasAcreditationNumber: "" },
			...{ euiccCiPKIdListForVerification: [], euiccCiPKIdListForSigning: [], iotSpecificInfo },
		});
		expect(versionOfEuicc(info)).toBe("1.2");
	});
});
