/** Proactive commands of the card (ETSI TS 102 223), as far as this modem acts on them. */

import { concatBytes } from "@iot-esim/shared/util/bytes";
import { NetworkError } from "./errors.ts";

const PROACTIVE_COMMAND = 0xd0;
const COMMAND_DETAILS = 0x01;
const DURATION = 0x04;

/** Types of command (TS 102 223 §9.4). */
export const CommandType = {
	refresh: 0x01,
	moreTime: 0x02,
	pollInterval: 0x03,
	pollingOff: 0x04,
	setUpEventList: 0x05,
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
}

/**
 * Reads what FETCH gave.
 * @throws NetworkError NETWORK_CARD_ANSWER_INVALID
 */
export function parseProactiveCommand(data: Uint8Array): ProactiveCommand {
	if (data[0] !== PROACTIVE_COMMAND) throw invalid("FETCH gave no proactive command");
	let details: Uint8Array | undefined;
	let duration: number | undefined;
	for (const [tag, value, tlv] of comprehensionTlvs(contents(data))) {
		if (tag === COMMAND_DETAILS && value.length === 3 && !details) details = tlv;
		if (tag === DURATION && value.length === 2) duration = (value[1] ?? 0) * ([60_000, 1_000, 100][value[0] ?? 0] ?? 0);
	}
	const [, , , type, qualifier] = details ?? [];
	if (!details || type === undefined || qualifier === undefined)
		throw invalid("a proactive command has no command details");
	return { details, type, qualifier, ...(duration === undefined ? {} : { duration }) };
}

/** General results of TERMINAL RESPONSE (TS 102 223 §8.12). */
export const GeneralResult = { performed: 0x00, beyondCapabilities: 0x30 } as const;

/** Body of TERMINAL RESPONSE: command details, device identities (terminal to UICC), result, further TLVs. */
export function terminalResponse(
	command: ProactiveCommand,
	result: (typeof GeneralResult)[keyof typeof GeneralResult],
	...further: readonly Uint8Array[]
): Uint8Array {
	const identities = Uint8Array.of(0x02, 0x02, 0x82, 0x81);
	return concatBytes(command.details, identities, Uint8Array.of(0x83, 0x01, result), ...further);
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
