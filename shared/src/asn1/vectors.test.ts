import { describe, expect, it } from "vitest";
import { readByAsn1js } from "../../../test/support/asn1js-reader.ts";
import { bitFlips, mutationComplaints, truncationComplaints } from "../../../test/support/hostile-octets.ts";
import { rebuilt } from "../../../test/support/rebuild.ts";
import { messageVectors, profileVectors, schemaOf } from "../../../test/support/vectors.ts";
import { toHex } from "../util/bytes.ts";
import { AnyValueSchema } from "./kept.ts";
import { Asn1Error, decode, encode } from "./schema.ts";
import type { BackwardWriter } from "./tlv-writer.ts";

const messages = messageVectors();
const sound = messages.filter((vector) => !vector.deviates);
const profiles = profileVectors();

/** Places to test in octets of this length, so that long vectors do not take longer than short ones. */
const stepFor = (length: number, places: number) => Math.max(1, Math.floor(length / places));

describe("octets that others made", () => {
	it("come from seven origins", () => {
		expect([...new Set(messages.map((vector) => vector.origin))].sort()).toEqual([
			"asn1tools",
			"euicc-go",
			"onomondo-eim",
			"onomondo-ipa",
			"openiotrsp",
			"protocol-facts",
			"pysim",
		]);
	});

	it.each(sound)("$name: decode and encode give the same octets", ({ schema, bytes }) => {
		expect(toHex(encode(schema, decode(schema, bytes)))).toBe(toHex(bytes));
	});

	it.each(sound)("$name: asn1js reads the same value", ({ schema, bytes }) => {
		expect(decode(schema, bytes)).toEqual(readByAsn1js(schema, bytes));
	});

	it.each(sound.filter((vector) => vector.origin === "protocol-facts"))(
		"$name: the values alone make the same octets",
		({ schema, bytes }) => {
			expect(toHex(encode(schema, rebuilt(schema, decode(schema, bytes)) as never))).toBe(toHex(bytes));
		},
	);

	it.each(messages.filter((vector) => vector.deviates))("$name: is refused with the path of the field", (vector) => {
		expect(() => decode(vector.schema, vector.bytes)).toThrow(Asn1Error);
	});

	it("name the field that an IPA left out", () => {
		const vector = messages.find((candidate) => candidate.name.includes("CI lists of BF20 missing"));
		expect(() =>
			decode(schemaOf("SGP32Definitions", "IpaEuiccDataResponse"), vector?.bytes ?? new Uint8Array()),
		).toThrow("IpaEuiccDataResponse.ipaEuiccData.euiccInfo1.euiccCiPKIdListForVerification: ");
	});
});

/** A codec that loses what it reads, to see that the checks below would notice. */
class ForgetfulSchema extends AnyValueSchema {
	override encodeTo(writer: BackwardWriter): void {
		writer.octets(Uint8Array.of(0x05, 0x00));
	}
}

describe("damaged octets", () => {
	it("are reported when a codec takes them for something else", () => {
		expect(mutationComplaints(new ForgetfulSchema(), Uint8Array.of(0x04, 0x01, 0x00), 2, bitFlips)).toHaveLength(16);
		expect(truncationComplaints(new ForgetfulSchema(), Uint8Array.of(0x05, 0x00, 0x00), 1)).toHaveLength(1);
	});

	it.each(sound)("$name: every truncation ends in a typed error", ({ schema, bytes }) => {
		expect(truncationComplaints(schema, bytes, stepFor(bytes.length, 2000))).toEqual([]);
	});

	it.each(sound)("$name: a changed octet ends in a typed error or in the same octets", ({ schema, bytes }) => {
		expect(mutationComplaints(schema, bytes, stepFor(bytes.length, 60), bitFlips)).toEqual([]);
	});
});

describe(`TS.48 profiles (${profiles.length === 0 ? "../shared/data is absent" : `${profiles.length} elements`})`, () => {
	it("decode and encode to the same octets, element by element", () => {
		for (const { name, schema, bytes } of profiles) {
			expect(toHex(encode(schema, decode(schema, bytes))), name).toBe(toHex(bytes));
		}
	});

	it("are read by asn1js to the same values", () => {
		for (const { name, schema, bytes } of profiles.filter((_, i) => i % 7 === 0)) {
			expect(decode(schema, bytes), name).toEqual(readByAsn1js(schema, bytes));
		}
	});

	it("end in typed errors or in the same octets when damaged", () => {
		for (const { name, schema, bytes } of profiles) {
			expect(truncationComplaints(schema, bytes, stepFor(bytes.length, 25)), name).toEqual([]);
			expect(mutationComplaints(schema, bytes, stepFor(bytes.length, 8), bitFlips), name).toEqual([]);
		}
	});
});
