/**
 * COMPREHENSION-TLV data objects of the card application toolkit (ETSI TS 102 223 section 8) and their numbers, for both
 * ends of it.
 */

import { concatBytes } from "../../util/bytes.ts";

/** Tags without the comprehension bit (section 9.3). */
export const CatTag = {
	commandDetails: 0x01,
	deviceIdentities: 0x02,
	result: 0x03,
	duration: 0x04,
	eventList: 0x19,
	timerIdentifier: 0x24,
	timerValue: 0x25,
	bearerDescription: 0x35,
	channelData: 0x36,
	channelDataLength: 0x37,
	channelStatus: 0x38,
	bufferSize: 0x39,
	transportLevel: 0x3c,
	otherAddress: 0x3e,
} as const;

/** Types of command (section 9.4). */
export const CommandType = {
	refresh: 0x01,
	moreTime: 0x02,
	pollInterval: 0x03,
	pollingOff: 0x04,
	setUpEventList: 0x05,
	timerManagement: 0x27,
	openChannel: 0x40,
	closeChannel: 0x41,
	receiveData: 0x42,
	sendData: 0x43,
	getChannelStatus: 0x44,
} as const;

/** Qualifiers of TIMER MANAGEMENT (section 8.6). */
export const TimerAction = { start: 0x00, deactivate: 0x01, getCurrentValue: 0x02 } as const;

/** Events of SET UP EVENT LIST (section 8.25). */
export const CatEvent = { dataAvailable: 0x09, channelStatus: 0x0a } as const;

/** Tags of a proactive command and of what an ENVELOPE holds (section 9.1, ETSI TS 101 220 table 7.17). */
export const CatTemplate = { proactiveCommand: 0xd0, eventDownload: 0xd6, timerExpiration: 0xd7 } as const;

/** UICC, terminal (section 8.7); channels are 21 to 27. */
export const CatDevice = { uicc: 0x81, terminal: 0x82, channels: 0x20 } as const;

/** Transport of OPEN CHANNEL, UICC in client mode, remote connection (section 8.59). */
export const TransportLevel = { udpClient: 0x01, tcpClient: 0x02 } as const;

/** Kind of an Other Address (section 8.58). */
export const AddressType = { ipv4: 0x21, ipv6: 0x57 } as const;

/** Timers of a terminal are numbered from 1 (section 8.37). */
export const LAST_TIMER = 8;
/** In seconds: 23:59:59. */
export const LONGEST_TIMER = 86_399;

const COMPREHENSION_REQUIRED = 0x80;

export interface CatObject {
	/** Without the comprehension bit. */
	readonly tag: number;
	readonly value: Uint8Array;
	/** As received. */
	readonly whole: Uint8Array;
}

/** Makes the error of whoever reads. */
export type InvalidCat = (message: string) => Error;

/** One data object, comprehension required. */
export function catTlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
	return template(tag | COMPREHENSION_REQUIRED, ...parts);
}

/** A proactive command or the data of an ENVELOPE, around its objects. */
export function template(tag: number, ...objects: readonly Uint8Array[]): Uint8Array {
	const value = concatBytes(...objects);
	const length = value.length < 0x80 ? Uint8Array.of(value.length) : Uint8Array.of(0x81, value.length);
	return concatBytes(Uint8Array.of(tag), length, value);
}

/** Data objects one after another. @throws what `invalid` makes */
export function catObjects(bytes: Uint8Array, invalid: InvalidCat): readonly CatObject[] {
	const objects: CatObject[] = [];
	for (let offset = 0; offset < bytes.length; ) {
		const tag = (bytes[offset] ?? 0) & ~COMPREHENSION_REQUIRED;
		const [start, end] = contentsAt(bytes, offset, invalid);
		objects.push({ tag, value: bytes.slice(start, end), whole: bytes.slice(offset, end) });
		offset = end;
	}
	return objects;
}

/** Values by tag; of several objects with the same tag the first. */
export function valuesByTag(objects: readonly CatObject[]): ReadonlyMap<number, Uint8Array> {
	const values = new Map<number, Uint8Array>();
	for (const { tag, value } of objects) if (!values.has(tag)) values.set(tag, value);
	return values;
}

/** Contents of a template with this tag; undefined for another one. @throws what `invalid` makes */
export function templateContents(data: Uint8Array, tag: number, invalid: InvalidCat): Uint8Array | undefined {
	if (data[0] !== tag) return undefined;
	const [start, end] = contentsAt(data, 0, invalid);
	return data.subarray(start, end);
}

/** Timer Value: hours, minutes and seconds as digits with their halves swapped (section 8.38). */
export function timerValue(seconds: number): Uint8Array {
	const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
	return Uint8Array.from(parts, (part) => ((part % 10) << 4) | Math.floor(part / 10));
}

/** Seconds of a Timer Value; undefined when it is none. */
export function secondsOf(value: Uint8Array): number | undefined {
	const [hours, minutes, seconds] = [...value].map((octet) => (octet & 0x0f) * 10 + (octet >> 4));
	const areDigits = [...value].every((octet) => (octet & 0x0f) <= 9 && octet >> 4 <= 9);
	if (value.length !== 3 || !areDigits || hours === undefined || minutes === undefined || seconds === undefined) {
		return undefined;
	}
	return hours > 23 || minutes > 59 || seconds > 59 ? undefined : hours * 3600 + minutes * 60 + seconds;
}

/** Where the contents of the object at `offset` begin and end. */
function contentsAt(bytes: Uint8Array, offset: number, invalid: InvalidCat): readonly [start: number, end: number] {
	const [first, second] = [bytes[offset + 1], bytes[offset + 2]];
	if (first === undefined) throw invalid("a data object ends in its tag");
	const isShort = first < 0x80;
	if (!isShort && (first !== 0x81 || second === undefined))
		throw invalid("a data object has no length of one or two octets");
	const start = offset + (isShort ? 2 : 3);
	const end = start + (isShort ? first : (second ?? 0));
	if (end > bytes.length) throw invalid("a data object is shorter than it says");
	return [start, end];
}
