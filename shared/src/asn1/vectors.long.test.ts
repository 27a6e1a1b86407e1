import { describe, expect, it } from "vitest";
import { allOthers, bitFlips, mutationComplaints, truncationComplaints } from "../../../test/support/hostile-octets.ts";
import { messageVectors, profileVectors } from "../../../test/support/vectors.ts";

const messages = messageVectors().filter((vector) => !vector.deviates);
const profiles = profileVectors();

/** Beyond this length an octet is changed bit by bit instead of to all other values: most of it is opaque contents. */
const SHORT = 300;

describe("every octet of every vector, changed", () => {
	it.each(messages)("$name: ends in a typed error or in the same octets", ({ schema, bytes }) => {
		const variants = bytes.length <= SHORT ? allOthers : bitFlips;
		expect(mutationComplaints(schema, bytes, 1, variants)).toEqual([]);
	});

	it("elements of the TS.48 profiles: end in typed errors or in the same octets", () => {
		for (const { name, schema, bytes } of profiles) {
			expect(mutationComplaints(schema, bytes, 1, bitFlips), name).toEqual([]);
		}
	});
});

describe("every truncation of every vector", () => {
	it.each([...messages, ...profiles])("$name: ends in a typed error", ({ schema, bytes }) => {
		expect(truncationComplaints(schema, bytes, 1)).toEqual([]);
	});
});
