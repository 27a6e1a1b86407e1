import { createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { concatBytes, hex } from "../util/bytes.ts";
import { type Curve, curveOf } from "./curve.ts";
import { CryptoError } from "./errors.ts";

/** Octets of an uncompressed point: 04 ‖ x ‖ y. */
export const POINT_LENGTH = 65;

/** SubjectPublicKeyInfo up to the point: SEQUENCE { SEQUENCE { id-ecPublicKey, curve }, BIT STRING { 00 ... } }. */
const spkiHead: Readonly<Record<Curve, Uint8Array>> = {
	"P-256": hex`3059 3013 06072A8648CE3D0201 06082A8648CE3D030107 034200`,
	brainpoolP256r1: hex`305A 3014 06072A8648CE3D0201 06092B2403030208010107 034200`,
};

/**
 * A public key from its uncompressed point, as certificates, 5F49 and B0 data objects carry it.
 * @throws CryptoError CRYPTO_KEY_INVALID when the point is not of 65 octets, not uncompressed or not on the curve
 */
export function publicKeyFromPoint(curve: Curve, point: Uint8Array): KeyObject {
	if (point.length !== POINT_LENGTH || point[0] !== 0x04) {
		throw new CryptoError(
			"CRYPTO_KEY_INVALID",
			`a public key has 65 octets that begin with 04; ${point.length} were given`,
		);
	}
	const spki = Buffer.from(concatBytes(spkiHead[curve], point));
	try {
		return createPublicKey({ key: spki, format: "der", type: "spki" });
	} catch (cause) {
		throw new CryptoError("CRYPTO_KEY_INVALID", `the point does not lie on ${curve}`, { cause });
	}
}

/**
 * The uncompressed point (65 octets) of a public key, or of the public half of a private key.
 * @throws CryptoError CRYPTO_CURVE_UNSUPPORTED for a key on another curve
 */
export function publicPoint(key: KeyObject): Uint8Array {
	curveOf(key);
	const publicKey = key.type === "private" ? createPublicKey(key) : key;
	const spki = publicKey.export({ format: "der", type: "spki" });
	return new Uint8Array(spki.subarray(spki.length - POINT_LENGTH));
}

/**
 * ECDH (BSI TR-03111 section 4.3.1): the x coordinate of privateKey · peerPoint, 32 octets.
 * @throws CryptoError CRYPTO_KEY_INVALID when the peer's point is not on the curve of the private key
 */
export function ecdhSharedSecret(privateKey: KeyObject, peerPoint: Uint8Array): Uint8Array {
	const publicKey = publicKeyFromPoint(curveOf(privateKey), peerPoint);
	return new Uint8Array(diffieHellman({ privateKey, publicKey }));
}
