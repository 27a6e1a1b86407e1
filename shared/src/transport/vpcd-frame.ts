import { TransportError } from "./errors.ts";

/** One-octet payloads from the reader to the card. An APDU has at least four octets, so the two cannot be confused. */
export const VPCD_POWER_OFF = 0x00;
export const VPCD_POWER_ON = 0x01;
export const VPCD_RESET = 0x02;
export const VPCD_GET_ATR = 0x04;

/** Largest payload the two length octets can say. */
export const VPCD_MAX_PAYLOAD = 0xffff;

/** A frame: two octets length, big endian, then the payload. */
export function vpcdFrame(payload: Uint8Array): Uint8Array {
	if (payload.length > VPCD_MAX_PAYLOAD) {
		throw new TransportError(
			"TRANSPORT_FRAME_INVALID",
			`a vpcd payload of ${payload.length} octets does not fit a frame`,
		);
	}
	const frame = new Uint8Array(2 + payload.length);
	frame[0] = payload.length >> 8;
	frame[1] = payload.length & 0xff;
	frame.set(payload, 2);
	return frame;
}

/** Cuts a stream of octets into frames, however TCP has split or joined them. */
export class VpcdFrameReader {
	readonly #maxPayload: number;
	#buffer: Uint8Array = new Uint8Array(0);

	/** `maxPayload` bounds what one frame may make us keep. */
	constructor(maxPayload: number = VPCD_MAX_PAYLOAD) {
		this.#maxPayload = maxPayload;
	}

	/** Number of octets of a frame that has begun but not ended. */
	get pending(): number {
		return this.#buffer.length;
	}

	/**
	 * Takes what arrived and gives every payload that is now complete, possibly none, possibly empty ones.
	 * @throws TransportError TRANSPORT_FRAME_INVALID when a frame announces more than `maxPayload`
	 */
	push(chunk: Uint8Array): Uint8Array[] {
		// A Buffer is taken as plain octets: its own slice() would share memory instead of copying.
		let buffer = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
		if (this.#buffer.length > 0) {
			buffer = new Uint8Array(this.#buffer.length + chunk.length);
			buffer.set(this.#buffer);
			buffer.set(chunk, this.#buffer.length);
		}
		const payloads: Uint8Array[] = [];
		let offset = 0;
		while (buffer.length - offset >= 2) {
			const length = ((buffer[offset] ?? 0) << 8) | (buffer[offset + 1] ?? 0);
			if (length > this.#maxPayload) {
				const message = `a vpcd frame announces ${length} octets, at most ${this.#maxPayload} are allowed`;
				throw new TransportError("TRANSPORT_FRAME_INVALID", message);
			}
			if (buffer.length - offset - 2 < length) break;
			payloads.push(buffer.slice(offset + 2, offset + 2 + length));
			offset += 2 + length;
		}
		this.#buffer = buffer.slice(offset);
		return payloads;
	}
}
