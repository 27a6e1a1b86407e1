import { type Decoder, TaggedSchema } from "./codec.ts";
import { Asn1Error } from "./errors.ts";
import type { BackwardWriter } from "./tlv-writer.ts";

/** SIZE constraint: exactly n, or from min to max. */
export type Size = number | readonly [min: number, max: number];

function checkSize(length: number, size: Size | undefined, unit: string): void {
	if (size === undefined) return;
	const [min, max] = typeof size === "number" ? [size, size] : size;
	if (length < min || length > max) {
		const bounds = min === max ? `${min}` : `${min} to ${max}`;
		throw new Asn1Error("ASN1_CONSTRAINT", `${length} ${unit}, ${bounds} are allowed`);
	}
}

/** What a message may show of a value of the wrong kind, whatever it is. */
function shown(value: unknown): string {
	if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
	return typeof value === "number" ? String(value) : typeof value;
}

function invalid(reason: string): Asn1Error {
	return new Asn1Error("ASN1_VALUE_INVALID", reason);
}

export class BooleanSchema extends TaggedSchema<boolean> {
	constructor() {
		super(0x01, false);
	}

	protected decodeContent({ bytes }: Decoder, start: number, end: number): boolean {
		const octet = bytes[start];
		if (end - start !== 1 || (octet !== 0x00 && octet !== 0xff)) throw invalid("BOOLEAN must be one octet, 00 or FF");
		return octet === 0xff;
	}

	protected encodeContent(writer: BackwardWriter, value: boolean): void {
		if (typeof value !== "boolean") throw invalid(`${typeof value} where a boolean is expected`);
		writer.octet(value ? 0xff : 0x00);
	}
}

export class NullSchema extends TaggedSchema<null> {
	constructor() {
		super(0x05, false);
	}

	protected decodeContent(_decoder: Decoder, start: number, end: number): null {
		if (start !== end) throw invalid("NULL must be empty");
		return null;
	}

	protected encodeContent(_writer: BackwardWriter, value: null): void {
		if (value !== null) throw invalid(`${typeof value} where null is expected`);
	}
}

export interface IntegerOptions {
	readonly min?: number;
	readonly max?: number;
	/** Names of values in the module; other values stay allowed, as the types are extensible. */
	readonly named?: Readonly<Record<string, number>>;
}

export class IntegerSchema extends TaggedSchema<number> {
	readonly min: number;
	readonly max: number;
	readonly named: Readonly<Record<string, number>>;

	constructor(options: IntegerOptions) {
		super(0x02, false);
		this.min = options.min ?? Number.MIN_SAFE_INTEGER;
		this.max = options.max ?? Number.MAX_SAFE_INTEGER;
		this.named = options.named ?? {};
	}

	protected decodeContent({ bytes }: Decoder, start: number, end: number): number {
		const length = end - start;
		if (length === 0) throw invalid("INTEGER must have contents");
		const first = bytes[start] as number;
		if (length > 1) {
			const second = bytes[start + 1] as number;
			if ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80)) {
				throw invalid("INTEGER is not in its shortest form");
			}
			if (length > 7) throw new Asn1Error("ASN1_CONSTRAINT", `INTEGER of ${length} octets, at most 7 are supported`);
		}
		let value = first >= 0x80 ? first - 0x100 : first;
		for (let at = start + 1; at < end; at++) value = value * 256 + (bytes[at] as number);
		checkRange(value, this.min, this.max);
		return value;
	}

	protected encodeContent(writer: BackwardWriter, value: number): void {
		if (!Number.isSafeInteger(value)) throw invalid(`${shown(value)} where a whole number is expected`);
		checkRange(value, this.min, this.max);
		let rest = value;
		let octet: number;
		do {
			octet = ((rest % 256) + 256) % 256;
			writer.octet(octet);
			rest = Math.floor(rest / 256);
		} while (!((rest === 0 && octet < 0x80) || (rest === -1 && octet >= 0x80)));
	}
}

function checkRange(value: number, min: number, max: number): void {
	if (value < min || value > max || !Number.isSafeInteger(value)) {
		throw new Asn1Error("ASN1_CONSTRAINT", `${value} is outside ${min} to ${max}`);
	}
}

export class OctetStringSchema extends TaggedSchema<Uint8Array> {
	readonly size: Size | undefined;

	constructor(size: Size | undefined) {
		super(0x04, false);
		this.size = size;
	}

	protected decodeContent({ bytes }: Decoder, start: number, end: number): Uint8Array {
		checkSize(end - start, this.size, "octets");
		return bytes.subarray(start, end);
	}

	protected encodeContent(writer: BackwardWriter, value: Uint8Array): void {
		if (!(value instanceof Uint8Array)) throw invalid(`${typeof value} where octets are expected`);
		checkSize(value.length, this.size, "octets");
		writer.octets(value);
	}
}

const decoderUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoderUtf8 = new TextEncoder();

export class Utf8StringSchema extends TaggedSchema<string> {
	readonly size: Size | undefined;

	constructor(size: Size | undefined) {
		super(0x0c, false);
		this.size = size;
	}

	protected decodeContent({ bytes }: Decoder, start: number, end: number): string {
		const text = asciiText(bytes, start, end) ?? utf8Text(bytes.subarray(start, end));
		if (this.size !== undefined) checkSize(characters(text, end - start), this.size, "characters");
		return text;
	}

	protected encodeContent(writer: BackwardWriter, value: string): void {
		if (typeof value !== "string") throw invalid(`${typeof value} where a text is expected`);
		if (/\p{Cs}/u.test(value)) throw invalid("the text has half of a surrogate pair");
		const octets = encoderUtf8.encode(value);
		checkSize(characters(value, octets.length), this.size, "characters");
		writer.octets(octets);
	}
}

function asciiText(bytes: Uint8Array, start: number, end: number): string | undefined {
	if (end - start > 64) return undefined;
	let text = "";
	for (let at = start; at < end; at++) {
		const octet = bytes[at] as number;
		if (octet >= 0x80) return undefined;
		text += String.fromCharCode(octet);
	}
	return text;
}

function utf8Text(octets: Uint8Array): string {
	try {
		return decoderUtf8.decode(octets);
	} catch {
		throw invalid("not valid UTF-8");
	}
}

/** Characters as the standard counts them: code points. */
function characters(text: string, octets: number): number {
	if (octets === text.length) return octets;
	let count = 0;
	for (const _ of text) count++;
	return count;
}

/** Real identifiers have fewer than 32 octets; without a bound a hostile one costs a second. */
const MAX_OBJECT_IDENTIFIER = 128;

export class ObjectIdentifierSchema extends TaggedSchema<string> {
	constructor() {
		super(0x06, false);
	}

	protected decodeContent({ bytes }: Decoder, start: number, end: number): string {
		if (start === end) throw invalid("OBJECT IDENTIFIER must have contents");
		if (end - start > MAX_OBJECT_IDENTIFIER) {
			throw new Asn1Error("ASN1_CONSTRAINT", `OBJECT IDENTIFIER of ${end - start} octets, at most 128 are supported`);
		}
		let text = "";
		let arc = 0;
		let arcStart = start;
		for (let at = start; at < end; at++) {
			const octet = bytes[at] as number;
			if (at === arcStart && octet === 0x80)
				throw invalid("OBJECT IDENTIFIER has an arc that is not in its shortest form");
			arc = arc * 128 + (octet & 0x7f);
			if (arc > Number.MAX_SAFE_INTEGER)
				throw new Asn1Error("ASN1_CONSTRAINT", "OBJECT IDENTIFIER has an arc beyond 2^53");
			if (octet & 0x80) {
				if (at === end - 1) throw invalid("OBJECT IDENTIFIER ends inside an arc");
				continue;
			}
			const top = arc < 80 ? Math.floor(arc / 40) : 2;
			text += arcStart === start ? `${top}.${arc - 40 * top}` : `.${arc}`;
			arc = 0;
			arcStart = at + 1;
		}
		return text;
	}

	protected encodeContent(writer: BackwardWriter, value: string): void {
		if (typeof value !== "string" || !/^[0-2](\.(0|[1-9]\d*))+$/.test(value)) {
			throw invalid(`${shown(value)} is not an object identifier such as 2.23.146.1`);
		}
		const [top = 0, second = 0, ...arcs] = value.split(".").map(Number);
		if (top < 2 && second > 39) throw invalid(`"${value}": the second arc must be below 40`);
		for (const arc of [top * 40 + second, ...arcs].reverse()) {
			if (!Number.isSafeInteger(arc)) throw new Asn1Error("ASN1_CONSTRAINT", `"${value}" has an arc beyond 2^53`);
			writer.octet(arc % 128);
			for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) writer.octet(0x80 | (rest % 128));
		}
	}
}

/**
 * BIT STRING as a text of "0" and "1", first bit first. Values built by `of` have no trailing zeros, as DER demands of
 * named bits; values received keep theirs, since some IPAs send them and signatures run over them.
 */
export class BitStringSchema<Name extends string> extends TaggedSchema<string> {
	readonly named: Readonly<Record<Name, number>>;

	constructor(named: Readonly<Record<Name, number>>) {
		super(0x03, false);
		this.named = named;
	}

	/** The value with exactly these bits set. */
	of(...names: readonly Name[]): string {
		const bits: string[] = [];
		for (const name of names) {
			while (bits.length <= this.named[name]) bits.push("0");
			bits[this.named[name]] = "1";
		}
		return bits.join("");
	}

	/** True when the bit is set; bits beyond the value's end are not. */
	has(value: string, name: Name): boolean {
		return value[this.named[name]] === "1";
	}

	/** Names of the set bits, in the order of the module. */
	names(value: string): Name[] {
		return (Object.keys(this.named) as Name[]).filter((name) => this.has(value, name));
	}

	protected decodeContent({ bytes }: Decoder, start: number, end: number): string {
		const unused = bytes[start] as number;
		if (start === end || unused > 7 || (unused > 0 && end - start === 1))
			throw invalid("BIT STRING has a wrong first octet");
		if (unused > 0 && ((bytes[end - 1] as number) & ((1 << unused) - 1)) !== 0) {
			throw invalid("BIT STRING has unused bits that are not zero");
		}
		let bits = "";
		for (let at = start + 1; at < end; at++) bits += (bytes[at] as number).toString(2).padStart(8, "0");
		return unused === 0 ? bits : bits.slice(0, -unused);
	}

	protected encodeContent(writer: BackwardWriter, value: string): void {
		if (typeof value !== "string" || !/^[01]*$/.test(value)) throw invalid(`${shown(value)} is not a text of 0 and 1`);
		const octets = Math.ceil(value.length / 8);
		const padded = value.padEnd(octets * 8, "0");
		for (let i = octets - 1; i >= 0; i--) writer.octet(Number.parseInt(padded.slice(8 * i, 8 * i + 8), 2));
		writer.octet(octets * 8 - value.length);
	}
}

export const boolean = (): BooleanSchema => new BooleanSchema();
export const nullValue = (): NullSchema => new NullSchema();
export const integer = (options: IntegerOptions = {}): IntegerSchema => new IntegerSchema(options);
export const octetString = (options: { readonly size?: Size } = {}): OctetStringSchema =>
	new OctetStringSchema(options.size);
export const utf8String = (options: { readonly size?: Size } = {}): Utf8StringSchema =>
	new Utf8StringSchema(options.size);
export const objectIdentifier = (): ObjectIdentifierSchema => new ObjectIdentifierSchema();
export const bitString = <const N extends string = never>(
	named: Readonly<Record<N, number>> = {} as Record<N, number>,
): BitStringSchema<N> => new BitStringSchema(named);
