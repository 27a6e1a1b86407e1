import { concatBytes } from "../util/bytes.ts";

/** Identifier octets of a tag given as its number on the wire (0x30, 0x9F70, 0xBF51). */
export function tagOctets(tag: number): number[] {
	const octets: number[] = [];
	for (let rest = tag; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
	return octets.length === 0 ? [0] : octets;
}

/** Length octets in their shortest form. */
export function lengthOctets(length: number): number[] {
	if (length < 0x80) return [length];
	const octets: number[] = [];
	for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
	return [0x80 | octets.length, ...octets];
}

/** One TLV around the joined parts: tlv(0x30, tlv(0x02, hex`01`), ...). */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
	let length = 0;
	for (const part of parts) length += part.length;
	return concatBytes(Uint8Array.from([...tagOctets(tag), ...lengthOctets(length)]), ...parts);
}

/** Octets of a buffer that is used again. */
const LARGEST_KEPT = 16 * 1024;

/**
 * A growing buffer that is filled from its end: contents first, header afterwards, so that no length is computed twice.
 */
export class BackwardWriter {
	#bytes: Uint8Array;
	#start: number;

	constructor(capacity = 512) {
		this.#bytes = new Uint8Array(capacity);
		this.#start = capacity;
	}

	/** Octets written so far; the difference of two readings is the length of what lies between. */
	get length(): number {
		return this.#bytes.length - this.#start;
	}

	octet(value: number): void {
		if (this.#start === 0) this.#grow(1);
		this.#bytes[--this.#start] = value;
	}

	octets(value: Uint8Array): void {
		if (this.#start < value.length) this.#grow(value.length);
		this.#start -= value.length;
		this.#bytes.set(value, this.#start);
	}

	/** Header for the contents written since the length was `before`. */
	header(tag: number, before: number): void {
		const length = this.length - before;
		if (length < 0x80) this.octet(length);
		else {
			let count = 0;
			for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) {
				this.octet(rest % 256);
				count++;
			}
			this.octet(0x80 | count);
		}
		for (let rest = tag; rest > 0; rest = Math.floor(rest / 256)) this.octet(rest % 256);
	}

	/** A copy of what was written. */
	finish(): Uint8Array {
		return this.#bytes.slice(this.#start);
	}

	/** Begins anew; what was written may still stand in the buffer, which nobody else sees. */
	clear(): void {
		if (this.#bytes.length > LARGEST_KEPT) this.#bytes = new Uint8Array(LARGEST_KEPT);
		this.#start = this.#bytes.length;
	}

	#grow(needed: number): void {
		const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + needed + 256));
		const start = larger.length - this.length;
		larger.set(this.#bytes.subarray(this.#start), start);
		this.#bytes = larger;
		this.#start = start;
	}
}
