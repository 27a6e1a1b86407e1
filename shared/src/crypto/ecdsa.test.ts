import { createPublicKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fromHex, hex, toHex, utf8 } from "../util/bytes.ts";
import { type Curve, curveOf, parseCurve } from "./curve.ts";
import { generateKeyPair, keyPairFrom, signDer, signRaw, verifyDer, verifyRaw } from "./ecdsa.ts";
import { publicPoint } from "./key-agreement.ts";

const spkiHead: Record<Curve, string> = {
	"P-256": "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
	brainpoolP256r1: "305a301406072a8648ce3d020106092b240303020801010703420004",
};

const publicKeyOf = (curve: Curve, x: string, y: string) =>
	createPublicKey({ key: Buffer.from(fromHex(spkiHead[curve] + x + y)), format: "der", type: "spki" });

/** RFC 6979 appendix A.2.5, SHA-256. */
const rfc6979 = {
	x: "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
	y: "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
	signatures: [
		{
			message: "sample",
			r: "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
			s: "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
		},
		{
			message: "test",
			r: "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
			s: "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
		},
	],
};

/** C2SP Wycheproof, ecdsa_brainpoolP256r1_sha256_p1363_test.json, first group (message 313233343030). */
const wycheproof = {
	x: "019a2d9637743a63ddaefdbca0ee229a163b809b9b145e5313bbeb8defeab9d6",
	y: "548caf89bf5ba49499404145651234336401b9b2843a579ed152e090f11b9e59",
	valid:
		"0a5f8c70ba2d0842d5d0f841f160ad15195769a8159bfe692634d73d469d111f426e857aad3ff7aa96e4d200c03b45f1846a36d089ee3917768ca1a0d6d4da6e",
	invalid: {
		"r + n":
			"b45ae44c5c1bb1ff143702d28ee43a86a590e44bcafda560b652e5bfdde567c6678cd260f4aeb211a781388fdd48478007cf43d32b736de019916ce1c0737c39",
		"n - r":
			"9f9bcb6ae7c1a1796895124eac22e05c72e210fb9fc5a88e69e9374550ab4588678cd260f4aeb211a781388fdd48478007cf43d32b736de019916ce1c0737c39",
		"r + 2**256":
			"010a5f8c70ba2d0842d5d0f841f160ad15195769a8159bfe692634d73d469d111f00678cd260f4aeb211a781388fdd48478007cf43d32b736de019916ce1c0737c39",
		"r = 0, s = 0": "00".repeat(64),
		"r = 1, s = n": `${"00".repeat(31)}01a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7`,
	},
};

describe("ECDSA with SHA-256", () => {
	it.each(rfc6979.signatures)("verifies the signature of RFC 6979 over $message on P-256", ({ message, r, s }) => {
		const publicKey = publicKeyOf("P-256", rfc6979.x, rfc6979.y);
		expect(verifyRaw(publicKey, utf8(message), fromHex(r + s))).toBe(true);
		expect(verifyRaw(publicKey, utf8(`${message}.`), fromHex(r + s))).toBe(false);
		expect(verifyRaw(publicKey, utf8(message), fromHex(s + r))).toBe(false);
	});

	it("verifies the valid brainpoolP256r1 signature of Wycheproof", () => {
		const publicKey = publicKeyOf("brainpoolP256r1", wycheproof.x, wycheproof.y);
		expect(curveOf(publicKey)).toBe("brainpoolP256r1");
		expect(verifyRaw(publicKey, hex`313233343030`, fromHex(wycheproof.valid))).toBe(true);
	});

	it.each(Object.entries(wycheproof.invalid))("refuses the Wycheproof signature with %s", (_, signature) => {
		const publicKey = publicKeyOf("brainpoolP256r1", wycheproof.x, wycheproof.y);
		expect(verifyRaw(publicKey, hex`313233343030`, fromHex(signature))).toBe(false);
	});

	it.each(["P-256", "brainpoolP256r1"] as const)("signs on %s in 64 octets r‖s that it verifies itself", (curve) => {
		const { privateKey, publicKey } = generateKeyPair(curve);
		const data = utf8("euiccPackageSigned");
		const signature = signRaw(privateKey, data);
		expect(signature.length).toBe(64);
		expect(curveOf(privateKey)).toBe(curve);
		expect(verifyRaw(publicKey, data, signature)).toBe(true);
		expect(verifyRaw(generateKeyPair(curve).publicKey, data, signature)).toBe(false);
	});

	it.each(["P-256", "brainpoolP256r1"] as const)(
		"accepts a DER signature on %s, as laboratory devices send it",
		(curve) => {
			const { privateKey, publicKey } = generateKeyPair(curve);
			const signature = signDer(privateKey, utf8("data"));
			expect(verifyRaw(publicKey, utf8("data"), signature)).toBe(true);
			expect(verifyDer(publicKey, utf8("data"), signature)).toBe(true);
			expect(verifyRaw(publicKey, utf8("other"), signature)).toBe(false);
		},
	);

	it("makes the key pair of RFC 6979 A.2.5 from its scalar, and draws again where the octets are no scalar", () => {
		const draws = [
			hex`FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551`,
			new Uint8Array(32),
			hex`C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721`,
		];
		const { publicKey } = keyPairFrom("P-256", { bytes: () => draws.shift() ?? new Uint8Array(32) });
		expect(toHex(publicPoint(publicKey))).toBe(
			"0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB67903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
		);
	});

	it("makes a key pair on brainpoolP256r1 from octets", () => {
		const { privateKey, publicKey } = keyPairFrom("brainpoolP256r1", {
			bytes: (length) => new Uint8Array(length).fill(7),
		});
		expect(verifyRaw(publicKey, utf8("data"), signRaw(privateKey, utf8("data")))).toBe(true);
	});

	it("refuses signatures of impossible lengths without an exception", () => {
		const { privateKey, publicKey } = generateKeyPair("P-256");
		const signature = signRaw(privateKey, utf8("data"));
		for (const length of [0, 1, 32, 63]) {
			expect(verifyRaw(publicKey, utf8("data"), signature.subarray(0, length))).toBe(false);
		}
		expect(verifyRaw(publicKey, utf8("data"), new Uint8Array(70).fill(0x30))).toBe(false);
	});
});

describe("curve names", () => {
	it("knows the usual spellings and refuses other curves", () => {
		expect(parseCurve("NIST")).toBe("P-256");
		expect(parseCurve("brainpool")).toBe("brainpoolP256r1");
		expect(() => parseCurve("P-384")).toThrowError(expect.objectContaining({ code: "CRYPTO_CURVE_UNSUPPORTED" }));
	});
});
