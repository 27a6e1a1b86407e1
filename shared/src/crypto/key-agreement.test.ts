import { createECDH, createPrivateKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { concatBytes, hex, toHex } from "../util/bytes.ts";
import { type Curve, curveOf, opensslCurve } from "./curve.ts";
import { generateKeyPair } from "./ecdsa.ts";
import { ecdhSharedSecret, publicKeyFromPoint, publicPoint } from "./key-agreement.ts";

const curves: readonly Curve[] = ["P-256", "brainpoolP256r1"];

/** A private key from its number d, by SEC 1 ECPrivateKey without a public key. */
function privateKeyOf(curve: Curve, d: Uint8Array) {
	const ecdh = createECDH(opensslCurve[curve]);
	ecdh.setPrivateKey(d);
	const oid = curve === "P-256" ? hex`06082A8648CE3D030107` : hex`06092B2403030208010107`;
	const parameters = concatBytes(Uint8Array.of(0xa0, oid.length), oid);
	const key = concatBytes(hex`020101 0420`, d, parameters, hex`A144 034200`, new Uint8Array(ecdh.getPublicKey()));
	const der = Buffer.from(concatBytes(Uint8Array.of(0x30, key.length), key));
	return createPrivateKey({ key: der, format: "der", type: "sec1" });
}

describe.each(curves)("key agreement on %s", (curve) => {
	it("gives both sides the same 32 octets", () => {
		const a = generateKeyPair(curve);
		const b = generateKeyPair(curve);
		const secret = ecdhSharedSecret(a.privateKey, publicPoint(b.publicKey));
		expect(secret).toHaveLength(32);
		expect(ecdhSharedSecret(b.privateKey, publicPoint(a.privateKey))).toEqual(secret);
	});

	it("reads a point back into the key it came from", () => {
		const { publicKey } = generateKeyPair(curve);
		const read = publicKeyFromPoint(curve, publicPoint(publicKey));
		expect(read.equals(publicKey)).toBe(true);
		expect(curveOf(read)).toBe(curve);
	});

	it("refuses points that are not on the curve, compressed or cut", () => {
		const point = publicPoint(generateKeyPair(curve).publicKey);
		const { privateKey } = generateKeyPair(curve);
		const invalid = expect.objectContaining({ code: "CRYPTO_KEY_INVALID" });
		expect(() => ecdhSharedSecret(privateKey, point.with(64, (point[64] as number) ^ 1))).toThrow(invalid);
		expect(() => ecdhSharedSecret(privateKey, point.subarray(0, 64))).toThrow(invalid);
		expect(() => ecdhSharedSecret(privateKey, point.with(0, 0x03).subarray(0, 33))).toThrow(invalid);
		expect(() => ecdhSharedSecret(privateKey, new Uint8Array(65))).toThrow(invalid);
	});

	it("refuses the point of a key on the other curve", () => {
		const other = curve === "P-256" ? "brainpoolP256r1" : "P-256";
		const point = publicPoint(generateKeyPair(other).publicKey);
		expect(() => ecdhSharedSecret(generateKeyPair(curve).privateKey, point)).toThrow(/does not lie on/);
	});
});

describe("published vectors", () => {
	it("gives the shared secret of RFC 5903 section 8.1 (P-256)", () => {
		const i = privateKeyOf("P-256", hex`C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433`);
		const r = privateKeyOf("P-256", hex`C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53`);
		const expected = "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE";
		expect(toHex(ecdhSharedSecret(i, publicPoint(r)))).toBe(expected);
	});

	it("gives the shared secret of RFC 7027 appendix A.1 (brainpoolP256r1)", () => {
		const a = privateKeyOf("brainpoolP256r1", hex`81DB1EE100150FF2EA338D708271BE38300CB54241D79950F77B063039804F1D`);
		const b = privateKeyOf("brainpoolP256r1", hex`55E40BC41E37E3E2AD25C3C6654511FFA8474A91A0032087593852D3E7D76BD3`);
		const expected = "89AFC39D41D3B327814B80940B042590F96556EC91E6AE7939BCE31F3A18BF2B";
		expect(toHex(ecdhSharedSecret(a, publicPoint(b)))).toBe(expected);
	});
});
