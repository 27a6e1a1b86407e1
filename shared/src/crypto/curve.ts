import type { KeyObject } from "node:crypto";
import { CryptoError } from "./errors.ts";

/** The curves of RSP (SGP.22 section 2.6.7), by the names that `ids/` and configuration use. */
export type Curve = "P-256" | "brainpoolP256r1";

/** What OpenSSL calls each curve. */
export const opensslCurve: Readonly<Record<Curve, string>> = {
	"P-256": "prime256v1",
	brainpoolP256r1: "brainpoolP256r1",
};

/** Octets of a coordinate, of a private key, of r and of s: the same on both curves. */
export const COORDINATE_LENGTH = 32;

/** The dotted object identifier of each curve (SEC 2, RFC 5639). */
export const curveOid: Readonly<Record<Curve, string>> = {
	"P-256": "1.2.840.10045.3.1.7",
	brainpoolP256r1: "1.3.36.3.3.2.8.1.1.7",
};

/**
 * The curve of a private or public key.
 * @throws CryptoError CRYPTO_CURVE_UNSUPPORTED for any other kind of key
 */
export function curveOf(key: KeyObject): Curve {
	if (key.asymmetricKeyType === "ec") {
		const name = key.asymmetricKeyDetails?.namedCurve;
		if (name === "prime256v1") return "P-256";
		if (name === "brainpoolP256r1") return "brainpoolP256r1";
	}
	const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? key.type;
	throw new CryptoError("CRYPTO_CURVE_UNSUPPORTED", `a key of the kind ${kind} is not on P-256 or brainpoolP256r1`);
}

/**
 * The curve of a user's word: "P-256", "nist", "brainpool" and their usual spellings.
 * @throws CryptoError CRYPTO_CURVE_UNSUPPORTED for any other word
 */
export function parseCurve(text: string): Curve {
	switch (text.toLowerCase().replace(/[^a-z0-9]/g, "")) {
		case "p256":
		case "nist":
		case "nistp256":
		case "prime256v1":
		case "secp256r1":
			return "P-256";
		case "brainpool":
		case "brp":
		case "brainpoolp256r1":
			return "brainpoolP256r1";
		default:
			throw new CryptoError("CRYPTO_CURVE_UNSUPPORTED", `"${text}" is no curve of RSP: say P-256 or brainpoolP256r1`);
	}
}
