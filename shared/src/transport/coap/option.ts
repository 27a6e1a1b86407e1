/** Options of CoAP messages: the same octets over datagrams (RFC 7252 section 3.1) and over connections (RFC 8323). */

import { TransportError } from "../errors.ts";

export const OPTION = {
	uriHost: 3,
	etag: 4,
	observe: 6,
	uriPort: 7,
	locationPath: 8,
	uriPath: 11,
	contentFormat: 12,
	maxAge: 14,
	uriQuery: 15,
	accept: 17,
	block2: 23,
	block1: 27,
	size2: 28,
	proxyUri: 35,
	proxyScheme: 39,
	size1: 60,
	echo: 252,
	noResponse: 258,
	requestTag: 292,
} as const;

/** Shortest and longest value of what is understood here, and whether it may come more than once. */
const FORMATS: Readonly<Record<number, { readonly size: readonly [number, number]; readonly repeats?: true }>> = {
	[OPTION.uriHost]: { size: [1, 255] },
	[OPTION.etag]: { size: [1, 8], repeats: true },
	[OPTION.observe]: { size: [0, 3] },
	[OPTION.uriPort]: { size: [0, 2] },
	[OPTION.locationPath]: { size: [0, 255], repeats: true },
	[OPTION.uriPath]: { size: [0, 255], repeats: true },
	[OPTION.contentFormat]: { size: [0, 2] },
	[OPTION.maxAge]: { size: [0, 4] },
	[OPTION.uriQuery]: { size: [0, 255], repeats: true },
	[OPTION.accept]: { size: [0, 2] },
	[OPTION.block2]: { size: [0, 3] },
	[OPTION.block1]: { size: [0, 3] },
	[OPTION.size2]: { size: [0, 4] },
	[OPTION.proxyUri]: { size: [1, 1034] },
	[OPTION.proxyScheme]: { size: [1, 255] },
	[OPTION.size1]: { size: [0, 4] },
	[OPTION.echo]: { size: [1, 40] },
	[OPTION.noResponse]: { size: [0, 1] },
	[OPTION.requestTag]: { size: [0, 8], repeats: true },
};

export interface CoapOption {
	readonly number: number;
	readonly value: Uint8Array;
}

const PAYLOAD_MARKER = 0xff;

export function uintOption(number: number, value: number): CoapOption {
	return { number, value: uintOctets(value) };
}

export function textOptions(number: number, texts: readonly string[]): CoapOption[] {
	return texts.map((text) => ({ number, value: new TextEncoder().encode(text) }));
}

/** As few octets as will do; none for 0. */
export function uintOctets(value: number): Uint8Array {
	const octets: number[] = [];
	for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
	return Uint8Array.from(octets);
}

export function uintOf(octets: Uint8Array): number {
	return octets.reduce((value, octet) => value * 256 + octet, 0);
}

export function optionValue(options: readonly CoapOption[], number: number): Uint8Array | undefined {
	return options.find((option) => option.number === number)?.value;
}

export function optionUint(options: readonly CoapOption[], number: number): number | undefined {
	const value = optionValue(options, number);
	return value && uintOf(value);
}

export function optionTexts(options: readonly CoapOption[], number: number): string[] {
	const decoder = new TextDecoder();
	return options.filter((option) => option.number === number).map(({ value }) => decoder.decode(value));
}

/** Whoever does not understand such an option must not act on the message (RFC 7252 section 5.4.1). */
export function isCritical(number: number): boolean {
	return (number & 1) === 1;
}

/**
 * What is understood, and the first critical option that is not; elective ones that are not understood are left out. An
 * option of another length or once more than allowed counts as not understood (RFC 7252 sections 5.4.3 and 5.4.5).
 */
export function understood(options: readonly CoapOption[]): {
	readonly options: readonly CoapOption[];
	readonly unknownCritical?: number;
} {
	const known: CoapOption[] = [];
	const seen = new Set<number>();
	for (const option of options) {
		const format = FORMATS[option.number];
		const isKnown =
			format !== undefined &&
			option.value.length >= format.size[0] &&
			option.value.length <= format.size[1] &&
			(format.repeats === true || !seen.has(option.number));
		seen.add(option.number);
		if (isKnown) known.push(option);
		else if (isCritical(option.number)) return { options: known, unknownCritical: option.number };
	}
	return { options: known };
}

/** Options, in the order of their numbers, and behind them the payload with its marker. */
export function encodeOptions(options: readonly CoapOption[], payload: Uint8Array): Uint8Array {
	const sorted = options
		.map((option, index) => ({ option, index }))
		.sort((a, b) => a.option.number - b.option.number || a.index - b.index);
	let length = payload.length === 0 ? 0 : payload.length + 1;
	for (const { option } of sorted) length += option.value.length + 5;
	const octets = new Uint8Array(length);
	let at = 0;
	let before = 0;
	for (const { option } of sorted) {
		const [deltaNibble, deltaMore] = extended(option.number - before);
		const [lengthNibble, lengthMore] = extended(option.value.length);
		octets[at++] = (deltaNibble << 4) | lengthNibble;
		for (const octet of deltaMore) octets[at++] = octet;
		for (const octet of lengthMore) octets[at++] = octet;
		octets.set(option.value, at);
		at += option.value.length;
		before = option.number;
	}
	if (payload.length > 0) {
		octets[at++] = PAYLOAD_MARKER;
		octets.set(payload, at);
		at += payload.length;
	}
	return octets.subarray(0, at);
}

/** The nibble and the octets behind it, for a number of 0 to 65804. */
function extended(value: number): readonly [number, readonly number[]] {
	if (value < 13) return [value, []];
	if (value < 269) return [13, [value - 13]];
	return [14, [(value - 269) >> 8, (value - 269) & 0xff]];
}

/**
 * Options and payload of a message from `start` on; values and payload are copies.
 * @throws TransportError TRANSPORT_PROTOCOL
 */
export function decodeOptions(
	octets: Uint8Array,
	start: number,
): { readonly options: readonly CoapOption[]; readonly payload: Uint8Array } {
	const options: CoapOption[] = [];
	let at = start;
	let number = 0;
	const more = (nibble: number, what: string): number => {
		if (nibble < 13) return nibble;
		if (nibble === 15) throw malformed(`an option ${what} of 15`);
		const size = nibble === 13 ? 1 : 2;
		if (at + size > octets.length) throw malformed(`the end within an option ${what}`);
		const value = uintOf(octets.subarray(at, at + size)) + (nibble === 13 ? 13 : 269);
		at += size;
		return value;
	};
	while (at < octets.length) {
		const head = octets[at++] as number;
		if (head === PAYLOAD_MARKER) {
			if (at === octets.length) throw malformed("a payload marker without payload");
			return { options, payload: octets.slice(at) };
		}
		number += more(head >> 4, "delta");
		if (number > 0xffff) throw malformed(`an option number of ${number}`);
		const length = more(head & 0x0f, "length");
		if (at + length > octets.length) throw malformed(`the end within option ${number}`);
		options.push({ number, value: octets.slice(at, at + length) });
		at += length;
	}
	return { options, payload: new Uint8Array(0) };
}

export function malformed(what: string): TransportError {
	return new TransportError("TRANSPORT_PROTOCOL", `a CoAP message has ${what}`);
}
