/** Proactive commands of the card (ETSI TS 102 223), as far as this modem acts on them. */

import { concatBytes } from "@iot-esim/shared/util/bytes";
import { NetworkError } from "./errors.ts";

const PROACTIVE_COMMAND = 0xd0;

/** Tags of data objects without the comprehension bit (TS 102 223 §9.3). */
export const catObject = {
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

/** Types of command (TS 102 223 §9.4). */
export const CommandType = {
	refresh: 0x01,
	moreTime: 0x02,
	pollInterval: 0x03,
	pollingOff: 0x04,
	setUpEventList: 0x05,
	openChannel: 0x40,
	closeChannel: 0x41,
	receiveData: 0x42,
	sendData: 0x43,
	getChannelStatus: 0x44,
} as const;

/** Qualifiers of REFRESH (TS 102 223 §8.6). */
export const RefreshMode = {
	0: "NAA initialization and full file change notification",
	1: "file change notification",
	2: "NAA initialization and file change notification",
	3: "NAA initialization",
	4: "UICC reset",
	5: "NAA application reset",
	6: "NAA session reset",
	7: "steering of roaming",
	9: "eUICC profile state change",
} as const;

export interface ProactiveCommand {
	/** Command details TLV as received, to be given back in TERMINAL RESPONSE. */
	readonly details: Uint8Array;
	readonly type: number;
	readonly qualifier: number;
	/** Of POLL INTERVAL, in milliseconds. */
	readonly duration?: number;
	/** Values by their tags without the comprehension bit; of several with the same tag the first. */
	readonly objects: ReadonlyMap<number, Uint8Array>;
	/** Addresses of OPEN CHANNEL, in their order. */
	readonly otherAddresses: readonly Uint8Array[];
}

/**
 * Reads what FETCH gave.
 * @throws NetworkError NETWORK_CARD_ANSWER_INVALID
 */
export function parseProactiveCommand(data: Uint8Array): ProactiveCommand {
	if (data[0] !== PROACTIVE_COMMAND) throw invalid("FETCH gave no proactive command");
	let details: Uint8Array | undefined;
	let duration: number | undefined;
	const objects = new Map<number, Uint8Array>();
	const otherAddresses: Uint8Array[] = [];
	for (const [tag, value, tlv] of comprehensionTlvs(contents(data))) {
		if (!objects.has(tag)) objects.set(tag, value);
		if (tag === catObject.otherAddress) otherAddresses.push(value);
		if (tag === catObject.commandDetails && value.length === 3 && !details) details = tlv;
		if (tag === catObject.duration && value.length === 2)
			duration = (value[1] ?? 0) * ([60_000, 1_000, 100][value[0] ?? 0] ?? 0);
	}
	const [, , , type, qualifier] = details ?? [];
	if (!details || type === undefined || qualifier === undefined)
		throw invalid("a proactive command has no command details");
	return { details, type, qualifier, objects, otherAddresses, ...(duration === undefined ? {} : { duration }) };
}

/** General results of TERMINAL RESPONSE (TS 102 223 §8.12). */
export const GeneralResult = {
	performed: 0x00,
	missingInformation: 0x02,
	terminalUnable: 0x20,
	beyondCapabilities: 0x30,
	commandDataNotUnderstood: 0x32,
	bipError: 0x3a,
} as const;

/** Additional information to a bearer independent protocol error (TS 102 223 §8.12.11). */
export const BipCause = {
	noChannel: 0x01,
	channelClosed: 0x02,
	unknownChannel: 0x03,
	security: 0x05,
	transportLevel: 0x06,
	notReachable: 0x07,
} as const;

/** Body of TERMINAL RESPONSE: command details, device identities (terminal to UICC), result with additional octets, further TLVs. */
export function terminalResponse(
	command: ProactiveCommand,
	result: (typeof GeneralResult)[keyof typeof GeneralResult],
	...further: readonly (Uint8Array | number)[]
): Uint8Array {
	const identities = Uint8Array.of(0x02, 0x02, 0x82, 0x81);
	const additional = further.filter((part) => typeof part === "number");
	const objects = further.filter((part) => typeof part !== "number");
	const results = Uint8Array.of(0x83, 1 + additional.length, result, ...additional);
	return concatBytes(command.details, identities, results, ...objects);
}

/** One data object, comprehension required. */
export function catTlv(tag: number, value: Uint8Array): Uint8Array {
	const length = value.length < 0x80 ? Uint8Array.of(value.length) : Uint8Array.of(0x81, value.length);
	return concatBytes(Uint8Array.of(0x80 | tag), length, value);
}

/** Duration TLV in seconds, for POLL INTERVAL. */
export function durationTlv(seconds: number): Uint8Array {
	return Uint8Array.of(0x04, 0x02, 0x01, Math.max(1, Math.min(255, Math.round(seconds))));
}

function contents(data: Uint8Array): Uint8Array {
	const [length, start] = readLength(data, 1);
	if (start + length > data.length) throw invalid("a proactive command is shorter than it says");
	return data.subarray(start, start + length);
}

/** Tag without the comprehension bit, value, whole TLV. */
function* comprehensionTlvs(bytes: Uint8Array): Generator<[number, Uint8Array, Uint8Array]> {
	let offset = 0;
	while (offset < bytes.length) {
		const tag = (bytes[offset] ?? 0) & 0x7f;
		const [length, start] = readLength(bytes, offset + 1);
		if (start + length > bytes.length) throw invalid("a proactive command is shorter than it says");
		yield [tag, bytes.subarray(start, start + length), bytes.slice(offset, start + length)];
		offset = start + length;
	}
}

function readLength(bytes: Uint8Array, at: number): [length: number, next: number] {
	const first = bytes[at];
	if (first === undefined) throw invalid("a proactive command ends in a tag");
	if (first < 0x80) return [first, at + 1];
	if (first !== 0x81 || bytes[at + 1] === undefined)
		throw invalid("a proactive command has a length that is not allowed");
	return [bytes[at + 1] ?? 0, at + 2];
}

function invalid(message: string): NetworkError {
	return new NetworkError("NETWORK_CARD_ANSWER_INVALID", message);
}
