import { defineErrors, EsimError } from "../util/errors.ts";

export const cryptoErrors = defineErrors({
	CRYPTO_CURVE_UNSUPPORTED: {
		meaning: "A key is not an elliptic curve key on P-256 or brainpoolP256r1.",
		action: "Use a key on one of the two curves that SGP.22 allows for RSP.",
		httpStatus: 400,
	},
	CRYPTO_KEY_INVALID: {
		meaning: "Key octets cannot be read, or lie outside of the curve.",
		action: "Check the encoding of the key (uncompressed point of 65 octets, SPKI or PKCS#8).",
		httpStatus: 400,
	},
	CRYPTO_SIGNATURE_FORMAT: {
		meaning: "A signature is neither the 64 octets r‖s nor a DER pair of integers.",
		action: "Send the signature as BSI TR-03111 prescribes: r and s of 32 octets each, one after the other.",
		httpStatus: 400,
	},
	CRYPTO_LENGTH_INVALID: {
		meaning: "A key, block, counter or output has a length that the algorithm does not allow.",
		action: "Check the lengths that the message names.",
		httpStatus: 400,
	},
	CRYPTO_MAC_MISMATCH: {
		meaning: "A message authentication code is not the one that the key gives.",
		action: "The data was changed, or both sides hold different keys; derive the keys again.",
		httpStatus: 400,
	},
	CRYPTO_PADDING_INVALID: {
		meaning: "Decrypted data does not end in the padding that the standard prescribes.",
		action: "Both sides hold different keys or counters, or the data was changed.",
		httpStatus: 400,
	},
});

/** A cryptographic operation that cannot be done with what was given. */
export class CryptoError extends EsimError {
	constructor(code: keyof typeof cryptoErrors, message: string, options: { cause?: unknown } = {}) {
		super(code, message, options);
	}
}
