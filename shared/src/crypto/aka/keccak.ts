/**
 * The permutation Keccak-f[1600] (FIPS 202 section 3.3), which node:crypto offers only inside of its hash functions.
 * Lanes are held as two 32-bit halves, low half first, so that no BigInt is needed.
 */

/** Octets of the state. */
export const KECCAK_STATE_LENGTH = 200;

/** Rotation offsets of ρ in the order in which π visits the lanes, and that order. */
const rotations = [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
const lanes = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];

/** Round constants of ι, [low, high], from the linear feedback shift register of FIPS 202 section 3.2.5. */
const roundConstants: readonly (readonly [number, number])[] = makeRoundConstants();

function makeRoundConstants(): [number, number][] {
	const constants: [number, number][] = [];
	let register = 1;
	for (let round = 0; round < 24; round++) {
		let low = 0;
		let high = 0;
		for (let j = 0; j <= 6; j++) {
			if (register & 1) {
				const bit = 2 ** j - 1;
				if (bit < 32) low |= 1 << bit;
				else high |= 1 << (bit - 32);
			}
			register <<= 1;
			if (register & 0x100) register ^= 0x171;
		}
		constants.push([low, high]);
	}
	return constants;
}

/** Runs the 24 rounds over `state` (200 octets, lanes little-endian) in place. */
export function keccakF1600(state: Uint8Array): void {
	const view = new DataView(state.buffer, state.byteOffset, KECCAK_STATE_LENGTH);
	const words = new Int32Array(50);
	for (let i = 0; i < 50; i++) words[i] = view.getInt32(4 * i, true);
	for (const constant of roundConstants) {
		theta(words);
		rhoAndPi(words);
		chi(words);
		words[0] = (words[0] as number) ^ constant[0];
		words[1] = (words[1] as number) ^ constant[1];
	}
	for (let i = 0; i < 50; i++) view.setInt32(4 * i, words[i] as number, true);
}

function theta(words: Int32Array): void {
	const parity = new Int32Array(10);
	for (let i = 0; i < 50; i++) parity[i % 10] = (parity[i % 10] as number) ^ (words[i] as number);
	for (let x = 0; x < 5; x++) {
		const left = 2 * ((x + 4) % 5);
		const right = 2 * ((x + 1) % 5);
		const low = parity[right] as number;
		const high = parity[right + 1] as number;
		const dLow = (parity[left] as number) ^ ((low << 1) | (high >>> 31));
		const dHigh = (parity[left + 1] as number) ^ ((high << 1) | (low >>> 31));
		for (let lane = 2 * x; lane < 50; lane += 10) {
			words[lane] = (words[lane] as number) ^ dLow;
			words[lane + 1] = (words[lane + 1] as number) ^ dHigh;
		}
	}
}

function rhoAndPi(words: Int32Array): void {
	let low = words[2] as number;
	let high = words[3] as number;
	for (let i = 0; i < 24; i++) {
		const at = 2 * (lanes[i] as number);
		const nextLow = words[at] as number;
		const nextHigh = words[at + 1] as number;
		const bits = rotations[i] as number;
		const [a, b] = bits < 32 ? [low, high] : [high, low];
		const n = bits % 32;
		words[at] = n === 0 ? a : (a << n) | (b >>> (32 - n));
		words[at + 1] = n === 0 ? b : (b << n) | (a >>> (32 - n));
		low = nextLow;
		high = nextHigh;
	}
}

function chi(words: Int32Array): void {
	for (let row = 0; row < 50; row += 10) {
		const old = words.slice(row, row + 10);
		for (let i = 0; i < 10; i++) {
			words[row + i] = (old[i] as number) ^ (~(old[(i + 2) % 10] as number) & (old[(i + 4) % 10] as number));
		}
	}
}
