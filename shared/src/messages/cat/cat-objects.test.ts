import { describe, expect, it } from "vitest";
import { hex, toHex } from "../../util/bytes.ts";
import {
	CatTag,
	catObjects,
	catTlv,
	LONGEST_TIMER,
	secondsOf,
	templateContents,
	timerValue,
	valuesByTag,
} from "./cat-objects.ts";

const invalid = (message: string) => new Error(message);

describe("data objects of the card application toolkit", () => {
	it("times of timers have swapped digits: values of GCF 27.22.4.21 and of Firefox OS's tests", () => {
		const known: readonly (readonly [string, number])[] = [
			["005000", 300],
			["001003", 90],
			["329595", LONGEST_TIMER],
			["000200", 1_200],
			["100000", 3_600],
			["102030", 3_723],
		];
		for (const [value, seconds] of known) {
			expect(toHex(timerValue(seconds))).toBe(value);
			expect(secondsOf(timerValue(seconds))).toBe(seconds);
		}
		expect([hex`0000`, hex`000A00`, hex`420000`, hex`000600`].map(secondsOf)).toEqual([
			undefined,
			undefined,
			undefined,
			undefined,
		]);
	});

	it("are read with and without the comprehension bit and with lengths of two octets; the first of a tag counts", () => {
		const contents = templateContents(hex`D0810E 0103012700 82028182 A40101 2400`, 0xd0, invalid);
		const objects = catObjects(contents ?? hex``, invalid);
		expect(objects.map(({ tag }) => tag)).toEqual([1, 2, CatTag.timerIdentifier, CatTag.timerIdentifier]);
		expect(valuesByTag(objects).get(CatTag.timerIdentifier)).toEqual(hex`01`);
		expect(templateContents(hex`D700`, 0xd0, invalid)).toBeUndefined();
		expect(toHex(catTlv(CatTag.channelData, new Uint8Array(200)).subarray(0, 3))).toBe("B681C8");
	});

	it("that are cut off or have another length are told by the reader's own error", () => {
		for (const octets of [hex`81`, hex`810301`, hex`8182000101`, hex`8181`]) {
			expect(() => catObjects(octets, invalid)).toThrow(/data object/);
		}
	});
});
