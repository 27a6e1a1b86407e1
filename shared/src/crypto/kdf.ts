import { createHash } from "node:crypto";
import { CryptoError } from "./errors.ts";

const HASH_LENGTH = 32;

/**
 * The key derivation function of ANSI X9.63 (SEC 1 section 3.6.1, BSI TR-03111 section 4.3.3) with SHA-256:
 * `length` octets of SHA-256(sharedSecret ‖ counter ‖ sharedInfo), counter from 1.
 * @throws CryptoError CRYPTO_LENGTH_INVALID when `length` is no whole number of octets above 0
 */
export function x963Kdf(sharedSecret: Uint8Array, sharedInfo: Uint8Array, length: number): Uint8Array {
	if (!Number.isInteger(length) || length < 1 || length > HASH_LENGTH * 0xffffffff) {
		throw new CryptoError("CRYPTO_LENGTH_INVALID", `${length} octets of key material cannot be derived`);
	}
	const derived = new Uint8Array(Math.ceil(length / HASH_LENGTH) * HASH_LENGTH);
	const counter = Buffer.alloc(4);
	for (let block = 0; block * HASH_LENGTH < length; block++) {
		counter.writeUInt32BE(block + 1);
		derived.set(
			createHash("sha256").update(sharedSecret).update(counter).update(sharedInfo).digest(),
			block * HASH_LENGTH,
		);
	}
	return derived.slice(0, length);
}
