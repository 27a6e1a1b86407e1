/** The value of Block1 and Block2 (RFC 7959 section 2.2), with BERT (RFC 8323 section 6) as size exponent 7. */

import { type CoapOption, uintOption } from "./option.ts";

export interface Block {
	/** Number of the block; in units of 1024 octets with exponent 7. */
	readonly number: number;
	readonly hasMore: boolean;
	/** 0 to 6 for blocks of 16 to 1024 octets; 7: several of 1024 octets in one message. */
	readonly exponent: number;
}

export const LARGEST_EXPONENT = 6;
export const BERT = 7;

/** Octets of one block. */
export function blockSize(exponent: number): number {
	return 16 << Math.min(exponent, LARGEST_EXPONENT);
}

/** Exponent of the largest block of at most so many octets, 16 octets at least. */
export function exponentWithin(octets: number): number {
	let exponent = LARGEST_EXPONENT;
	while (exponent > 0 && blockSize(exponent) > octets) exponent--;
	return exponent;
}

/** Octets of the body in front of a block. */
export function blockOffset({ number, exponent }: Block): number {
	return number * blockSize(exponent);
}

export function blockOption(option: number, { number, hasMore, exponent }: Block): CoapOption {
	return uintOption(option, number * 16 + (hasMore ? 8 : 0) + exponent);
}

export function blockOf(value: number | undefined): Block | undefined {
	if (value === undefined) return undefined;
	return { number: Math.floor(value / 16), hasMore: (value & 8) !== 0, exponent: value & 7 };
}
