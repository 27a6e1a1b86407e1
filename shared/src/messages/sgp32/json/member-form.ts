/** How a value stands in JSON: each form turns the contents of an ASN.1 component into a JSON value and back. */

import { Asn1Error } from "../../../asn1/errors.ts";
import { readTlvs, readWholeTlv, tlvBytes, tlvValue } from "../../../asn1/tlv-reader.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { fromBase64, fromHex, toBase64, toHex, utf8 } from "../../../util/bytes.ts";
import { EsimError } from "../../../util/errors.ts";
import { invalidMember } from "./errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** One member of a JSON message and the ASN.1 component that it stands for. */
export interface Member {
	/** Its name in JSON, which is not always that of the module. */
	readonly name: string;
	/** Other names that peers are known to use. */
	readonly alsoNamed?: readonly string[];
	/** Tags that the component has in the message; the first is written. */
	readonly tags: readonly number[];
	readonly form: Form;
}

export interface Form {
	/** The JSON value of a component, given whole. */
	toJson(component: Uint8Array): unknown;
	/** The whole component. @throws EsipaJsonError */
	fromJson(value: unknown, member: Member): Uint8Array;
}

/** Hex digits: transaction identifiers, written in upper case. */
export const hexDigits: Form = {
	toJson: (component) => toHex(contentsOf(component)),
	fromJson: (value, member) => {
		const text = textOf(value, member).trim();
		if (!/^([0-9A-Fa-f]{2}){1,16}$/.test(text)) throw invalidMember(member.name, "2 to 32 hex digits are expected");
		return tlv(tagOf(member), fromHex(text));
	},
};

/** The 32 digits of an EID. */
export const eidDigits: Form = {
	toJson: (component) => toHex(contentsOf(component)),
	fromJson: (value, member) => {
		const text = textOf(value, member).trim();
		if (!/^[0-9A-Fa-f]{32}$/.test(text)) throw invalidMember(member.name, "32 digits are expected");
		return tlv(tagOf(member), fromHex(text));
	},
};

export const plainText: Form = {
	toJson: (component) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(contentsOf(component)),
	fromJson: (value, member) => tlv(tagOf(member), utf8(textOf(value, member))),
};

export const integerNumber: Form = {
	toJson: (component) => Number(signed(contentsOf(component))),
	fromJson: (value, member) => {
		const number = typeof value === "string" && /^-?\d{1,9}$/.test(value.trim()) ? Number(value) : value;
		if (!Number.isSafeInteger(number)) throw invalidMember(member.name, "an integer is expected");
		return tlv(tagOf(member), integerOctets(number as number));
	},
};

/** A NULL that is there or not: `true` in JSON. */
export const presence: Form = {
	toJson: () => true,
	fromJson: (_value, member) => tlv(tagOf(member)),
};

/** The contents alone in base64, without tag and length; three octets also as six hex digits. */
export const bareOctets = (length: number): Form => ({
	toJson: (component) => toBase64(contentsOf(component)),
	fromJson: (value, member) => {
		const text = textOf(value, member).trim();
		const isHex = text.length === 2 * length && /^[0-9A-Fa-f]+$/.test(text);
		const octets = isHex ? fromHex(text) : base64Of(text, member);
		const [tag] = octets;
		// Some write the whole OCTET STRING here as they do elsewhere.
		const isWhole = octets.length === length + 2 && octets[1] === length && (tag === 0x04 || tag === tagOf(member));
		const contents = isWhole ? octets.subarray(2) : octets;
		if (contents.length !== length) throw invalidMember(member.name, `${length} octets in base64 are expected`);
		return tlv(tagOf(member), contents);
	},
});

interface TlvForm {
	/** Without its header the value has exactly this length; then the header is put in front. */
	readonly bareLengths?: readonly number[];
	/** The type is a CHOICE: its arm may come without the tag around it. */
	readonly arms?: readonly number[];
	/** Tag of the message around it: peers send that whole. */
	readonly outer?: number;
}

/** A whole TLV in base64, the very octets of the message. */
export const wholeTlv = (known: TlvForm = {}): Form => ({
	toJson: toBase64,
	fromJson: (value, member) => tlvOf(value, member, member.tags, known),
});

/** Any TLV in base64: what it is, the message around it tells by the tag. */
export const anyTlv: Form = {
	toJson: toBase64,
	fromJson: (value, member) => tlvOf(value, member, undefined, {}),
};

/** In the message the component's tag stands around the TLV that JSON has. */
export const insideTag = (jsonTags: readonly number[], known: TlvForm = {}): Form => ({
	toJson: (component) => toBase64(contentsOf(component)),
	fromJson: (value, member) => tlv(tagOf(member), tlvOf(value, member, jsonTags, known)),
});

/** In the message the component's tag stands in place of the tag that JSON has. */
export const insteadOfTag = (jsonTag: number, known: TlvForm = {}): Form => ({
	toJson: (component) => toBase64(tlv(jsonTag, contentsOf(component))),
	fromJson: (value, member) => {
		const whole = tlvOf(value, member, [jsonTag, ...member.tags], known);
		return tlv(tagOf(member), contentsOf(whole));
	},
});

/** The value of a member, under whichever of its names; undefined when it is absent, null, or empty where it cannot be. */
export function valueIn(json: JsonObject, { name, alsoNamed = [], form }: Member): unknown {
	// A flag says something by being there, whatever it holds.
	if (form === presence) return name in json && json[name] !== false ? true : undefined;
	const isAbsent = (value: unknown) => value === undefined || value === null || (value === "" && form !== plainText);
	return [name, ...alsoNamed].map((one) => json[one]).find((value) => !isAbsent(value));
}

/** Octets of a base64 text, whatever its padding, alphabet or line breaks. */
export function base64Of(value: unknown, member: { readonly name: string }): Uint8Array {
	try {
		return fromBase64(textOf(value, member));
	} catch (error) {
		if (error instanceof EsimError && error.code === "UTIL_BASE64_INVALID") {
			throw invalidMember(member.name, "it is no base64");
		}
		throw error;
	}
}

/** A TLV of one of these tags (any when undefined), whatever a peer has put around it or left away. */
export function tlvOf(
	value: unknown,
	member: Member,
	tags: readonly number[] | undefined,
	{ bareLengths = [], arms = [], outer }: TlvForm,
): Uint8Array {
	const octets = base64Of(value, member);
	const [tag] = tags ?? [];
	const found = wholeTag(octets);
	if (found !== undefined && (tags === undefined || tags.includes(found))) return octets;
	if (tag !== undefined && bareLengths.includes(octets.length)) return tlv(tag, octets);
	if (tag !== undefined && found !== undefined && arms.includes(found)) return tlv(tag, octets);
	if (found !== undefined && found === outer && tags !== undefined) {
		const whole = readWholeTlv(octets);
		const inner = readTlvs(octets, whole.valueStart, whole.end).find((child) => tags.includes(child.tag));
		if (inner !== undefined) return tlvBytes(octets, inner);
	}
	const expected = (tags ?? []).map((one) => one.toString(16).toUpperCase()).join(" or ") || "any tag";
	const seen = found === undefined ? `${octets.length} octets that are none` : found.toString(16).toUpperCase();
	throw invalidMember(member.name, `one TLV (${expected}) is expected, not ${seen}`);
}

/** The tag of octets that are exactly one TLV, down to the tags inside; undefined otherwise. */
function wholeTag(octets: Uint8Array): number | undefined {
	try {
		return readWholeTlv(octets).tag;
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}

export function tagOf({ tags, name }: Member): number {
	const [tag] = tags;
	if (tag === undefined) throw new Error(`${name} has no tag`);
	return tag;
}

export function contentsOf(component: Uint8Array): Uint8Array {
	return tlvValue(component, readWholeTlv(component));
}

function textOf(value: unknown, { name }: { readonly name: string }): string {
	if (typeof value !== "string") throw invalidMember(name, "a string is expected");
	return value;
}

function signed(contents: Uint8Array): bigint {
	return contents.length === 0 ? 0n : BigInt.asIntN(8 * contents.length, BigInt(`0x${toHex(contents)}`));
}

/** Contents of an INTEGER in its shortest form. */
export function integerOctets(value: number): Uint8Array {
	let length = 1;
	while (BigInt.asIntN(8 * length, BigInt(value)) !== BigInt(value)) length++;
	const digits = BigInt.asUintN(8 * length, BigInt(value)).toString(16);
	return fromHex(digits.padStart(2 * length, "0"));
}
