import { decode } from "@iot-esim/shared/asn1/schema";
import { ProvideEimPackageResult } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { strictPackageResult, withV12Rplmn } from "./dialect.ts";

const EID = "5A1089049032000000000000000000000163";
const DATA = "300B 800165 810102 830103 3000".replaceAll(" ", "");
const SIGNATURE = `5F3740${"AB".repeat(64)}`;
const length = (digits: string) => {
	const octets = digits.length / 2;
	return octets < 0x80 ? octets.toString(16).padStart(2, "0") : `81${octets.toString(16).padStart(2, "0")}`;
};
const tlv = (tag: string, contents: string) => `${tag}${length(contents)}${contents}`.toUpperCase();
const strict = (digits: string) => toHex(strictPackageResult(hex`${Buffer.from(digits, "hex")}`));
const arm = (decoded: ProvideEimPackageResult) => Object.keys(decoded.eimPackageResult)[0];

describe("ProvideEimPackageResult", () => {
	const RESULT = tlv("BF51", tlv("A0", DATA + SIGNATURE));

	it("in the strict form stays as it is", () => {
		for (const member of [RESULT, tlv("30", RESULT + tlv("A0", "")), "BF54023000", "A003020101"]) {
			const message = tlv("BF50", EID + member);
			expect(strict(message)).toBe(message);
		}
	});

	it("without the arm of the CHOICE gets it: results, signed errors, unsigned errors", () => {
		const error = "300C 800165 810102 830103 02010F".replaceAll(" ", "").replace("830103", "8201FF");
		const cases = [
			[DATA + SIGNATURE, tlv("A0", DATA + SIGNATURE)],
			[error + SIGNATURE, tlv("A1", error + SIGNATURE)],
			["800165 840103".replace(" ", ""), tlv("A2", "800165840103")],
		] as const;
		for (const [bare, whole] of cases) {
			expect(strict(tlv("BF50", EID + tlv("BF51", bare)))).toBe(tlv("BF50", EID + tlv("BF51", whole)));
			const listed = tlv("30", tlv("BF51", bare) + tlv("A0", ""));
			const expected = tlv("30", tlv("BF51", whole) + tlv("A0", ""));
			expect(strict(tlv("BF50", EID + listed))).toBe(tlv("BF50", EID + expected));
		}
	});

	it("with notifications under BF2B gets them under A0", () => {
		const notification = tlv("BF37", "0500");
		for (const list of [tlv("BF2B", notification), tlv("BF2B", tlv("A0", notification))]) {
			const message = tlv("BF50", EID + tlv("30", RESULT + list));
			expect(strict(message)).toBe(tlv("BF50", EID + tlv("30", RESULT + tlv("A0", notification))));
		}
	});

	it("with bare IpaEuiccData gets its arm, notifications first or not", () => {
		for (const bare of [
			"8101 41".replace(" ", ""),
			tlv("A0", tlv("BF37", "")),
			`${tlv("A0", tlv("BF37", ""))}840107`,
			tlv("A5", "0500") + tlv("A6", "0500"),
		]) {
			expect(strict(tlv("BF50", tlv("BF52", bare))), bare).toBe(
				tlv("BF50", tlv("BF52", bare === "810141" ? tlv("A1", "020141") : tlv("A0", bare))),
			);
		}
		for (const whole of [tlv("A0", "840107"), tlv("A0", ""), tlv("A1", "020105"), tlv("A0", tlv("A0", ""))]) {
			expect(strict(tlv("BF50", tlv("BF52", whole)))).toBe(tlv("BF50", tlv("BF52", whole)));
		}
	});

	it("with an error as primitive 80 around a SEQUENCE, or as a bare INTEGER, gets the strict error", () => {
		for (const error of ["80053003 02017F".replace(" ", ""), "02017F", "80017F"]) {
			const decoded = decode(
				ProvideEimPackageResult,
				strictPackageResult(Buffer.from(tlv("BF50", EID + error), "hex")),
			);
			expect(decoded.eimPackageResult).toEqual({ eimPackageResultResponseError: { eimPackageResultErrorCode: 127 } });
		}
	});

	it("of version 1.0, without an EID, is read", () => {
		const decoded = decode(ProvideEimPackageResult, strictPackageResult(Buffer.from(tlv("BF50", RESULT), "hex")));
		expect(decoded.eidValue).toBeUndefined();
		expect(arm(decoded)).toBe("euiccPackageResult");
	});
});

describe("GetEimPackageRequest", () => {
	it("of version 1.0 has rPLMN under 81: three octets, and nothing under 82", () => {
		expect(toHex(withV12Rplmn(hex`BF4F 05 81 03 62F210`))).toBe("BF4F05820362F210");
		expect(toHex(withV12Rplmn(hex`BF4F 03 81 01 03`))).toBe("BF4F03810103");
		expect(toHex(withV12Rplmn(hex`BF4F 08 81 01 03 82 03 62F210`))).toBe("BF4F08810103820362F210");
	});
});
