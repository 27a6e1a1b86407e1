/** Byte strings: hex at the edges, `Uint8Array` everywhere else. */

import { EsimError } from "./errors.ts";

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0").toUpperCase());

/** From so many octets on, the way over a Buffer is shorter. */
const LONG = 12;

/** Upper-case hex without separators, as the standard prints octets. */
export function toHex(bytes: Uint8Array): string {
	if (bytes.length >= LONG) {
		return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex").toUpperCase();
	}
	let text = "";
	for (const byte of bytes) text += HEX[byte];
	return text;
}

/**
 * Octets of a hex text; white space is ignored.
 * @throws EsimError UTIL_HEX_INVALID on an odd number of digits or another character
 */
export function fromHex(text: string): Uint8Array {
	const digits = text.replace(/\s+/g, "");
	if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) {
		throw new EsimError("UTIL_HEX_INVALID", `not a hex text of whole octets: "${clip(text)}"`);
	}
	const bytes = new Uint8Array(digits.length / 2);
	for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
	return bytes;
}

/** Template tag for octets in code and tests: hex`BF51 03 ${inner}`; a byte string may be inserted. */
export function hex(parts: TemplateStringsArray, ...inserted: Uint8Array[]): Uint8Array {
	return fromHex(parts.reduce((text, part, i) => text + part + (inserted[i] ? toHex(inserted[i]) : ""), ""));
}

/** One byte string of all parts, in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
	let length = 0;
	for (const part of parts) length += part.length;
	const joined = new Uint8Array(length);
	let offset = 0;
	for (const part of parts) {
		joined.set(part, offset);
		offset += part.length;
	}
	return joined;
}

/** Same length and same octets. Not constant-time: for secrets use node:crypto `timingSafeEqual`. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
	if (a === b) return true;
	if (a.length !== b.length) return false;
	for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
	return true;
}

/** Standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/**
 * Octets of a base64 text. White space, missing padding and the URL-safe alphabet are accepted,
 * since RSP peers send all three.
 * @throws EsimError UTIL_BASE64_INVALID on any other character or an impossible length
 */
export function fromBase64(text: string): Uint8Array {
	const compact = text.replace(/\s+/g, "").replace(/-/g, "+").replace(/_/g, "/").replace(/=+$/, "");
	if (!/^[A-Za-z0-9+/]*$/.test(compact) || compact.length % 4 === 1) {
		throw new EsimError("UTIL_BASE64_INVALID", `not a base64 text: "${clip(text)}"`);
	}
	return new Uint8Array(Buffer.from(compact, "base64"));
}

/** UTF-8 octets of a text. */
export function utf8(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}

function clip(text: string): string {
	return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
