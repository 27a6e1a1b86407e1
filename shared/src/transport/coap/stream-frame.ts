/** Framing of CoAP messages on a connection (RFC 8323 section 3.2). */

import { concatBytes } from "../../util/bytes.ts";
import { type CoapMessage, LONGEST_TOKEN } from "./message.ts";
import { decodeOptions, encodeOptions, malformed, uintOf } from "./option.ts";

/** From which length on one, two and four octets more say it. */
const EXTENDED = [
	{ nibble: 15, size: 4, from: 65_805 },
	{ nibble: 14, size: 2, from: 269 },
	{ nibble: 13, size: 1, from: 13 },
] as const;

export function encodeFrame({ code, token, options, payload }: CoapMessage): Uint8Array {
	const rest = encodeOptions(options, payload);
	const extended = EXTENDED.find(({ from }) => rest.length >= from);
	const size = extended?.size ?? 0;
	const frame = new Uint8Array(2 + size + token.length + rest.length);
	frame[0] = ((extended?.nibble ?? rest.length) << 4) | token.length;
	for (let i = 0, more = rest.length - (extended?.from ?? 0); i < size; i++) {
		frame[size - i] = more & 0xff;
		more = Math.floor(more / 256);
	}
	frame[1 + size] = code;
	frame.set(token, 2 + size);
	frame.set(rest, 2 + size + token.length);
	return frame;
}

/** Cuts a stream of octets into messages, however the connection has split or joined them. */
export class FrameReader {
	readonly #maxMessage: number;
	#chunks: Uint8Array[] = [];
	#length = 0;
	/** Octets without which nothing more can be made of what is here. */
	#needed = 2;

	/** @param maxMessage octets of the longest message that is taken */
	constructor(maxMessage: number) {
		this.#maxMessage = maxMessage;
	}

	/**
	 * Every message that is now complete.
	 * @throws TransportError TRANSPORT_PROTOCOL on a malformed message or one that is too long: the connection is of no use then
	 */
	push(chunk: Uint8Array): CoapMessage[] {
		this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
		this.#length += chunk.length;
		if (this.#length < this.#needed) return [];
		let octets = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : concatBytes(...this.#chunks);
		const messages: CoapMessage[] = [];
		for (;;) {
			const frame = this.#frameIn(octets);
			this.#needed = frame.end;
			if (octets.length < frame.end || frame.head === undefined) break;
			const { code, tokenAt, tokenLength } = frame.head;
			const whole = octets.subarray(0, frame.end);
			const token = whole.slice(tokenAt, tokenAt + tokenLength);
			messages.push({ code, token, ...decodeOptions(whole, tokenAt + tokenLength) });
			octets = octets.subarray(frame.end);
		}
		this.#chunks = [octets];
		this.#length = octets.length;
		return messages;
	}

	/** Where the frame at the beginning ends; without `head` as far as can be told yet. */
	#frameIn(octets: Uint8Array) {
		const first = octets[0];
		if (first === undefined) return { end: 2, head: undefined };
		const tokenLength = first & 0x0f;
		if (tokenLength > LONGEST_TOKEN) throw malformed(`a token length of ${tokenLength}`);
		const extended = EXTENDED.find(({ nibble }) => nibble === first >> 4);
		const size = extended?.size ?? 0;
		if (octets.length < 2 + size) return { end: 2 + size, head: undefined };
		const more = uintOf(octets.subarray(1, 1 + size));
		const length = extended === undefined ? first >> 4 : extended.from + more;
		const tokenAt = 2 + size;
		const end = tokenAt + tokenLength + length;
		if (end > this.#maxMessage) throw malformed(`${end} octets, at most ${this.#maxMessage} are taken`);
		return { end, head: { code: octets[1 + size] as number, tokenAt, tokenLength } };
	}
}
