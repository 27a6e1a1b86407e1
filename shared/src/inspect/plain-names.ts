/** What tags mean where no type says it. */

const UNIVERSAL: Readonly<Record<number, string>> = {
	1: "BOOLEAN",
	2: "INTEGER",
	3: "BIT STRING",
	4: "OCTET STRING",
	5: "NULL",
	6: "OBJECT IDENTIFIER",
	10: "ENUMERATED",
	12: "UTF8String",
	16: "SEQUENCE",
	17: "SET",
	19: "PrintableString",
	20: "TeletexString",
	22: "IA5String",
	23: "UTCTime",
	24: "GeneralizedTime",
};

/** Interindustry and GSMA tags that mean the same wherever they stand. */
const KNOWN: Readonly<Record<number, string>> = {
	79: "aid",
	90: "iccid or eidValue",
	111: "FCI template",
	24375: "signature",
	24393: "one-time public key",
	224: "ISDRProprietaryApplicationTemplate",
	225: "ISDRProprietaryApplicationTemplateIoT",
	208: "proactive command",
};

/** "SEQUENCE", "signature", "[3]", "[APPLICATION 5]". */
export function plainName(tag: number): string {
	const known = KNOWN[tag];
	if (known !== undefined) return known;
	const first = tag > 0xffffff ? tag >>> 24 : tag > 0xffff ? tag >>> 16 : tag > 0xff ? tag >>> 8 : tag;
	const number = tagNumber(tag, first);
	switch (first >> 6) {
		case 0:
			return UNIVERSAL[number] ?? `[UNIVERSAL ${number}]`;
		case 1:
			return `[APPLICATION ${number}]`;
		case 2:
			return `[${number}]`;
		default:
			return `[PRIVATE ${number}]`;
	}
}

function tagNumber(tag: number, first: number): number {
	if ((first & 0x1f) !== 0x1f) return first & 0x1f;
	let number = 0;
	const octets: number[] = [];
	for (let rest = tag; rest > 0xff; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
	for (const octet of octets) number = number * 128 + (octet & 0x7f);
	return number;
}
