import { tlv } from "../asn1/tlv-writer.ts";
import { utf8 } from "../util/bytes.ts";
import { type DerNode, decodeOid, decodeText, member, objectIdentifier, sequence, set } from "./der.ts";
import { oid } from "./oids.ts";

/** A distinguished name. Attributes that stand in a name twice keep their first value. */
export interface Name {
	readonly commonName?: string;
	readonly organization?: string;
	readonly organizationalUnit?: string;
	readonly country?: string;
	/** In an eUICC certificate this is the EID. */
	readonly serialNumber?: string;
	/** Any other attribute, by its dotted object identifier. */
	readonly others?: Readonly<Record<string, string>>;
}

const attributes = [
	["country", oid.country],
	["organization", oid.organization],
	["organizationalUnit", oid.organizationalUnit],
	["serialNumber", oid.serialNumber],
	["commonName", oid.commonName],
] as const;

/** Reads a Name or the contents of a directoryName. */
export function decodeName(node: DerNode): Name {
	const known: Partial<Record<(typeof attributes)[number][0], string>> = {};
	const others: Record<string, string> = {};
	for (const rdn of node.expect(0x30, "a name").members) {
		for (const attribute of rdn.expect(0x31, "a part of a name").members) {
			const [type, value] = attribute.expect(0x30, "an attribute of a name").members;
			if (type === undefined || value === undefined) continue;
			const id = decodeOid(member([type], 0, 0x06, "the type of an attribute").value);
			const field = attributes.find(([, known]) => known === id)?.[0];
			const text = attributeText(value);
			if (field !== undefined) known[field] ??= text;
			else others[id] ??= text;
		}
	}
	return Object.keys(others).length === 0 ? known : { ...known, others };
}

/** BMPString and UniversalString are old and rare, but legal. */
function attributeText(value: DerNode): string {
	if (value.tag === 0x1e) return Buffer.from(value.value).swap16().toString("utf16le");
	if (value.tag === 0x14) return Buffer.from(value.value).toString("latin1");
	return decodeText(value.value);
}

/** Writes a name; country and serialNumber are PrintableString, all else UTF8String (RFC 5280 section 4.1.2.4). */
export function encodeName(name: Name): Uint8Array {
	const parts: Uint8Array[] = [];
	for (const [field, id] of attributes) {
		const text = name[field];
		if (text !== undefined)
			parts.push(attribute(id, field === "country" || field === "serialNumber" ? 0x13 : 0x0c, text));
	}
	for (const [id, text] of Object.entries(name.others ?? {})) parts.push(attribute(id, 0x0c, text));
	return sequence(...parts);
}

function attribute(id: string, tag: number, text: string): Uint8Array {
	return set(sequence(objectIdentifier(id), tlv(tag, utf8(text))));
}

/** A name for messages: "CN=Test CI, O=RSPTEST". */
export function nameText(name: Name): string {
	const parts: string[] = [];
	if (name.commonName !== undefined) parts.push(`CN=${name.commonName}`);
	if (name.serialNumber !== undefined) parts.push(`serialNumber=${name.serialNumber}`);
	if (name.organization !== undefined) parts.push(`O=${name.organization}`);
	return parts.length === 0 ? "a nameless subject" : parts.join(", ");
}
