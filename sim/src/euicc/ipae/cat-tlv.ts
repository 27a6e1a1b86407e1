/** COMPREHENSION-TLV data objects of the card application toolkit (ETSI TS 102 223 section 8), as the card writes and reads them. */

import { concatBytes } from "@iot-esim/shared/util/bytes";
import { IpaeError } from "./errors.ts";

/** Types of command (section 9.4). */
export const CommandType = {
	pollInterval: 0x03,
	setUpEventList: 0x05,
	openChannel: 0x40,
	closeChannel: 0x41,
	receiveData: 0x42,
	sendData: 0x43,
} as const;

/** Tags without the comprehension bit (section 9.3). */
export const Tag = {
	commandDetails: 0x01,
	deviceIdentities: 0x02,
	result: 0x03,
	duration: 0x04,
	eventList: 0x19,
	bearerDescription: 0x35,
	channelData: 0x36,
	channelDataLength: 0x37,
	channelStatus: 0x38,
	bufferSize: 0x39,
	transportLevel: 0x3c,
	otherAddress: 0x3e,
} as const;

export const Event = { dataAvailable: 0x09, channelStatus: 0x0a } as const;

const PROACTIVE_COMMAND = 0xd0;
const COMPREHENSION_REQUIRED = 0x80;
const UICC = 0x81;
export const TERMINAL = 0x82;

/** Device identity of a channel of the bearer independent protocol. */
export const channelDevice = (channel: number): number => 0x20 | channel;

/** One data object, comprehension required. */
export function catTlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
	const value = concatBytes(...parts);
	return concatBytes(Uint8Array.of(tag | COMPREHENSION_REQUIRED), length(value.length), value);
}

/** A proactive command (D0) of the UICC to the terminal, or to one of its channels. */
export function proactiveCommand(
	command: { readonly type: number; readonly qualifier?: number; readonly to?: number },
	...objects: readonly Uint8Array[]
): Uint8Array {
	const details = catTlv(Tag.commandDetails, Uint8Array.of(1, command.type, command.qualifier ?? 0));
	const identities = catTlv(Tag.deviceIdentities, Uint8Array.of(UICC, command.to ?? TERMINAL));
	const body = concatBytes(details, identities, ...objects);
	return concatBytes(Uint8Array.of(PROACTIVE_COMMAND), length(body.length), body);
}

/**
 * The data objects of a TERMINAL RESPONSE or an ENVELOPE by their tags without the comprehension bit; of several with the
 * same tag the first.
 * @throws IpaeError IPAE_TERMINAL_ANSWER_INVALID
 */
export function catObjects(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
	const objects = new Map<number, Uint8Array>();
	for (let offset = 0; offset < bytes.length; ) {
		const tag = (bytes[offset] ?? 0) & ~COMPREHENSION_REQUIRED;
		const { size, start } = readLength(bytes, offset + 1);
		if (start + size > bytes.length) throw invalid("a data object is shorter than it says");
		if (!objects.has(tag)) objects.set(tag, bytes.slice(start, start + size));
		offset = start + size;
	}
	return objects;
}

/** Contents of an ENVELOPE with this tag (D6 is EVENT DOWNLOAD); undefined for another one. */
export function envelopeContents(data: Uint8Array, tag: number): Uint8Array | undefined {
	if (data[0] !== tag) return undefined;
	const { size, start } = readLength(data, 1);
	if (start + size > data.length) throw invalid("an ENVELOPE is shorter than it says");
	return data.subarray(start, start + size);
}

function length(size: number): Uint8Array {
	return size < 0x80 ? Uint8Array.of(size) : Uint8Array.of(0x81, size);
}

function readLength(bytes: Uint8Array, at: number): { size: number; start: number } {
	const first = bytes[at];
	if (first !== undefined && first < 0x80) return { size: first, start: at + 1 };
	const second = bytes[at + 1];
	if (first === 0x81 && second !== undefined) return { size: second, start: at + 2 };
	throw invalid("a data object has no length of one or two octets");
}

function invalid(message: string): IpaeError {
	return new IpaeError("IPAE_TERMINAL_ANSWER_INVALID", message);
}
