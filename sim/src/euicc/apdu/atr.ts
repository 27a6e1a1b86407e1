import { concatBytes, hex } from "@iot-esim/shared/util/bytes";

/**
 * TA1 96 (fast), T=0 first with T=15 for the class indication (A, B and C), historical bytes: card service data with
 * selection by AID, capabilities (several logical channels, extended Lc is not announced), and a name for the reader's log.
 * T=0 only, since PC/SC programs of this field connect with T=0, and pcscd passes whole APDUs to a virtual reader.
 */
const UNCHECKED = hex`3B 9F 96 80 1F C7 80 31 A0 73 BE 21 13 67 65 49 4D 2D 53 49 4D`;

/** The answer to reset with its check octet: the XOR of all octets but the first is zero. */
export const ATR: Uint8Array = concatBytes(
	UNCHECKED,
	Uint8Array.of(UNCHECKED.subarray(1).reduce((sum, octet) => sum ^ octet, 0)),
);
