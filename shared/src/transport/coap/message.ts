/** A CoAP message as both ends mean it, and its octets in a datagram (RFC 7252 section 3). */

import { type CoapOption, decodeOptions, encodeOptions, malformed } from "./option.ts";

export interface CoapMessage {
	/** One octet, as in `code.ts`. */
	readonly code: number;
	/** 0 to 8 octets. */
	readonly token: Uint8Array;
	readonly options: readonly CoapOption[];
	readonly payload: Uint8Array;
}

const TYPES = ["confirmable", "non-confirmable", "acknowledgement", "reset"] as const;
export type CoapType = (typeof TYPES)[number];

/** What frames a message in a datagram. */
export interface DatagramHeader {
	readonly type: CoapType;
	readonly messageId: number;
}

export const LONGEST_TOKEN = 8;
const HEADER = 4;

export function encodeDatagram({ type, messageId }: DatagramHeader, message: CoapMessage): Uint8Array {
	const { code, token, options, payload } = message;
	const rest = encodeOptions(options, payload);
	const octets = new Uint8Array(HEADER + token.length + rest.length);
	octets[0] = 0x40 | (TYPES.indexOf(type) << 4) | token.length;
	octets[1] = code;
	octets[2] = messageId >> 8;
	octets[3] = messageId & 0xff;
	octets.set(token, HEADER);
	octets.set(rest, HEADER + token.length);
	return octets;
}

/** A message without anything: acknowledgement, reset, ping. */
export function encodeEmpty(header: DatagramHeader): Uint8Array {
	return encodeDatagram(header, NOTHING);
}

export const NOTHING: CoapMessage = {
	code: 0,
	token: new Uint8Array(0),
	options: [],
	payload: new Uint8Array(0),
};

/** Type and message id; undefined for what is no CoAP of version 1 and has to be ignored. */
export function readHeader(octets: Uint8Array): DatagramHeader | undefined {
	const [first = 0, , high = 0, low = 0] = octets;
	if (octets.length < HEADER || first >> 6 !== 1) return undefined;
	return { type: TYPES[(first >> 4) & 3] as CoapType, messageId: (high << 8) | low };
}

/**
 * The message behind a readable header.
 * @throws TransportError TRANSPORT_PROTOCOL
 */
export function decodeMessage(octets: Uint8Array): CoapMessage {
	const tokenLength = (octets[0] ?? 0) & 0x0f;
	const code = octets[1] ?? 0;
	if (tokenLength > LONGEST_TOKEN) throw malformed(`a token length of ${tokenLength}`);
	if (HEADER + tokenLength > octets.length) throw malformed("the end within its token");
	if (code === 0 && octets.length > HEADER) throw malformed("something in it, and the code of an empty one");
	const token = octets.slice(HEADER, HEADER + tokenLength);
	return { code, token, ...decodeOptions(octets, HEADER + tokenLength) };
}
