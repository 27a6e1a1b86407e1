import { randomBytes } from "node:crypto";

/** Randomness comes in from outside, so that a run can be replayed from a seed. */
export interface RandomSource {
	/** `length` octets, unpredictable unless the source is seeded on purpose. */
	bytes(length: number): Uint8Array;
}

/** The operating system's generator. */
export const systemRandom: RandomSource = { bytes: (length) => new Uint8Array(randomBytes(length)) };
