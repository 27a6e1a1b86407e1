import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { concatBytes, hex, toHex } from "../util/bytes.ts";
import { type Curve, opensslCurve } from "./curve.ts";

/** A key pair on one of the curves of RSP. */
export interface KeyPair {
	readonly privateKey: KeyObject;
	readonly publicKey: KeyObject;
}

/** Octets of a signature r‖s. */
export const RAW_SIGNATURE_LENGTH = 64;

/** A fresh key pair; the randomness is the operating system's. */
export function generateKeyPair(curve: Curve): KeyPair {
	return generateKeyPairSync("ec", { namedCurve: opensslCurve[curve] });
}

/** Where the octets of a key come from; the `RandomSource` of runtime/ fits. */
export interface KeySource {
	bytes(length: number): Uint8Array;
}

const SCALAR_LENGTH = 32;

/** Orders of the base points (SEC 2, RFC 5639). */
const orders: Readonly<Record<Curve, string>> = {
	"P-256": "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
	brainpoolP256r1: "A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7",
};

/** PKCS#8 up to the scalar: SEQUENCE { 0, SEQUENCE { id-ecPublicKey, curve }, OCTET STRING { SEQUENCE { 1, OCTET STRING ... */
const pkcs8Head: Readonly<Record<Curve, Uint8Array>> = {
	"P-256": hex`3041 020100 3013 06072A8648CE3D0201 06082A8648CE3D030107 0427 3025 020101 0420`,
	brainpoolP256r1: hex`3042 020100 3014 06072A8648CE3D0201 06092B2403030208010107 0427 3025 020101 0420`,
};

/** A fresh key pair whose private scalar is drawn from `random`: from a seed, the same key again. */
export function keyPairFrom(curve: Curve, random: KeySource): KeyPair {
	let scalar: Uint8Array;
	do scalar = random.bytes(SCALAR_LENGTH);
	while (!isScalarOf(curve, scalar));
	const key = Buffer.from(concatBytes(pkcs8Head[curve], scalar));
	const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
	return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** At least 1, below the order; hex of one length and case compares as the numbers do. */
function isScalarOf(curve: Curve, scalar: Uint8Array): boolean {
	return scalar.some((octet) => octet !== 0) && toHex(scalar) < orders[curve];
}

/** ECDSA with SHA-256 over `data`: the 64 octets r‖s of BSI TR-03111, as every RSP signature is written. */
export function signRaw(privateKey: KeyObject, data: Uint8Array): Uint8Array {
	return new Uint8Array(sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" }));
}

/** ECDSA with SHA-256 over `data` as the DER pair of integers, as X.509 writes it. */
export function signDer(privateKey: KeyObject, data: Uint8Array): Uint8Array {
	return new Uint8Array(sign("sha256", data, { key: privateKey, dsaEncoding: "der" }));
}

/**
 * True when `signature` is one of `data` by the owner of `publicKey`. r‖s is tried first, the DER pair second, since
 * laboratory devices are known to send that.
 */
export function verifyRaw(publicKey: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
	if (signature.length === RAW_SIGNATURE_LENGTH) {
		if (verify("sha256", data, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature)) return true;
	}
	return verifyDer(publicKey, data, signature);
}

/** True when `signature`, a DER pair of integers, is one of `data` by the owner of `publicKey`. */
export function verifyDer(publicKey: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
	if (signature[0] !== 0x30) return false;
	return verify("sha256", data, { key: publicKey, dsaEncoding: "der" }, signature);
}
