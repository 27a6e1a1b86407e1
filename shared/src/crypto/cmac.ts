import { concatBytes } from "../util/bytes.ts";
import { AES_BLOCK_LENGTH, encryptAesBlock, encryptAesCbc } from "./aes.ts";

/**
 * AES-CMAC (RFC 4493, NIST SP 800-38B) of the joined parts: 16 octets. Keys of 16, 24 and 32 octets.
 * @throws CryptoError CRYPTO_LENGTH_INVALID for another key length
 */
export function aesCmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
	const message = concatBytes(...parts);
	const isWhole = message.length > 0 && message.length % AES_BLOCK_LENGTH === 0;
	const k1 = doubled(encryptAesBlock(key, new Uint8Array(AES_BLOCK_LENGTH)));
	const mask = isWhole ? k1 : doubled(k1);
	const text = isWhole ? message : padded(message);
	const lastBlock = text.length - AES_BLOCK_LENGTH;
	for (let i = 0; i < AES_BLOCK_LENGTH; i++)
		text[lastBlock + i] = (text[lastBlock + i] as number) ^ (mask[i] as number);
	return encryptAesCbc(key, new Uint8Array(AES_BLOCK_LENGTH), text).slice(lastBlock);
}

function padded(message: Uint8Array): Uint8Array {
	const text = new Uint8Array((Math.floor(message.length / AES_BLOCK_LENGTH) + 1) * AES_BLOCK_LENGTH);
	text.set(message);
	text[message.length] = 0x80;
	return text;
}

/** Multiplication by x in GF(2^128), as the subkeys of CMAC need it. */
function doubled(block: Uint8Array): Uint8Array {
	const result = new Uint8Array(block.length);
	let carry = 0;
	for (let i = block.length - 1; i >= 0; i--) {
		const octet = block[i] as number;
		result[i] = ((octet << 1) | carry) & 0xff;
		carry = octet >> 7;
	}
	if (carry) result[15] = (result[15] as number) ^ 0x87;
	return result;
}
