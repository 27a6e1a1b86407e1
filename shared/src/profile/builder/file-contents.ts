/** Contents of USIM files from what people write (3GPP TS 31.102 §4.2). */

import type { AccessTechnology, NetworkChoice } from "./network-description.ts";

/** EF.IMSI: length, parity and first digit, then two digits an octet, F as filler. */
export function imsiContents(imsi: string): Uint8Array {
	const isOdd = imsi.length % 2 === 1;
	const halves = [isOdd ? 9 : 1, ...[...imsi].map(Number)];
	if (!isOdd) halves.push(0xf);
	const contents = new Uint8Array(9).fill(0xff);
	contents[0] = halves.length / 2;
	contents.set(swappedPairs(halves), 1);
	return contents;
}

function swappedPairs(halves: readonly number[]): Uint8Array {
	return Uint8Array.from({ length: halves.length / 2 }, (_, i) => {
		return ((halves[2 * i + 1] as number) << 4) | (halves[2 * i] as number);
	});
}

/** The three octets of a network (3GPP TS 24.008 §10.5.1.13); a two-digit MNC has F in place of its third digit. */
export function plmnOctets(plmn: string): Uint8Array {
	const [m1, m2, m3, n1, n2, n3 = 0xf] = [...plmn].map(Number) as [number, number, number, number, number, number?];
	return swappedPairs([m1, m2, m3, n3, n1, n2]);
}

/** Bits of the two octets behind a network in EF.HPLMNwAcT and its like. */
const TECHNOLOGY_BITS: Readonly<Record<AccessTechnology, number>> = {
	utran: 0x8000,
	"e-utran": 0x4000,
	"e-utran-wb": 0x6000,
	"e-utran-nb": 0x5000,
	"ng-ran": 0x0800,
	gsm: 0x0080,
};

/** A network with its technologies, 5 octets. */
export function networkOctets({ plmn, technologies }: NetworkChoice): Uint8Array {
	const bits = technologies.reduce((sum, technology) => sum | TECHNOLOGY_BITS[technology], 0);
	return Uint8Array.from([...plmnOctets(plmn), bits >> 8, bits & 0xff]);
}

/** EF.ACC: one bit a class, class 15 first. */
export function accessClassContents(classes: readonly number[]): Uint8Array {
	const bits = classes.reduce((sum, accessClass) => sum | (1 << accessClass), 0);
	return Uint8Array.of(bits >> 8, bits & 0xff);
}

/** EF.UST: services are numbered from 1, the lowest bit of the first octet. */
export function serviceTableContents(services: readonly number[], size: number): Uint8Array {
	const contents = new Uint8Array(size);
	for (const service of services) {
		const at = (service - 1) >> 3;
		contents[at] = (contents[at] as number) | (1 << ((service - 1) & 7));
	}
	return contents;
}

/** Characters that the GSM default alphabet has at the places of ASCII, and some of those elsewhere (TS 23.038 §6.2.1). */
const SAME_AS_ASCII = /^[A-Za-z0-9 !"#%&'()*+,\-./:;<=>?]$/;
const ELSEWHERE = new Map<string, number>([
	...[..."@£$¥èéùìòÇ"].map((character, i) => [character, i] as const),
	["Ø", 0x0b],
	["ø", 0x0c],
	["Å", 0x0e],
	["å", 0x0f],
	["_", 0x11],
	...[..."ÆæßÉ"].map((character, i) => [character, 0x1c + i] as const),
	["¡", 0x40],
	...[..."ÄÖÑÜ§¿"].map((character, i) => [character, 0x5b + i] as const),
	...[..."äöñüà"].map((character, i) => [character, 0x7b + i] as const),
]);

function defaultAlphabet(text: string): number[] | undefined {
	const octets = [...text].map((character) => {
		return SAME_AS_ASCII.test(character) ? character.charCodeAt(0) : ELSEWHERE.get(character);
	});
	return octets.includes(undefined) ? undefined : (octets as number[]);
}

/**
 * A text with FF behind it up to `size` octets: in the GSM default alphabet, or in UCS2 with 80 in front (TS 102 221
 * annex A). Undefined when it does not fit.
 */
export function alphaContents(text: string, size: number): Uint8Array | undefined {
	const contents = new Uint8Array(size).fill(0xff);
	const octets = defaultAlphabet(text) ?? [
		0x80,
		...[...Array(text.length).keys()].flatMap((i) => [text.charCodeAt(i) >> 8, text.charCodeAt(i) & 0xff]),
	];
	if (octets.length > size) return undefined;
	contents.set(octets);
	return contents;
}

/** A PIN as VERIFY sends it: its digits, FF up to 8 octets. */
export function pinOctets(digits: string): Uint8Array {
	const octets = new Uint8Array(8).fill(0xff);
	for (let i = 0; i < digits.length; i++) octets[i] = digits.charCodeAt(i);
	return octets;
}
