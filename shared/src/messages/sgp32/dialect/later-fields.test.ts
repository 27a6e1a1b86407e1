/**
 * What version 1.3 adds, octet by octet. The octets follow the module that Wireshark ships
 * (epan/dissectors/asn1/sgp32/SGP32Definitions.asn); no device of version 1.3 was at hand.
 */

import { describe, expect, it } from "vitest";
import { encode } from "../../../asn1/schema.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { inspect } from "../../../inspect/inspect.ts";
import { nodesOf } from "../../../inspect/node.ts";
import { concatBytes, fromHex, hex, toHex } from "../../../util/bytes.ts";
import { EimConfigurationData } from "../eim-configuration.ts";
import { DisableEmergencyProfileResponse } from "../es10b-switch.ts";
import { AuthenticateClientResponseEsipa, GetBoundProfilePackageResponseEsipa } from "../esipa-download.ts";
import { ProvideEimPackageResultResponse } from "../esipa-package.ts";
import { encodeIn, inDialect } from "./encode-in.ts";
import { laterFields, laterTags, readLaterFields, type TypeWithLaterFields, withLaterFields } from "./later-fields.ts";
import { differences, otherNamesOf } from "./table.ts";
import { SGP32_VERSIONS } from "./version.ts";

const EID = hex`89049032000000000000000000000163`;
const vendor = { oid: hex`80022A03`, octets: hex`810141`, value: hex`A1020500` };

/** By type: the octets of what is new, where they stand (tag), and what they say. */
const cases: readonly (readonly [type: TypeWithLaterFields, tag: number, added: Uint8Array, fields: object])[] = [
	["EUICCInfo2", 0xbf22, hex`950101`, { euiccMinimumSecurityLevel: hex`01` }],
	["IoTSpecificInfo", 0x30, hex`8300`, { fallbackAllowedUpdateSupported: null }],
	["EuiccPackageErrorUnsigned", 0x30, hex`8F010F`, { euiccPackageUnsignedErrorCode: 15 }],
	["CompactOtherSignedNotification", 0x30, hex`0402F541`, { euiccCiPKIdentifierToBeUsed: hex`F541` }],
	["ProfileInfo", 0xe3, hex`BF6400`, { iotSpecificProfileInfo: {} }],
	["StoreMetadataRequest", 0xbf25, hex`BF6400`, { iotSpecificMetadata: {} }],
	["UpdateMetadataRequest", 0xbf2a, hex`9F6701FF`, { fallbackAllowed: true }],
	[
		"IpaCapabilities",
		0x30,
		tlv(0xa2, tlv(0x30, vendor.oid, vendor.octets)),
		{ eSipaProprietaryProtocolInformation: [{ vendorOid: "1.2.3", vendorSpecificData: { octets: hex`41` } }] },
	],
	[
		"EimConfigurationData",
		0x30,
		tlv(0xaa, tlv(0x30, vendor.oid, vendor.value)),
		{ eSipaProprietaryProtocolInformation: [{ vendorOid: "1.2.3", vendorSpecificData: { value: hex`0500` } }] },
	],
	[
		"TransferEimPackageResponse",
		0xbf4e,
		tlv(0xbf61, tlv(0xa0, hex`800155`), hex`810102`),
		{ eimPackageErrorWithCid: { correlationId: { eimTransactionId: hex`55` }, eimPackageError: 2 } },
	],
	[
		"TransferEimPackageResponse",
		0xbf4e,
		tlv(0xbf60, tlv(0xa0, tlv(0x5a, EID))),
		{ eimPackageReceivedWithCid: { correlationId: { eidValue: EID } } },
	],
];

describe("what version 1.3 adds", () => {
	it.each(cases)("%s: is read and written by its name", (type, tag, added, fields) => {
		const before = tag === 0xbf4e ? new Uint8Array(0) : hex`5F370155`;
		expect(readLaterFields(type, tlv(tag, before, added))).toEqual(fields);
		expect(toHex(withLaterFields(type, tlv(tag, before), fields))).toBe(toHex(tlv(tag, before, added)));
		expect(readLaterFields(type, tlv(tag, before))).toEqual({});
	});

	it.each(cases)("%s: is shown by its name, and as no mistake", (type, tag, added, fields) => {
		const bytes = tlv(tag, added);
		const shown = inspect({ form: "octets", bytes, encoding: "binary" }, { as: type });
		const nodes = shown.nodes.flatMap((node) => [...nodesOf(node)]);
		const [name = ""] = Object.keys(fields);
		expect(nodes.find((node) => node.name.endsWith(name))).toMatchObject({ note: "since version 1.3" });
		expect(shown.errors.filter((error) => !error.includes("without "))).toEqual([]);
	});

	it("stands in the table, and is left out for every earlier version", () => {
		for (const type of Object.keys(laterFields) as TypeWithLaterFields[]) {
			const rows = differences.filter(
				(row) => row.type === type && row.versions.includes("1.3") !== row.versions.includes("1.2"),
			);
			expect(rows.length, type).toBeGreaterThan(0);
			// The plain arms of this one are there in every version.
			if (type === "TransferEimPackageResponse") continue;
			const whole = concatBytes(...laterTags(type).map((tag) => tlv(tag, hex`05`)));
			expect(
				rows.map((row) => toHex(row.write?.(tlv(0x30, whole)) ?? hex``)),
				type,
			).toContain("3000");
		}
		const configuration = tlv(0x30, hex`800165`, tlv(0xaa));
		const written = SGP32_VERSIONS.map((version) => toHex(inDialect({ version }, EimConfigurationData, configuration)));
		expect(written).toEqual(["3003800165", "3003800165", "3003800165", "3005800165AA00"]);
	});

	it("says to each version what it knows: an expired order, a missing emergency profile", () => {
		const expired = encode(AuthenticateClientResponseEsipa, { authenticateClientErrorEsipa: 18 });
		const late = encode(GetBoundProfilePackageResponseEsipa, { getBoundProfilePackageErrorEsipa: 6 });
		const inEach = (schema: Parameters<typeof inDialect>[1], message: Uint8Array) =>
			SGP32_VERSIONS.map((version) => toHex(inDialect({ version }, schema, message)).slice(-2));
		expect(inEach(AuthenticateClientResponseEsipa, expired)).toEqual(["7F", "7F", "7F", "12"]);
		expect(inEach(GetBoundProfilePackageResponseEsipa, late)).toEqual(["06", "06", "06", "7F"]);
		const missing = { disableEmergencyProfileResult: 8 };
		const answers = (["1.2", "1.3"] as const).map((version) =>
			toHex(encodeIn({ version }, DisableEmergencyProfileResponse, missing)),
		);
		expect(answers).toEqual(["BF5C03800102", "BF5C03800108"]);
	});

	it.each([
		["BF3B03820112", "18: downloadOrderExpired in version 1.3"],
		["BF5C03800108", "8: ecallNotAvailable in version 1.3"],
		["BF3A03810106", "downloadOrderExpired(6), deprecated in version 1.3"],
		["BF5703810102", "associatedEimAlreadyExists(2), unsignedEimConfigDisallowed in version 1.0"],
	])("numbers have the names of every version: %s is %s", (octets, expected) => {
		const shown = inspect({ form: "octets", bytes: fromHex(octets), encoding: "binary" });
		const values = shown.nodes.flatMap((node) => [...nodesOf(node)].map(({ value }) => value));
		expect(values).toContain(expected);
		expect(otherNamesOf("ListEimResult", 7)).toEqual([{ name: "commandError", versions: ["1.0"] }]);
	});

	it("a message in which nothing has another form stays as it is, octet by octet", () => {
		const odd = hex`BF5081023000`;
		expect(inDialect({ version: "1.2" }, ProvideEimPackageResultResponse, odd)).toBe(odd);
	});
});
