import { encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { concatBytes, hex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { parseActivationCode } from "./activation-code.ts";
import { metadataDifference, metadataOfBoundProfilePackage } from "./bpp-metadata.ts";
import { policyObjection } from "./profile-policy.ts";

describe("an activation code", () => {
	it.each([
		["1$smdp.example.com$ABC-1", { smdpAddress: "smdp.example.com", matchingId: "ABC-1" }],
		["LPA:1$smdp.example.com:8443$$1.3.6.1$1", { matchingId: "", smdpOid: "1.3.6.1", confirmationCodeRequired: true }],
		[" lpa:1$a$b\n", { smdpAddress: "a", matchingId: "b", smdpOid: undefined, confirmationCodeRequired: false }],
	])("%j is read", (text, expected) => {
		expect(parseActivationCode(text)).toMatchObject(expected);
	});

	it.each(["", "2$a$b", "1$a", "1$$b", "https://example.com"])("%j is refused", (text) => {
		expect(() => parseActivationCode(text)).toThrow("the activation code");
	});
});

describe("profile policy rules", () => {
	const owner = { mccMnc: hex`00F110` };
	const rule = (change: object = {}) => ({
		pprIds: "011",
		allowedOperators: [{ mccMnc: hex`00F110` }],
		pprFlags: "0",
		...change,
	});
	const ask = (change: object = {}) =>
		policyObjection({
			profilePolicyRules: "010",
			profileOwner: owner,
			forbidden: undefined,
			rat: [rule()],
			consentGranted: false,
			...change,
		});

	it("are allowed when the table authorises them for the profile's owner", () => {
		expect(ask()).toBeUndefined();
		expect(ask({ rat: [rule({ allowedOperators: [{ mccMnc: hex`EEEEEE` }] })] })).toBeUndefined();
		expect(ask({ rat: [rule({ allowedOperators: [{ mccMnc: hex`00FEEE`, gid1: hex`` }] })] })).toBeUndefined();
		expect(ask({ profilePolicyRules: "100", rat: [] })).toBeUndefined();
		expect(ask({ profilePolicyRules: undefined, rat: [] })).toBeUndefined();
	});

	it.each([
		["forbidden by the eUICC", { forbidden: "01" }],
		["not authorised", { rat: [] }],
		["not authorised", { rat: [rule({ pprIds: "001" })] }],
		["not authorised", { rat: [rule({ allowedOperators: [{ mccMnc: hex`00F120` }] })] }],
		["not authorised", { rat: [rule({ allowedOperators: [{ mccMnc: hex`00F110`, gid1: hex`AA` }] })] }],
		["not authorised", { profilePolicyRules: "011", rat: [rule({ pprIds: "010" })] }],
		["names no owner", { profileOwner: undefined }],
		["needs consent", { rat: [rule({ pprFlags: "1" })] }],
	])("are refused: %s", (reason, change) => {
		expect(ask(change)).toContain(reason);
	});

	it("that need consent pass where it is granted, or where another rule asks for none", () => {
		expect(ask({ rat: [rule({ pprFlags: "1" })], consentGranted: true })).toBeUndefined();
		expect(ask({ rat: [rule({ pprFlags: "1" }), rule()] })).toBeUndefined();
	});
});

describe("metadata", () => {
	const metadata = { iccid: hex`98001032547698103214`, serviceProviderName: "P", profileName: "N", profileClass: 2 };
	const shown = encode(StoreMetadataRequest, metadata);

	it("are read out of the blocks with a MAC, in whatever pieces they come", () => {
		const mac = new Uint8Array(8).fill(0xcc);
		const blocks = [shown.subarray(0, 10), shown.subarray(10)].map((part) => tlv(0x88, concatBytes(part, mac)));
		const bpp = tlv(0xbf36, tlv(0xbf23), tlv(0xa0), tlv(0xa1, ...blocks), tlv(0xa3));
		expect(metadataOfBoundProfilePackage(bpp)).toEqual(shown);
		expect(metadataOfBoundProfilePackage(tlv(0xbf36, tlv(0xbf23)))).toBeUndefined();
	});

	it("are the same when every stored member is", () => {
		const vendor = [{ vendorOid: "1.2.3", vendorSpecificData: hex`0500` }];
		const more = encode(StoreMetadataRequest, { ...metadata, serviceSpecificDataNotStoredInEuicc: vendor });
		expect(metadataDifference(shown, shown)).toBeUndefined();
		expect(metadataDifference(more, shown)).toBeUndefined();
	});

	it.each([
		["iccid", { iccid: hex`98001032547698103215` }],
		["serviceProviderName", { serviceProviderName: "Q" }],
		["profilePolicyRules", { profilePolicyRules: "01" }],
		["profileClass", { profileClass: 0 }],
	])("differ in %s", (member, change) => {
		expect(metadataDifference(shown, encode(StoreMetadataRequest, { ...metadata, ...change }))).toBe(member);
	});
});
