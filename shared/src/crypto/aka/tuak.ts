import { utf8 } from "../../util/bytes.ts";
import { CryptoError } from "../errors.ts";
import type { AkaAlgorithm } from "./algorithm.ts";
import { KECCAK_STATE_LENGTH, keccakF1600 } from "./keccak.ts";
import { expectLength } from "./octets.ts";

/** Octets of the results; TS 33.102 needs a MAC of 8, and CK and IK of 16. */
export interface TuakLengths {
	readonly mac?: 8 | 16 | 32;
	readonly res?: 4 | 8 | 16 | 32;
	readonly ck?: 16 | 32;
	readonly ik?: 16 | 32;
}

export interface TuakParameters {
	/** K, 16 or 32 octets. */
	readonly k: Uint8Array;
	/** TOPc, 32 octets. */
	readonly topc: Uint8Array;
	/** Runs of Keccak-f[1600] for each function (TS 35.231 section 7.2); 1 when absent. */
	readonly iterations?: number;
	/** Lengths of the results; 8 (MAC), 8 (RES), 16 (CK), 16 (IK) when absent. */
	readonly lengths?: TuakLengths;
}

const ALGORITHM_NAME = utf8("TUAK1.0");
const NO_RAND = new Uint8Array(16);
const NO_SQN = new Uint8Array(6);
const NO_AMF = new Uint8Array(2);

/** Bits of the octet INSTANCE (TS 35.231 section 6). */
const INSTANCE_F1_STAR = 0x80;
const INSTANCE_F2345 = 0x40;
const INSTANCE_F5_STAR = 0xc0;
const lengthBits: Readonly<Record<number, number>> = { 4: 0x00, 8: 0x08, 16: 0x10, 32: 0x20 };

/**
 * TOPc of a subscriber from the operator's TOP (TS 35.231 section 6.1).
 * @throws CryptoError CRYPTO_LENGTH_INVALID
 */
export function tuakTopc(k: Uint8Array, top: Uint8Array, iterations = 1): Uint8Array {
	expectLength("TOP of TUAK", top, 32);
	const keyBit = checkedKeyBit(k);
	return reversed(permuted({ first: top, instance: keyBit, k, iterations }), 0, 32);
}

/**
 * TUAK (3GPP TS 35.231).
 * @throws CryptoError CRYPTO_LENGTH_INVALID
 */
export function tuak(parameters: TuakParameters): AkaAlgorithm {
	const { k, topc, iterations = 1 } = parameters;
	const { mac = 8, res = 8, ck = 16, ik = 16 } = parameters.lengths ?? {};
	expectLength("TOPc of TUAK", topc, 32);
	const keyBit = checkedKeyBit(k);
	if (!Number.isInteger(iterations) || iterations < 1 || iterations > 255) {
		throw new CryptoError("CRYPTO_LENGTH_INVALID", `TUAK runs Keccak 1 to 255 times, not ${iterations}`);
	}
	const macOf = (instance: number) => (rand: Uint8Array, sqn: Uint8Array, amf: Uint8Array) => {
		const bits = instance | (lengthBits[mac] as number) | keyBit;
		return reversed(permuted({ first: topc, instance: bits, k, iterations, rand, sqn, amf }), 0, mac);
	};
	const f2345Bits =
		INSTANCE_F2345 | (lengthBits[res] as number) | (ck === 32 ? 0x04 : 0) | (ik === 32 ? 0x02 : 0) | keyBit;
	return {
		name: "tuak",
		f1: macOf(0x00),
		f1Star: macOf(INSTANCE_F1_STAR),
		f2345: (rand) => {
			const out = permuted({ first: topc, instance: f2345Bits, k, iterations, rand });
			return {
				res: reversed(out, 0, res),
				ck: reversed(out, 32, ck),
				ik: reversed(out, 64, ik),
				ak: reversed(out, 96, 6),
			};
		},
		f5Star: (rand) =>
			reversed(permuted({ first: topc, instance: INSTANCE_F5_STAR | keyBit, k, iterations, rand }), 96, 6),
	};
}

interface TuakInput {
	readonly first: Uint8Array;
	readonly instance: number;
	readonly k: Uint8Array;
	readonly iterations: number;
	readonly rand?: Uint8Array;
	readonly sqn?: Uint8Array;
	readonly amf?: Uint8Array;
}

/** The state after the permutations. TS 35.231 numbers bits from the least significant: every field stands backwards. */
function permuted({
	first,
	instance,
	k,
	iterations,
	rand = NO_RAND,
	sqn = NO_SQN,
	amf = NO_AMF,
}: TuakInput): Uint8Array {
	expectLength("RAND", rand, 16);
	expectLength("SQN", sqn, 6);
	expectLength("AMF", amf, 2);
	const state = new Uint8Array(KECCAK_STATE_LENGTH);
	state.set(first.toReversed(), 0);
	state[32] = instance;
	state.set(ALGORITHM_NAME.toReversed(), 33);
	state.set(rand.toReversed(), 40);
	state.set(amf.toReversed(), 56);
	state.set(sqn.toReversed(), 58);
	state.set(k.toReversed(), 64);
	state[96] = 0x1f;
	state[135] = 0x80;
	for (let i = 0; i < iterations; i++) keccakF1600(state);
	return state;
}

function reversed(state: Uint8Array, from: number, length: number): Uint8Array {
	return state.slice(from, from + length).reverse();
}

function checkedKeyBit(k: Uint8Array): number {
	expectLength("K of TUAK", k, 16, 32);
	return k.length === 32 ? 0x01 : 0x00;
}
