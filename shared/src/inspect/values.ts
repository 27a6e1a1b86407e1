import { Decoder, type Schema } from "../asn1/codec.ts";
import { BitStringSchema, IntegerSchema, ObjectIdentifierSchema } from "../asn1/primitive.ts";
import { tagHex } from "../asn1/tag.ts";
import { Iccid } from "../ids/iccid.ts";
import { otherNamesOf } from "../messages/sgp32/dialect/table.ts";
import { toHex } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";
import { readHeader } from "./lenient-tlv.ts";
import { namedOid } from "./object-identifiers.ts";

/** Where a value stands: its type, its field, the type it is a field of. */
export interface ValuePlace {
	readonly typeName: string;
	readonly field: string;
	readonly owner: string;
}

/**
 * What the contents of a primitive mean, for people; undefined where the octets say it themselves.
 * @throws Asn1Error when they are no value of the type
 */
export function describeValue(
	schema: Schema<unknown>,
	bytes: Uint8Array,
	range: { readonly start: number; readonly valueStart: number; readonly end: number },
	place: ValuePlace,
): string | undefined {
	const { start, valueStart, end } = range;
	const value = schema.decodeAt(new Decoder(bytes, 8), schema.identifiers[0] ?? 0, start, valueStart, end);
	if (schema instanceof IntegerSchema) return namedInteger(schema, value as number, place);
	if (schema instanceof BitStringSchema) return namedBits(schema, value as string);
	if (schema instanceof ObjectIdentifierSchema) return namedOid(value as string);
	if (typeof value === "string") return JSON.stringify(value);
	if (typeof value === "boolean") return value ? "true" : "false";
	if (value === null) return "present";
	return value instanceof Uint8Array ? describeOctets(value, place) : undefined;
}

/** With the names that the number has in other versions than that of the schemas. */
function namedInteger({ named }: IntegerSchema, value: number, { typeName, owner }: ValuePlace): string {
	const names = Object.entries(named);
	const name = names.find(([, number]) => number === value)?.[0];
	const others = [typeName, owner].flatMap((type) => otherNamesOf(type, value));
	const elsewhere = others.map((other) => `${other.name} in version ${other.versions.join(", ")}`).join("; ");
	if (name !== undefined) return elsewhere === "" ? `${name}(${value})` : `${name}(${value}), ${elsewhere}`;
	if (elsewhere !== "") return `${value}: ${elsewhere}`;
	return names.length > 0 ? `${value} (not defined)` : `${value}`;
}

function namedBits(schema: BitStringSchema<string>, bits: string): string {
	const names = Object.entries(schema.named as Record<string, number>);
	const set = [...bits].flatMap((bit, index) => {
		if (bit !== "1") return [];
		return [names.find(([, position]) => position === index)?.[0] ?? `bit ${index}`];
	});
	return set.length === 0 ? "none" : set.join(", ");
}

type Describe = (octets: Uint8Array) => string | undefined;

const BY_TYPE: Readonly<Record<string, Describe>> = {
	Iccid: iccidDigits,
	VersionType: (octets) => [...octets].join("."),
	SubjectKeyIdentifier: knownCi,
	ApplicationIdentifier: knownAid,
};

const BY_FIELD: Readonly<Record<string, Describe>> = {
	eidValue: (octets) => (octets.length === 16 ? toHex(octets) : undefined),
	eid: (octets) => (octets.length === 16 ? toHex(octets) : undefined),
	extCardResource: cardResources,
	tac: (octets) => swapped(octets),
	imei: (octets) => swapped(octets).replace(/F$/i, ""),
	rPLMN: plmn,
	mccMnc: plmn,
	tagList: tagNames,
	aid: knownAid,
	isdpAid: knownAid,
	instanceAID: knownAid,
	dfName: knownAid,
	euiccCiPKId: knownCi,
	euiccCiPKIdentifierToBeUsed: knownCi,
	euiccCiPKIdToBeUsed: knownCi,
	keyVersionNumber: (octets) => (octets.length === 1 ? `${octets[0]}` : undefined),
	keyIdentifier: (octets) => (octets.length === 1 ? `${octets[0]}` : undefined),
	euiccOtpk: publicPoint,
	smdpOtpk: publicPoint,
	bppEuiccOtpk: publicPoint,
};

function describeOctets(octets: Uint8Array, { typeName, field, owner }: ValuePlace): string | undefined {
	if (owner === "ProfileHeader" && field === "iccid") return toHex(octets).replace(/F$/, "");
	if (octets.length === 0) return "empty";
	return (BY_TYPE[typeName] ?? BY_FIELD[field])?.(octets);
}

/** Digits of tag 5A; the octets as they are when they are none. */
export function iccidDigits(octets: Uint8Array): string | undefined {
	try {
		return Iccid.fromBytes(octets);
	} catch (error) {
		if (error instanceof EsimError) return undefined;
		throw error;
	}
}

function swapped(octets: Uint8Array): string {
	return toHex(octets).replace(/(.)(.)/g, "$2$1");
}

/** "MCC 901, MNC 70" (3GPP TS 24.008 section 10.5.1.13). */
function plmn(octets: Uint8Array): string | undefined {
	if (octets.length !== 3) return undefined;
	const [a, b, c, d, e, f] = swapped(octets);
	return `MCC ${a}${b}${c}, MNC ${e}${f}${d === "F" ? "" : d}`;
}

function publicPoint(octets: Uint8Array): string | undefined {
	return octets.length === 65 && octets[0] === 0x04 ? "public key, uncompressed point" : undefined;
}

/** The names in a tagList: "5A, 9F70". */
function tagNames(octets: Uint8Array): string | undefined {
	const names: string[] = [];
	for (let at = 0; at < octets.length; ) {
		const isLong = ((octets[at] as number) & 0x1f) === 0x1f;
		names.push(toHex(octets.subarray(at, at + (isLong ? 2 : 1))));
		at += isLong ? 2 : 1;
	}
	return names.join(", ");
}

const RESOURCES: Readonly<Record<number, string>> = {
	129: "installed applications",
	130: "free non-volatile memory",
	131: "free volatile memory",
};

/** ETSI TS 102 226 section 8.2.1.7.2: three numbers. */
function cardResources(octets: Uint8Array): string | undefined {
	const parts: string[] = [];
	for (let at = 0; at < octets.length; ) {
		const header = readHeader(octets, at, octets.length);
		if ("error" in header || header.missing > 0) return undefined;
		let number = 0;
		for (const octet of octets.subarray(header.valueStart, header.end)) number = number * 256 + octet;
		parts.push(`${RESOURCES[header.tag] ?? tagHex(header.tag)} ${number}`);
		at = header.end;
	}
	return parts.join(", ");
}

const AIDS: readonly (readonly [prefix: string, name: string])[] = [
	["A0000005591010FFFFFFFF8900000100", "ISD-R"],
	["A0000005591010FFFFFFFF8900000200", "ECASD"],
	["A0000005591010FFFFFFFF89", "ISD-P"],
	["A0000000871002", "USIM"],
	["A0000000871004", "ISIM"],
	["A0000003431002", "CSIM"],
	["A000000151000000", "issuer security domain"],
	["A0000001515350", "security domain"],
	["A00000015141434C", "ARA-M"],
];

/** The application that an AID stands for, with its octets. */
export function knownAid(octets: Uint8Array): string | undefined {
	const text = toHex(octets);
	const found = AIDS.find(([prefix]) => text.startsWith(prefix));
	return found && `${found[1]}`;
}

const CIS: Readonly<Record<string, string>> = {
	"81370F5125D0B1D408D4C3B232E6D25E795BEBFB": "GSM Association RSP2 Root CI1",
	F54172BDF98A95D65CBEB88A38A1C11D800A85C3: "GSMA test CI of SGP.26, P-256",
	C0BC70BA36929D43B467FF57570530E57AB8FCD8: "GSMA test CI of SGP.26, brainpoolP256r1",
};

function knownCi(octets: Uint8Array): string | undefined {
	return CIS[toHex(octets)];
}

/** Text when all of the octets are printable ASCII, at least `minimum` of them. */
export function printableText(octets: Uint8Array, minimum = 3): string | undefined {
	if (octets.length < minimum || octets.some((octet) => octet < 0x20 || octet > 0x7e)) return undefined;
	return JSON.stringify(String.fromCharCode(...octets));
}
