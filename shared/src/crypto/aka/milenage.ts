import { concatBytes, hex } from "../../util/bytes.ts";
import { encryptAesBlock } from "../aes.ts";
import type { AkaAlgorithm } from "./algorithm.ts";
import { expectLength, rotatedLeft, xorBytes } from "./octets.ts";

/** Rotations r1 to r5 in bits (TS 35.206 section 4.1), as PE-AKAParameter writes them: one octet each. */
export const DEFAULT_ROTATION_CONSTANTS: Uint8Array = hex`40 00 20 40 60`;

/** Constants c1 to c5 of 16 octets each, as PE-AKAParameter writes them. */
export const DEFAULT_XORING_CONSTANTS: Uint8Array = hex`
	00000000000000000000000000000000 00000000000000000000000000000001 00000000000000000000000000000002
	00000000000000000000000000000004 00000000000000000000000000000008`;

export interface MilenageParameters {
	/** K, 16 octets. */
	readonly k: Uint8Array;
	/** OPc, 16 octets. */
	readonly opc: Uint8Array;
	/** r1 to r5, 5 octets; the standard's when absent. */
	readonly rotationConstants?: Uint8Array;
	/** c1 to c5, 80 octets; the standard's when absent. */
	readonly xoringConstants?: Uint8Array;
}

/**
 * OPc of a subscriber from the operator's OP: OP ⊕ E[OP]K (TS 35.206 section 4.1).
 * @throws CryptoError CRYPTO_LENGTH_INVALID
 */
export function milenageOpc(k: Uint8Array, op: Uint8Array): Uint8Array {
	expectLength("K of Milenage", k, 16);
	expectLength("OP of Milenage", op, 16);
	return xorBytes(op, encryptAesBlock(k, op));
}

/**
 * Milenage (3GPP TS 35.206) with RES of 8 octets.
 * @throws CryptoError CRYPTO_LENGTH_INVALID
 */
export function milenage(parameters: MilenageParameters): AkaAlgorithm {
	const { k, opc } = parameters;
	const r = parameters.rotationConstants ?? DEFAULT_ROTATION_CONSTANTS;
	const c = parameters.xoringConstants ?? DEFAULT_XORING_CONSTANTS;
	expectLength("K of Milenage", k, 16);
	expectLength("OPc of Milenage", opc, 16);
	expectLength("the list of rotation constants", r, 5);
	expectLength("the list of XOR constants", c, 80);
	const encrypted = (block: Uint8Array) => encryptAesBlock(k, block);
	const rotation = (n: number) => (r[n - 1] as number) % 128;
	const constant = (n: number) => c.subarray(16 * (n - 1), 16 * n);

	const out1 = (rand: Uint8Array, sqn: Uint8Array, amf: Uint8Array) => {
		expectLength("RAND", rand, 16);
		expectLength("SQN", sqn, 6);
		expectLength("AMF", amf, 2);
		const temp = encrypted(xorBytes(rand, opc));
		const in1 = concatBytes(sqn, amf, sqn, amf);
		const input = xorBytes(xorBytes(temp, rotatedLeft(xorBytes(in1, opc), rotation(1))), constant(1));
		return xorBytes(encrypted(input), opc);
	};
	const out = (n: number, rand: Uint8Array) => {
		expectLength("RAND", rand, 16);
		const temp = encrypted(xorBytes(rand, opc));
		const input = xorBytes(rotatedLeft(xorBytes(temp, opc), rotation(n)), constant(n));
		return xorBytes(encrypted(input), opc);
	};
	return {
		name: "milenage",
		f1: (rand, sqn, amf) => out1(rand, sqn, amf).slice(0, 8),
		f1Star: (rand, sqn, amf) => out1(rand, sqn, amf).slice(8),
		f2345: (rand) => {
			const out2 = out(2, rand);
			return { res: out2.slice(8), ck: out(3, rand), ik: out(4, rand), ak: out2.slice(0, 6) };
		},
		f5Star: (rand) => out(5, rand).slice(0, 6),
	};
}
