import { createCipheriv, createDecipheriv } from "node:crypto";
import { CryptoError } from "./errors.ts";

/** Octets of an AES block. */
export const AES_BLOCK_LENGTH = 16;

/**
 * AES-CBC without padding; `key` has 16, 24 or 32 octets, `iv` 16, `plaintext` a multiple of 16.
 * @throws CryptoError CRYPTO_LENGTH_INVALID for any other length
 */
export function encryptAesCbc(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
	checkBlocks(iv, plaintext);
	const cipher = createCipheriv(`aes-${keyBits(key)}-cbc`, key, iv).setAutoPadding(false);
	return joined(cipher.update(plaintext), cipher.final());
}

/**
 * The inverse of {@link encryptAesCbc}.
 * @throws CryptoError CRYPTO_LENGTH_INVALID as there
 */
export function decryptAesCbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
	checkBlocks(iv, ciphertext);
	const decipher = createDecipheriv(`aes-${keyBits(key)}-cbc`, key, iv).setAutoPadding(false);
	return joined(decipher.update(ciphertext), decipher.final());
}

/**
 * AES of one block, without chaining.
 * @throws CryptoError CRYPTO_LENGTH_INVALID when `key` or `block` has a length that AES does not know
 */
export function encryptAesBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
	if (block.length !== AES_BLOCK_LENGTH) {
		throw new CryptoError("CRYPTO_LENGTH_INVALID", `an AES block has 16 octets, not ${block.length}`);
	}
	const cipher = createCipheriv(`aes-${keyBits(key)}-ecb`, key, null).setAutoPadding(false);
	return joined(cipher.update(block), cipher.final());
}

function keyBits(key: Uint8Array): number {
	if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
		throw new CryptoError("CRYPTO_LENGTH_INVALID", `an AES key has 16, 24 or 32 octets, not ${key.length}`);
	}
	return key.length * 8;
}

function checkBlocks(iv: Uint8Array, text: Uint8Array): void {
	if (iv.length !== AES_BLOCK_LENGTH) {
		throw new CryptoError("CRYPTO_LENGTH_INVALID", `an initial value of AES-CBC has 16 octets, not ${iv.length}`);
	}
	if (text.length % AES_BLOCK_LENGTH !== 0) {
		throw new CryptoError("CRYPTO_LENGTH_INVALID", `${text.length} octets are no whole number of AES blocks`);
	}
}

function joined(first: Buffer, last: Buffer): Uint8Array {
	const bytes = new Uint8Array(first.length + last.length);
	bytes.set(first);
	bytes.set(last, first.length);
	return bytes;
}
