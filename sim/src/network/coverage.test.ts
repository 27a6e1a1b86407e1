import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CoverageRule, isCovered, nextCoverageChange } from "./coverage.ts";
import { coverageRule } from "./coverage-form.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONDAY = Date.UTC(2026, 0, 5);
const at = (time: number, place = "home", plmn = "26201") => ({ plmn, place, time });
const map = (...rules: CoverageRule[]) => ({ isCoveredByDefault: true, rules });

describe("coverage", () => {
	test("the last rule that matches operator, place and time holds", () => {
		const rules = map(
			coverageRule({ place: "cellar", covered: false }),
			coverageRule({ place: "cellar", plmn: "26201", covered: true, hours: "08:00-18:00", days: ["mon", "fri"] }),
		);
		expect(isCovered(rules, at(MONDAY + 9 * HOUR, "cellar"))).toBe(true);
		expect(isCovered(rules, at(MONDAY + 18 * HOUR, "cellar"))).toBe(false);
		expect(isCovered(rules, at(MONDAY + DAY + 9 * HOUR, "cellar"))).toBe(false);
		expect(isCovered(rules, at(MONDAY + 9 * HOUR, "cellar", "26202"))).toBe(false);
		expect(isCovered(rules, at(MONDAY + 9 * HOUR, "roof"))).toBe(true);
	});

	test("hours over midnight belong to the day on which they begin", () => {
		const rules = map(coverageRule({ covered: false, hours: "22:00-06:00", days: ["mon"] }));
		expect(isCovered(rules, at(MONDAY + 5 * HOUR))).toBe(true);
		expect(isCovered(rules, at(MONDAY + 22 * HOUR))).toBe(false);
		expect(isCovered(rules, at(MONDAY + 29 * HOUR))).toBe(false);
		expect(isCovered(rules, at(MONDAY + 30 * HOUR))).toBe(true);
		expect(isCovered(rules, at(MONDAY + 46 * HOUR))).toBe(true);
	});

	test("a rule may hold between two moments", () => {
		const rules = map(coverageRule({ covered: false, from: "2026-01-05T10:00:00Z", until: "2026-01-05T11:00:00Z" }));
		expect([9.99, 10, 10.99, 11].map((hours) => isCovered(rules, at(MONDAY + hours * HOUR)))).toEqual([
			true,
			false,
			false,
			true,
		]);
		expect(nextCoverageChange(rules, MONDAY)).toBe(MONDAY + 10 * HOUR);
		expect(nextCoverageChange(rules, MONDAY + 10 * HOUR)).toBe(MONDAY + 11 * HOUR);
		expect(nextCoverageChange(rules, MONDAY + 11 * HOUR)).toBeUndefined();
	});

	test("never changes between two moments that nextCoverageChange names", () => {
		const clockTime = fc.integer({ min: 0, max: 24 * 60 - 1 });
		const rule = fc.record(
			{
				plmn: fc.constantFrom("*", "26201"),
				place: fc.constantFrom("*", "home", "cellar"),
				covered: fc.boolean(),
				hours: fc.record({ from: clockTime, until: clockTime }).filter(({ from, until }) => from !== until),
				days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
				from: fc.integer({ min: MONDAY - DAY, max: MONDAY + 9 * DAY }),
			},
			{ requiredKeys: ["plmn", "place", "covered"] },
		);
		const times = fc.integer({ min: MONDAY, max: MONDAY + 8 * DAY });
		fc.assert(
			fc.property(
				fc.array(rule, { maxLength: 4 }),
				times,
				fc.double({ min: 0, max: 1, noNaN: true }),
				(rules, now, part) => {
					const next = nextCoverageChange(map(...rules), now) ?? now + 20 * DAY;
					const between = now + Math.floor((next - 1 - now) * part);
					expect(next).toBeGreaterThan(now);
					expect(isCovered(map(...rules), at(between))).toBe(isCovered(map(...rules), at(now)));
				},
			),
		);
	});

	test.each([
		[{ covered: true, plmn: "2620" }, "plmn"],
		[{ covered: true, hours: "8-18" }, "hours"],
		[{ covered: true, hours: "08:00-08:00" }, "hours"],
		[{ covered: true, hours: "08:60-09:00" }, "hours"],
		[{ covered: true, days: ["monday"] }, "day"],
		[{ covered: true, from: "soon" }, "from"],
	])("refuses the form %j", (form, word) => {
		expect(() => coverageRule(form)).toThrow(word);
	});
});
