import { describe, expect, it } from "vitest";
import { equalBytes, hex } from "../../util/bytes.ts";
import type { AkaAlgorithm } from "./algorithm.ts";
import { generateVector, resynchronise, verifyAutn } from "./authentication.ts";
import { milenage, milenageOpc } from "./milenage.ts";
import { profileAlgorithm } from "./profile-algorithm.ts";
import {
	nextSqn,
	type SequenceNumbers,
	type SequencePolicy,
	sequencePolicyOf,
	sqnToBytes,
	sqnToNumber,
} from "./sequence.ts";
import { tuak } from "./tuak.ts";
import { usimTest } from "./usim-test.ts";

const k = hex`465B5CE8B199B49FAA5F0A2EE238A6BC`;
const op = hex`CDC202D5123E20F62B6D676AC72CB318`;
const rand = hex`23553CBE9637A89D218AE64DAE47BF35`;
const amf = hex`8000`;
const fresh: SequenceNumbers = Array.from({ length: 32 }, () => 0);
const policy: SequencePolicy = sequencePolicyOf();
const algorithm = milenage({ k, opc: milenageOpc(k, op) });

const algorithms: readonly [string, AkaAlgorithm][] = [
	["Milenage", algorithm],
	["TUAK", tuak({ k, topc: new Uint8Array(32).fill(7) })],
];

describe.each(algorithms)("authentication with %s", (_, aka) => {
	const challenge = (sqn: number) => generateVector({ algorithm: aka, rand, sqn, amf });
	const verify = (autn: Uint8Array, sequenceNumbers = fresh) =>
		verifyAutn({ algorithm: aka, rand, autn, sequenceNumbers, policy });

	it("accepts a fresh challenge and answers as the network expects", () => {
		const vector = challenge(32);
		const outcome = verify(vector.autn);
		if (outcome.outcome !== "success") throw new Error(outcome.outcome);
		expect(outcome.res).toEqual(vector.xres);
		expect(outcome.ck).toEqual(vector.ck);
		expect(outcome.ik).toEqual(vector.ik);
	});

	it("answers a repeated challenge with an AUTS from which the network goes on", () => {
		const first = challenge(32 * 5 + 3);
		const outcome = verify(first.autn);
		if (outcome.outcome !== "success") throw new Error(outcome.outcome);
		const repeated = verify(first.autn, outcome.sequenceNumbers);
		if (repeated.outcome !== "synchronisation-failure") throw new Error(repeated.outcome);
		const sqnMs = resynchronise({ algorithm: aka, rand, auts: repeated.auts });
		expect(sqnMs).toBe(32 * 5 + 3);
		expect(verify(challenge(nextSqn(sqnMs)).autn, outcome.sequenceNumbers).outcome).toBe("success");
	});

	it("refuses a challenge of which any octet was changed", () => {
		const { autn } = challenge(64);
		for (let i = 0; i < autn.length; i++) {
			const changed = autn.with(i, (autn[i] as number) ^ 1);
			expect(verify(changed).outcome).toBe("mac-failure");
		}
	});

	it("refuses an AUTS that was changed", () => {
		const sequenceNumbers = fresh.with(0, 9);
		const failed = verify(challenge(32).autn, sequenceNumbers);
		if (failed.outcome !== "synchronisation-failure") throw new Error(failed.outcome);
		const changed = failed.auts.with(13, (failed.auts[13] as number) ^ 1);
		expect(() => resynchronise({ algorithm: aka, rand, auts: changed })).toThrow(
			expect.objectContaining({ code: "CRYPTO_MAC_MISMATCH" }),
		);
	});
});

describe("sequence numbers (TS 33.102 annex C)", () => {
	const verdict = (seq: number, ind: number, numbers: SequenceNumbers, rule: SequencePolicy) => {
		const { autn } = generateVector({ algorithm, rand, sqn: seq * 32 + ind, amf });
		return verifyAutn({ algorithm, rand, autn, sequenceNumbers: numbers, policy: rule }).outcome;
	};

	it("keeps one counter for every IND, so that vectors may arrive out of order", () => {
		const numbers = fresh.with(1, 10);
		expect(verdict(8, 0, numbers, policy)).toBe("success");
		expect(verdict(10, 1, numbers, policy)).toBe("synchronisation-failure");
		expect(verdict(11, 1, numbers, policy)).toBe("success");
	});

	it("refuses a jump beyond sqnDelta only when sqnOptions ask for it", () => {
		const jump = 2 ** 28 + 1;
		expect(verdict(jump, 0, fresh, policy)).toBe("synchronisation-failure");
		expect(verdict(jump - 1, 0, fresh, policy)).toBe("success");
		expect(verdict(jump, 0, fresh, sequencePolicyOf(0x00))).toBe("success");
	});

	it("refuses numbers older than sqnAgeLimit only when sqnOptions ask for it", () => {
		const numbers = fresh.with(1, 1000);
		const aged = sequencePolicyOf(0x01, undefined, hex`000000000064`);
		expect(verdict(899, 0, numbers, aged)).toBe("synchronisation-failure");
		expect(verdict(900, 0, numbers, aged)).toBe("success");
		expect(verdict(1, 0, numbers, policy)).toBe("success");
	});

	it("writes 48 bits and reads them back", () => {
		for (const sqn of [0, 1, 0xff9bb4d0b607, 2 ** 48 - 1]) expect(sqnToNumber(sqnToBytes(sqn))).toBe(sqn);
		expect(() => sqnToBytes(2 ** 48)).toThrow(/48 bits/);
	});
});

describe("the test algorithm (TS 34.108 section 8.1.2)", () => {
	/** K of the GSMA TS.48 profiles. */
	const aka = usimTest({ k: hex`000102030405060708090A0B0C0D0E0F` });
	const zero = new Uint8Array(16);

	it("derives everything from K ⊕ RAND by rotation", () => {
		const { res, ck, ik, ak } = aka.f2345(zero);
		expect(res).toEqual(hex`000102030405060708090A0B0C0D0E0F`);
		expect(ck).toEqual(hex`0102030405060708090A0B0C0D0E0F00`);
		expect(ik).toEqual(hex`02030405060708090A0B0C0D0E0F0001`);
		expect(ak).toEqual(hex`030405060708`);
		expect(aka.f1(zero, hex`FFFFFFFFFFFF`, hex`0000`)).toEqual(hex`FFFEFDFCFBFA0607`);
	});

	it("ignores sequence numbers, and resynchronises when AMF is FFFF", () => {
		const verify = (sqn: number, field: Uint8Array) => {
			const { autn } = generateVector({ algorithm: aka, rand, sqn, amf: field });
			return verifyAutn({ algorithm: aka, rand, autn, sequenceNumbers: fresh.with(0, 99), policy });
		};
		expect(verify(1, hex`8000`).outcome).toBe("success");
		const resync = verify(77, hex`FFFF`);
		if (resync.outcome !== "synchronisation-failure") throw new Error(resync.outcome);
		expect(resynchronise({ algorithm: aka, rand, auts: resync.auts })).toBe(77);
	});
});

describe("profileAlgorithm", () => {
	const key = hex`000102030405060708090A0B0C0D0E0F`;

	it("builds what PE-AKAParameter of the GSMA TS.48 profiles asks for", () => {
		const aka = profileAlgorithm({ algorithmID: 3, algorithmOptions: hex`02`, key, opc: new Uint8Array(16) });
		expect(aka.name).toBe("usim-test");
		expect(equalBytes(aka.f2345(new Uint8Array(16)).res, key)).toBe(true);
	});

	it("builds Milenage and TUAK with the profile's parameters", () => {
		const options = hex`01`;
		expect(
			profileAlgorithm({ algorithmID: 1, algorithmOptions: options, key: k, opc: milenageOpc(k, op) }).f2345(rand),
		).toEqual(algorithm.f2345(rand));
		const opc = new Uint8Array(32).fill(7);
		const tuakTwice = profileAlgorithm({ algorithmID: 2, algorithmOptions: options, key: k, opc, numberOfKeccak: 2 });
		expect(tuakTwice.f2345(rand)).toEqual(tuak({ k, topc: opc, iterations: 2 }).f2345(rand));
		expect(() => profileAlgorithm({ algorithmID: 9, algorithmOptions: options, key, opc })).toThrow(/algorithmID 9/);
	});
});
