import { describe, expect, it } from "vitest";
import { fromHex, hex, toHex } from "../util/bytes.ts";
import { decryptAesCbc, encryptAesBlock, encryptAesCbc } from "./aes.ts";
import { aesCmac } from "./cmac.ts";
import { x963Kdf } from "./kdf.ts";

const message = hex`
	6BC1BEE22E409F96E93D7E117393172A AE2D8A571E03AC9C9EB76FAC45AF8E51
	30C81C46A35CE411E5FBC1191A0A52EF F69F2445DF4F9B17AD2B417BE66C3710`;

describe("AES", () => {
	it("encrypts and decrypts the CBC vectors of NIST SP 800-38A F.2.1", () => {
		const key = hex`2B7E151628AED2A6ABF7158809CF4F3C`;
		const iv = hex`000102030405060708090A0B0C0D0E0F`;
		const ciphertext = encryptAesCbc(key, iv, message);
		expect(toHex(ciphertext)).toBe(
			"7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2" +
				"73BED6B8E3C1743B7116E69E222295163FF1CAA1681FAC09120ECA307586E1A7",
		);
		expect(decryptAesCbc(key, iv, ciphertext)).toEqual(message);
	});

	it("encrypts the block of FIPS 197 appendix C.1", () => {
		const key = hex`000102030405060708090A0B0C0D0E0F`;
		expect(encryptAesBlock(key, hex`00112233445566778899AABBCCDDEEFF`)).toEqual(hex`69C4E0D86A7B0430D8CDB78070B4C55A`);
	});

	it("refuses broken blocks, initial values and keys", () => {
		const key = new Uint8Array(16);
		const iv = new Uint8Array(16);
		expect(() => encryptAesCbc(key, iv, new Uint8Array(15))).toThrow(/15 octets are no whole number/);
		expect(() => decryptAesCbc(key, new Uint8Array(8), new Uint8Array(16))).toThrow(/initial value/);
		expect(() => encryptAesBlock(new Uint8Array(17), iv)).toThrow(/not 17/);
		expect(() => encryptAesBlock(key, new Uint8Array(32))).toThrow(/block has 16 octets, not 32/);
	});
});

describe("AES-CMAC", () => {
	const rfc4493 = hex`2B7E151628AED2A6ABF7158809CF4F3C`;
	const sp80038b = hex`603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4`;

	it.each([
		["RFC 4493 example 1", rfc4493, 0, "BB1D6929E95937287FA37D129B756746"],
		["RFC 4493 example 2", rfc4493, 16, "070A16B46B4D4144F79BDD9DD04A287C"],
		["RFC 4493 example 3", rfc4493, 40, "DFA66747DE9AE63030CA32611497C827"],
		["RFC 4493 example 4", rfc4493, 64, "51F0BEBF7E3B9D92FC49741779363CFE"],
		["SP 800-38B D.3 example 9", sp80038b, 0, "028962F61B7BF89EFC6B551F4667D983"],
		["SP 800-38B D.3 example 10", sp80038b, 16, "28A7023F452E8F82BD4BF28D8C37C35C"],
		["SP 800-38B D.3 example 11", sp80038b, 40, "AAF3D8F1DE5640C232F5B169B9C911E6"],
		["SP 800-38B D.3 example 12", sp80038b, 64, "E1992190549F6ED5696A2C056C315410"],
	])("gives the tag of %s", (_, key, length, tag) => {
		expect(toHex(aesCmac(key, message.subarray(0, length)))).toBe(tag);
		expect(toHex(aesCmac(key, message.subarray(0, length >> 1), message.subarray(length >> 1, length)))).toBe(tag);
	});
});

describe("X9.63 KDF", () => {
	it("gives the first SHA-256 vector of NIST CAVS ansx963_2001 without shared info", () => {
		const z = hex`96C05619D56C328AB95FE84B18264B08725B85E33FD34F08`;
		expect(x963Kdf(z, new Uint8Array(0), 16)).toEqual(hex`443024C3DAE66B95E6F5670601558F71`);
	});

	it("gives the vector of NIST CAVS ansx963_2001 with shared info and four blocks", () => {
		const z = hex`22518B10E70F2A3F243810AE3254139EFBEE04AA57C7AF7D`;
		const sharedInfo = hex`75EEF81AA3041E33B80971203D2C0C52`;
		const expected = fromHex(
			"c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e" +
				"52a13d9c7c6fc878c50c5ea0bc7b00e0da2447cfd874f6cf92f30d0097111485" +
				"500c90c3af8b487872d04685d14c8d1dc8d7fa08beb0ce0ababc11f0bd496269" +
				"142d43525a78e5bc79a17f59676a5706dc54d54d4d1f0bd7e386128ec26afc21",
		);
		expect(x963Kdf(z, sharedInfo, 128)).toEqual(expected);
		expect(x963Kdf(z, sharedInfo, 48)).toEqual(expected.subarray(0, 48));
	});

	it("refuses to derive nothing", () => {
		expect(() => x963Kdf(message, message, 0)).toThrow(/0 octets/);
	});
});
