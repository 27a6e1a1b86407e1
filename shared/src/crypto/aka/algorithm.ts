/**
 * The authentication functions of 3GPP TS 33.102 section 6.3.2 with the keys of one subscriber inside. All octets are
 * most significant first: rand 16, sqn 6, amf 2, the results of f1 and f1* 8, of f5 and f5* 6.
 */
export interface AkaAlgorithm {
	readonly name: "milenage" | "tuak" | "usim-test";
	/** MAC-A of a challenge. */
	f1(rand: Uint8Array, sqn: Uint8Array, amf: Uint8Array): Uint8Array;
	/** MAC-S of a resynchronisation. */
	f1Star(rand: Uint8Array, sqn: Uint8Array, amf: Uint8Array): Uint8Array;
	/** The answer and the keys of a challenge. */
	f2345(rand: Uint8Array): AkaResult;
	/** The anonymity key of a resynchronisation. */
	f5Star(rand: Uint8Array): Uint8Array;
}

/** What f2, f3, f4 and f5 give. */
export interface AkaResult {
	/** RES, 4 to 32 octets. */
	readonly res: Uint8Array;
	/** Cipher key. */
	readonly ck: Uint8Array;
	/** Integrity key. */
	readonly ik: Uint8Array;
	/** Anonymity key, 6 octets. */
	readonly ak: Uint8Array;
}
