import { IdError, shown } from "./errors.ts";

/** The identifier of a profile: 19 or 20 decimal digits, without filler. */
export type Iccid = string & { readonly __brand: "Iccid" };

const OCTETS = 10;
const FILLER = 0xf;

/**
 * @throws IdError ID_ICCID_INVALID
 */
function fromText(text: string): Iccid {
	if (!/^\d{19,20}$/.test(text)) {
		throw new IdError("ID_ICCID_INVALID", `an ICCID has 19 or 20 decimal digits, not ${shown(text)}`);
	}
	return text as Iccid;
}

export const Iccid = Object.assign(fromText, {
	/**
	 * The digits of EF.ICCID (ETSI TS 102 221 §13.2): 10 octets, the first digit in the low half, F as filler.
	 * @throws IdError ID_ICCID_INVALID
	 */
	fromBytes(bytes: Uint8Array): Iccid {
		if (bytes.length !== OCTETS) throw new IdError("ID_ICCID_INVALID", `an ICCID has 10 octets, not ${bytes.length}`);
		let digits = "";
		for (const octet of bytes) digits += (octet & 0xf).toString(16) + (octet >> 4).toString(16);
		return fromText(digits.endsWith("f") ? digits.slice(0, -1) : digits);
	},

	/** 10 octets as in EF.ICCID and tag 5A. */
	toBytes(iccid: Iccid): Uint8Array {
		const bytes = new Uint8Array(OCTETS);
		for (let i = 0; i < OCTETS; i++) {
			const second = 2 * i + 1 < iccid.length ? Number(iccid[2 * i + 1]) : FILLER;
			bytes[i] = (second << 4) | Number(iccid[2 * i]);
		}
		return bytes;
	},

	/** True when `text` is an ICCID. */
	is: (text: string): text is Iccid => /^\d{19,20}$/.test(text),
});
