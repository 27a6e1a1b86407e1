import { Decoder } from "../asn1/codec.ts";
import { ObjectIdentifierSchema } from "../asn1/primitive.ts";
import { Asn1Error } from "../asn1/schema.ts";
import { toHex } from "../util/bytes.ts";
import { namedOid } from "./object-identifiers.ts";
import { iccidDigits, knownAid, printableText } from "./values.ts";

/** What the contents of a primitive probably mean when only its tag is known. */
export function describePlain(tag: number, octets: Uint8Array): string | undefined {
	switch (tag) {
		case 0x01:
			return octets.length === 1 ? (octets[0] === 0 ? "false" : "true") : undefined;
		case 0x02:
		case 0x0a:
			return smallInteger(octets);
		case 0x05:
			return octets.length === 0 ? "present" : undefined;
		case 0x06:
			return objectIdentifier(octets);
		case 0x0c:
		case 0x13:
		case 0x14:
		case 0x16:
			return JSON.stringify(new TextDecoder().decode(octets));
		case 0x17:
		case 0x18:
			return timeText(octets);
		case 0x4f:
			return knownAid(octets);
		case 0x5a:
			if (octets.length === 16) return `EID ${toHex(octets)}`;
			return octets.length === 10 ? prefixed("ICCID ", iccidDigits(octets)) : undefined;
		default:
			return printableText(octets, 4);
	}
}

function prefixed(prefix: string, text: string | undefined): string | undefined {
	return text === undefined ? undefined : prefix + text;
}

function smallInteger(octets: Uint8Array): string | undefined {
	if (octets.length === 0 || octets.length > 6) return undefined;
	return BigInt.asIntN(8 * octets.length, BigInt(`0x${toHex(octets)}`)).toString();
}

/** The dotted form with its name; undefined when the octets are none. */
export function objectIdentifier(octets: Uint8Array): string | undefined {
	try {
		const schema = new ObjectIdentifierSchema();
		return namedOid(schema.decodeAt(new Decoder(octets, 1), 0x06, 0, 0, octets.length));
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}

/** UTCTime and GeneralizedTime as "2026-11-22 09:30:00 UTC". */
function timeText(octets: Uint8Array): string | undefined {
	const text = String.fromCharCode(...octets);
	const found = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
	if (found === null) return printableText(octets);
	const [, year = "", month, day, hour, minute, second] = found;
	const century = year.length === 4 ? "" : Number(year) < 50 ? "20" : "19";
	return `${century}${year}-${month}-${day} ${hour}:${minute}:${second} UTC`;
}
