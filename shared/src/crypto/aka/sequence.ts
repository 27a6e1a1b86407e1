import { hex } from "../../util/bytes.ts";
import { CryptoError } from "../errors.ts";

/**
 * Sequence numbers (3GPP TS 33.102 annex C): SQN = SEQ ‖ IND, 48 bits in all. A card keeps the highest accepted SEQ
 * for every IND, so that vectors fetched by different nodes may arrive out of order.
 */

/** Highest accepted SEQ by IND; its length is 2 to the power of the IND length. */
export type SequenceNumbers = readonly number[];

export interface SequencePolicy {
	/** Bits of IND; 5 in profile packages, whose sqnInit has 32 entries. */
	readonly indLength: number;
	/** Largest jump over the highest SEQ accepted so far (Δ, annex C.2.1); no limit when absent. */
	readonly delta?: number;
	/** How far a SEQ may lie below the highest one accepted (L, annex C.2.2); no limit when absent. */
	readonly ageLimit?: number;
}

/** Bits of sqnOptions in PE-AKAParameter that switch the two limits on. */
const OPTION_AGE_LIMIT = 0x01;
const OPTION_WRAP_AROUND = 0x02;

/** IND of the sequence numbers in profile packages. */
export const PROFILE_IND_LENGTH = 5;

/** sqnDelta and sqnAgeLimit when a profile package does not name them: 2 to the power of 28. */
export const DEFAULT_SEQUENCE_LIMIT: Uint8Array = hex`000010000000`;

/** The policy of PE-AKAParameter: sqnOptions (1 octet), sqnDelta and sqnAgeLimit (6 octets, without IND). */
export function sequencePolicyOf(
	sqnOptions = OPTION_WRAP_AROUND,
	sqnDelta: Uint8Array = DEFAULT_SEQUENCE_LIMIT,
	sqnAgeLimit: Uint8Array = DEFAULT_SEQUENCE_LIMIT,
): SequencePolicy {
	return {
		indLength: PROFILE_IND_LENGTH,
		...(sqnOptions & OPTION_WRAP_AROUND ? { delta: sqnToNumber(sqnDelta) } : {}),
		...(sqnOptions & OPTION_AGE_LIMIT ? { ageLimit: sqnToNumber(sqnAgeLimit) } : {}),
	};
}

/** Number of a SQN of 6 octets. */
export function sqnToNumber(sqn: Uint8Array): number {
	if (sqn.length !== 6) throw new CryptoError("CRYPTO_LENGTH_INVALID", `SQN has 6 octets, not ${sqn.length}`);
	return sqn.reduce((number, octet) => number * 256 + octet, 0);
}

/**
 * The 6 octets of a SQN.
 * @throws CryptoError CRYPTO_LENGTH_INVALID when it does not fit in 48 bits
 */
export function sqnToBytes(sqn: number): Uint8Array {
	if (!Number.isInteger(sqn) || sqn < 0 || sqn >= 2 ** 48) {
		throw new CryptoError("CRYPTO_LENGTH_INVALID", `${sqn} is no sequence number of 48 bits`);
	}
	const bytes = new Uint8Array(6);
	for (let i = 5, rest = sqn; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
	return bytes;
}

/** The highest SQN that was accepted (SQN_MS of a resynchronisation); 0 when none was. */
export function highestSqn(numbers: SequenceNumbers, policy: SequencePolicy): number {
	const inds = 2 ** policy.indLength;
	return numbers.reduce((highest, seq, ind) => (seq > 0 ? Math.max(highest, seq * inds + ind) : highest), 0);
}

/**
 * The numbers after accepting `sqn`, or undefined when it is not fresh: SEQ must be above the one of its IND, not
 * further than `delta` above the highest, not further than `ageLimit` below it.
 */
export function acceptSqn(numbers: SequenceNumbers, sqn: number, policy: SequencePolicy): SequenceNumbers | undefined {
	const inds = 2 ** policy.indLength;
	const ind = sqn % inds;
	const seq = Math.floor(sqn / inds);
	const highest = Math.max(0, ...numbers);
	if (seq <= (numbers[ind] ?? 0)) return undefined;
	if (policy.delta !== undefined && seq - highest > policy.delta) return undefined;
	if (policy.ageLimit !== undefined && highest - seq > policy.ageLimit) return undefined;
	return Array.from({ length: inds }, (_, i) => (i === ind ? seq : (numbers[i] ?? 0)));
}

/** The next SQN of a home network: SEQ one higher, IND one further round (annex C.3.2, not time based). */
export function nextSqn(sqn: number, indLength = PROFILE_IND_LENGTH): number {
	const inds = 2 ** indLength;
	return (Math.floor(sqn / inds) + 1) * inds + (((sqn % inds) + 1) % inds);
}
