/** Proactive commands of the card (ETSI TS 102 223), as far as this modem acts on them. */

import {
	CatTag,
	CatTemplate,
	catObjects,
	templateContents,
	valuesByTag,
} from "@iot-esim/shared/messages/cat/cat-objects";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import { NetworkError } from "./errors.ts";

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
	const contents = templateContents(data, CatTemplate.proactiveCommand, invalid);
	if (contents === undefined) throw invalid("FETCH gave no proactive command");
	const all = catObjects(contents, invalid);
	const objects = valuesByTag(all);
	const details = all.find(({ tag, value }) => tag === CatTag.commandDetails && value.length === 3)?.whole;
	const durations = all.filter(({ tag, value }) => tag === CatTag.duration && value.length === 2);
	const duration = durations.map(({ value: [unit = 0, count = 0] }) => count * (UNITS[unit] ?? 0)).at(-1);
	const otherAddresses = all.filter(({ tag }) => tag === CatTag.otherAddress).map(({ value }) => value);
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
	timerStateContradiction: 0x24,
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

/** Duration TLV in seconds, for POLL INTERVAL. */
export function durationTlv(seconds: number): Uint8Array {
	return Uint8Array.of(0x04, 0x02, 0x01, Math.max(1, Math.min(255, Math.round(seconds))));
}

/** Milliseconds of a Duration's units: minutes, seconds, tenths of seconds (section 8.8). */
const UNITS = [60_000, 1_000, 100];

function invalid(message: string): NetworkError {
	return new NetworkError("NETWORK_CARD_ANSWER_INVALID", message);
}
