import { CryptoError } from "../errors.ts";

/** `a` and `b` added octet by octet; the shorter one decides the length. */
export function xorBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
	const result = new Uint8Array(Math.min(a.length, b.length));
	for (let i = 0; i < result.length; i++) result[i] = (a[i] as number) ^ (b[i] as number);
	return result;
}

/** The octets turned left by `bits`. */
export function rotatedLeft(bytes: Uint8Array, bits: number): Uint8Array {
	const length = bytes.length;
	const shift = Math.floor(bits / 8);
	const rest = bits % 8;
	return bytes.map((_, i) => {
		const high = bytes[(i + shift) % length] as number;
		const low = bytes[(i + shift + 1) % length] as number;
		return ((high << rest) | (low >> (8 - rest))) & 0xff;
	});
}

/**
 * Refuses a parameter of another length.
 * @throws CryptoError CRYPTO_LENGTH_INVALID
 */
export function expectLength(what: string, bytes: Uint8Array, ...allowed: readonly number[]): void {
	if (!allowed.includes(bytes.length)) {
		throw new CryptoError("CRYPTO_LENGTH_INVALID", `${what} has ${allowed.join(" or ")} octets, not ${bytes.length}`);
	}
}
