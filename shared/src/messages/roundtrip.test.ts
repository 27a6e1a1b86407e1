import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readByAsn1js } from "../../../test/support/asn1js-reader.ts";
import { valuesOf } from "../../../test/support/schema-arbitrary.ts";
import { decode, encode } from "../asn1/schema.ts";
import { inventory } from "./inventory.ts";

/** Big types cost more for each run and are covered by their parts too. */
const RUNS = 15;

describe.each([...new Set(inventory.map((entry) => entry.module))])("every type of %s", (module) => {
	for (const { name, schema } of inventory.filter((entry) => entry.module === module)) {
		it(`${name}: encode and decode give the same value, the same octets, and what asn1js reads`, () => {
			fc.assert(
				fc.property(valuesOf(schema), (value) => {
					const bytes = encode(schema, value);
					const decoded = decode(schema, bytes);
					expect(decoded).toStrictEqual(value);
					expect(encode(schema, decoded)).toEqual(bytes);
					expect(readByAsn1js(schema, bytes)).toEqual(value);
				}),
				{ numRuns: RUNS, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true },
			);
		});
	}
});
