import { CryptoError } from "../errors.ts";
import type { AkaAlgorithm } from "./algorithm.ts";
import { milenage } from "./milenage.ts";
import { tuak } from "./tuak.ts";
import { usimTest } from "./usim-test.ts";

/** AlgoParameter of PE-AKAParameter, as far as the algorithms need it. */
export interface ProfileAlgorithm {
	/** 1 Milenage, 2 TUAK, 3 the test algorithm. */
	readonly algorithmID: number;
	/** One octet; its low three bits choose the length of RES (0: 4, 1: 8, 2: 16, 3: 32 octets) of TUAK and the test. */
	readonly algorithmOptions: Uint8Array;
	readonly key: Uint8Array;
	/** OPc, TOPc, or anything for the test algorithm. */
	readonly opc: Uint8Array;
	/** The standard's when absent or empty. */
	readonly rotationConstants?: Uint8Array;
	/** The standard's when absent or empty. */
	readonly xoringConstants?: Uint8Array;
	readonly numberOfKeccak?: number;
}

const resLengths = [4, 8, 16, 32] as const;

/**
 * The algorithm that a profile package configures, for the card that holds the profile and for the home network.
 * @throws CryptoError CRYPTO_LENGTH_INVALID when keys have lengths that the algorithm does not know
 */
export function profileAlgorithm(parameters: ProfileAlgorithm): AkaAlgorithm {
	const { algorithmID, key, opc, rotationConstants, xoringConstants } = parameters;
	const res = resLengths[(parameters.algorithmOptions[0] ?? 0) & 0x07] ?? 8;
	switch (algorithmID) {
		case 1:
			return milenage({
				k: key,
				opc,
				...(rotationConstants?.length ? { rotationConstants } : {}),
				...(xoringConstants?.length ? { xoringConstants } : {}),
			});
		case 2:
			return tuak({ k: key, topc: opc, iterations: parameters.numberOfKeccak ?? 1, lengths: { res } });
		case 3:
			return usimTest({ k: key, resLength: Math.min(res, 16) });
		default:
			throw new CryptoError("CRYPTO_LENGTH_INVALID", `algorithmID ${algorithmID} is none of 1, 2 and 3`);
	}
}
