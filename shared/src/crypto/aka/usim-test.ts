import { concatBytes } from "../../util/bytes.ts";
import { CryptoError } from "../errors.ts";
import type { AkaAlgorithm } from "./algorithm.ts";
import { expectLength, rotatedLeft, xorBytes } from "./octets.ts";

export interface UsimTestParameters {
	/** K, 16 octets. */
	readonly k: Uint8Array;
	/** Octets of RES, 4 to 16; 16 when absent, as in the GSMA TS.48 profiles. */
	readonly resLength?: number;
}

/**
 * The authentication test algorithm of test USIMs (3GPP TS 34.108 section 8.1.2): no cryptography, only K ⊕ RAND and
 * rotations of it. It serves the GSMA test profiles and must never protect a subscriber.
 * @throws CryptoError CRYPTO_LENGTH_INVALID
 */
export function usimTest({ k, resLength = 16 }: UsimTestParameters): AkaAlgorithm {
	expectLength("K of the test algorithm", k, 16);
	if (!Number.isInteger(resLength) || resLength < 4 || resLength > 16) {
		throw new CryptoError("CRYPTO_LENGTH_INVALID", `RES of the test algorithm has 4 to 16 octets, not ${resLength}`);
	}
	const xdout = (rand: Uint8Array) => {
		expectLength("RAND", rand, 16);
		return xorBytes(k, rand);
	};
	const mac = (rand: Uint8Array, sqn: Uint8Array, amf: Uint8Array) => {
		expectLength("SQN", sqn, 6);
		expectLength("AMF", amf, 2);
		return xorBytes(xdout(rand), concatBytes(sqn, amf));
	};
	const anonymityKey = (rand: Uint8Array) => xdout(rand).slice(3, 9);
	return {
		name: "usim-test",
		f1: mac,
		f1Star: mac,
		f2345: (rand) => {
			const out = xdout(rand);
			return {
				res: out.slice(0, resLength),
				ck: rotatedLeft(out, 8),
				ik: rotatedLeft(out, 16),
				ak: anonymityKey(rand),
			};
		},
		f5Star: anonymityKey,
	};
}
