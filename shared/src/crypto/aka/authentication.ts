import { timingSafeEqual } from "node:crypto";
import { concatBytes } from "../../util/bytes.ts";
import { CryptoError } from "../errors.ts";
import type { AkaAlgorithm } from "./algorithm.ts";
import { expectLength, xorBytes } from "./octets.ts";
import {
	acceptSqn,
	highestSqn,
	type SequenceNumbers,
	type SequencePolicy,
	sqnToBytes,
	sqnToNumber,
} from "./sequence.ts";

/** An authentication vector (TS 33.102 section 6.3.2). */
export interface AuthenticationVector {
	readonly rand: Uint8Array;
	/** (SQN ⊕ AK) ‖ AMF ‖ MAC, 16 octets. */
	readonly autn: Uint8Array;
	readonly xres: Uint8Array;
	readonly ck: Uint8Array;
	readonly ik: Uint8Array;
}

/** AMF of a resynchronisation message is zero (TS 33.102 section 6.3.3). */
const AMF_RESYNCHRONISATION = new Uint8Array(2);

/** AMF by which a tester asks a test USIM for a resynchronisation (TS 34.108 section 8.1.2.1). */
const AMF_TEST_RESYNCHRONISATION = 0xff;

/**
 * The vector that a home network sends out.
 * @throws CryptoError CRYPTO_LENGTH_INVALID
 */
export function generateVector(input: {
	readonly algorithm: AkaAlgorithm;
	readonly rand: Uint8Array;
	/** SEQ ‖ IND as a number of 48 bits. */
	readonly sqn: number;
	readonly amf: Uint8Array;
}): AuthenticationVector {
	const { algorithm, rand, amf } = input;
	const sqn = sqnToBytes(input.sqn);
	const { res, ck, ik, ak } = algorithm.f2345(rand);
	const autn = concatBytes(xorBytes(sqn, ak), amf, algorithm.f1(rand, sqn, amf));
	return { rand, autn, xres: res, ck, ik };
}

/**
 * SQN_MS out of a card's AUTS (14 octets), by which the home network goes on counting.
 * @throws CryptoError CRYPTO_MAC_MISMATCH when MAC-S is not the card's, CRYPTO_LENGTH_INVALID
 */
export function resynchronise(input: {
	readonly algorithm: AkaAlgorithm;
	readonly rand: Uint8Array;
	readonly auts: Uint8Array;
}): number {
	const { algorithm, rand, auts } = input;
	expectLength("AUTS", auts, 14);
	const sqn = xorBytes(auts.subarray(0, 6), algorithm.f5Star(rand));
	const mac = algorithm.f1Star(rand, sqn, AMF_RESYNCHRONISATION);
	if (!timingSafeEqual(mac, auts.subarray(6))) {
		throw new CryptoError("CRYPTO_MAC_MISMATCH", "MAC-S of AUTS was not made with the keys of this subscriber");
	}
	return sqnToNumber(sqn);
}

/** What a card answers to AUTHENTICATE; `sequenceNumbers` are to be stored before RES leaves the card. */
export type AuthenticationOutcome =
	| {
			readonly outcome: "success";
			readonly res: Uint8Array;
			readonly ck: Uint8Array;
			readonly ik: Uint8Array;
			readonly sequenceNumbers: SequenceNumbers;
	  }
	| { readonly outcome: "synchronisation-failure"; readonly auts: Uint8Array }
	| { readonly outcome: "mac-failure" };

/**
 * A card's side of the authentication (TS 33.102 section 6.3.3): MAC, then freshness. The test algorithm has no
 * sequence numbers; it resynchronises when AMF is FFFF.
 * @throws CryptoError CRYPTO_LENGTH_INVALID when RAND or AUTN have not 16 octets
 */
export function verifyAutn(input: {
	readonly algorithm: AkaAlgorithm;
	readonly rand: Uint8Array;
	readonly autn: Uint8Array;
	readonly sequenceNumbers: SequenceNumbers;
	readonly policy: SequencePolicy;
}): AuthenticationOutcome {
	const { algorithm, rand, autn, sequenceNumbers, policy } = input;
	expectLength("AUTN", autn, 16);
	const { res, ck, ik, ak } = algorithm.f2345(rand);
	const sqn = xorBytes(autn.subarray(0, 6), ak);
	const amf = autn.subarray(6, 8);
	if (!timingSafeEqual(algorithm.f1(rand, sqn, amf), autn.subarray(8))) return { outcome: "mac-failure" };
	if (algorithm.name === "usim-test") {
		if (amf.every((octet) => octet === AMF_TEST_RESYNCHRONISATION)) return failure(algorithm, rand, sqn);
		return { outcome: "success", res, ck, ik, sequenceNumbers };
	}
	const accepted = acceptSqn(sequenceNumbers, sqnToNumber(sqn), policy);
	if (!accepted) return failure(algorithm, rand, sqnToBytes(highestSqn(sequenceNumbers, policy)));
	return { outcome: "success", res, ck, ik, sequenceNumbers: accepted };
}

function failure(algorithm: AkaAlgorithm, rand: Uint8Array, sqnMs: Uint8Array): AuthenticationOutcome {
	const concealed = xorBytes(sqnMs, algorithm.f5Star(rand));
	const mac = algorithm.f1Star(rand, sqnMs, AMF_RESYNCHRONISATION);
	return { outcome: "synchronisation-failure", auts: concatBytes(concealed, mac) };
}
