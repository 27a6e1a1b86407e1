import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex } from "../util/bytes.ts";
import { Eid } from "./eid.ts";
import { EimId } from "./eim-id.ts";
import { IdError } from "./errors.ts";
import { Iccid } from "./iccid.ts";
import { TransactionId } from "./transaction-id.ts";

const digits = (min: number, max: number) =>
	fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((all) => all.join(""));

describe("Eid", () => {
	// The EID of the GSMA SGP.26 test certificates.
	const test = "89049032123451234512345678901235";

	it("takes the EID of the GSMA test certificates, whose check digits are right", () => {
		expect(Eid(test)).toBe(test);
		expect(Eid.withCheckDigits(test.slice(0, 30))).toBe(test);
	});

	it("is 16 octets of two digits on the wire", () => {
		expect(Eid.toBytes(Eid(test))).toEqual(hex`89049032123451234512345678901235`);
		expect(Eid.fromBytes(hex`89049032123451234512345678901235`)).toBe(test);
	});

	it("finds every single wrong digit and names the right check digits", () => {
		fc.assert(
			fc.property(digits(30, 30), fc.nat(31), fc.integer({ min: 1, max: 9 }), (first30, at, add) => {
				const eid = Eid.withCheckDigits(first30);
				const wrong = eid.slice(0, at) + ((Number(eid[at]) + add) % 10) + eid.slice(at + 1);
				expect(Eid.is(wrong)).toBe(false);
				expect(() => Eid(wrong)).toThrow(IdError);
			}),
		);
		expect(() => Eid("89049032123451234512345678901234")).toThrow("should be 35");
	});

	it("refuses other lengths, other characters and octets that are no digits", () => {
		for (const wrong of ["", test.slice(1), `${test}1`, `x${test.slice(1)}`, `${test}\n`]) {
			expect(() => Eid(wrong)).toThrow(IdError);
			expect(Eid.is(wrong)).toBe(false);
		}
		expect(() => Eid.fromBytes(hex`8904903212345123451234567890123A`)).toThrow(IdError);
		expect(() => Eid.fromBytes(hex`89`)).toThrow(IdError);
		expect(() => Eid.withCheckDigits("12")).toThrow(IdError);
	});
});

describe("Iccid", () => {
	it("is nibble-swapped with F as filler in EF.ICCID", () => {
		expect(Iccid.fromBytes(hex`98001032547698103214`)).toBe("89000123456789012341");
		expect(Iccid.toBytes(Iccid("8900012345678901234"))).toEqual(hex`980010325476981032F4`);
		expect(Iccid.fromBytes(hex`980010325476981032F4`)).toBe("8900012345678901234");
	});

	it("gives back the same digits after a way through its octets", () => {
		fc.assert(
			fc.property(digits(19, 20), (text) => {
				expect(Iccid.fromBytes(Iccid.toBytes(Iccid(text)))).toBe(text);
			}),
		);
	});

	it("refuses other lengths, letters and a filler inside", () => {
		for (const wrong of ["", "890001234567890123", "890001234567890123411", "8900012345678901234F"]) {
			expect(() => Iccid(wrong)).toThrow(IdError);
			expect(Iccid.is(wrong)).toBe(false);
		}
		expect(() => Iccid.fromBytes(hex`98001032547698103F14`)).toThrow(IdError);
		expect(() => Iccid.fromBytes(hex`9800103254769810FFFF`)).toThrow(IdError);
		expect(() => Iccid.fromBytes(hex`98`)).toThrow(IdError);
	});
});

describe("TransactionId", () => {
	it("is 1 to 16 octets, in text upper-case hex", () => {
		expect(TransactionId("0a1b")).toBe("0A1B");
		expect(TransactionId.fromBytes(hex`0A1B`)).toBe("0A1B");
		expect(TransactionId.toBytes(TransactionId("0A1B"))).toEqual(hex`0A1B`);
		for (const wrong of ["", "0", "0A1", "0G", "00".repeat(17)]) {
			expect(() => TransactionId(wrong)).toThrow(IdError);
			expect(TransactionId.is(wrong)).toBe(false);
		}
		expect(TransactionId.is("0a1b")).toBe(false);
		expect(() => TransactionId.fromBytes(new Uint8Array(17))).toThrow(IdError);
		expect(() => TransactionId.fromBytes(new Uint8Array(0))).toThrow(IdError);
	});
});

describe("EimId", () => {
	it("has 1 to 128 characters, counted as characters and not as octets", () => {
		expect(EimId("eim.example.com")).toBe("eim.example.com");
		expect(EimId("é".repeat(128))).toHaveLength(128);
		expect(() => EimId("")).toThrow(IdError);
		expect(() => EimId("x".repeat(129))).toThrow("not 129");
	});
});
