import { toHex } from "../util/bytes.ts";
import { IdError, shown } from "./errors.ts";

/**
 * The identifier of an eUICC: 32 decimal digits (GSMA SGP.29). The last two are check digits (ISO 7064 MOD 97-10):
 * the whole number leaves the remainder 1 when divided by 97.
 */
export type Eid = string & { readonly __brand: "Eid" };

const OCTETS = 16;

/**
 * @throws IdError ID_EID_INVALID
 */
function fromText(text: string): Eid {
	if (!/^\d{32}$/.test(text)) throw new IdError("ID_EID_INVALID", `an EID has 32 decimal digits, not ${shown(text)}`);
	if (remainderOf97(text) !== 1) {
		throw new IdError(
			"ID_EID_INVALID",
			`the check digits of the EID ${text} should be ${checkDigits(text.slice(0, 30))}`,
		);
	}
	return text as Eid;
}

/** The two check digits for the 30 digits before them. */
function checkDigits(first30: string): string {
	if (!/^\d{30}$/.test(first30)) {
		throw new IdError("ID_EID_INVALID", `an EID has 30 decimal digits before its check digits, not ${shown(first30)}`);
	}
	return String(98 - remainderOf97(`${first30}00`)).padStart(2, "0");
}

function remainderOf97(digits: string): number {
	let remainder = 0;
	for (let at = 0; at < digits.length; at += 9) {
		const part = digits.slice(at, at + 9);
		remainder = (remainder * 10 ** part.length + Number(part)) % 97;
	}
	return remainder;
}

export const Eid = Object.assign(fromText, {
	/** The EID with the check digits that belong to these 30 digits. */
	withCheckDigits: (first30: string): Eid => fromText(first30 + checkDigits(first30)),

	/**
	 * The EID in 16 octets, two digits each, as in tag 5A.
	 * @throws IdError ID_EID_INVALID
	 */
	fromBytes(bytes: Uint8Array): Eid {
		if (bytes.length !== OCTETS) throw new IdError("ID_EID_INVALID", `an EID has 16 octets, not ${bytes.length}`);
		return fromText(toHex(bytes));
	},

	/** 16 octets, two digits each. */
	toBytes(eid: Eid): Uint8Array {
		const bytes = new Uint8Array(OCTETS);
		for (let i = 0; i < OCTETS; i++) bytes[i] = Number.parseInt(eid.slice(2 * i, 2 * i + 2), 16);
		return bytes;
	},

	/** True when `text` is an EID, check digits included. */
	is: (text: string): text is Eid => /^\d{32}$/.test(text) && remainderOf97(text) === 1,
});
