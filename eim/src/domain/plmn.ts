/** A mobile network: country code of three digits, network code of two or three. */
export interface Plmn {
	readonly mcc: string;
	readonly mnc: string;
}

/**
 * Reads the three octets of a PLMN (3GPP TS 24.008 section 10.5.1.3): nibbles swapped, the third digit of the MNC in
 * the high nibble of the second octet, F there for an MNC of two digits.
 * @returns undefined for octets that are no such digits
 */
export function plmnOf(hex: string): Plmn | undefined {
	const [mcc2, mcc1, mnc3, mcc3, mnc2, mnc1] = [...hex.toUpperCase()];
	const mcc = `${mcc1}${mcc2}${mcc3}`;
	const mnc = `${mnc1}${mnc2}${mnc3 === "F" ? "" : mnc3}`;
	return hex.length === 6 && /^\d{3}$/.test(mcc) && /^\d{2,3}$/.test(mnc) ? { mcc, mnc } : undefined;
}
