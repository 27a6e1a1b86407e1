import { generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
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
