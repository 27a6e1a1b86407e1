import { describe, expect, it } from "vitest";
import { messageVectors } from "../../../test/support/vectors.ts";
import { StoreMetadataRequest } from "../messages/sgp22/profile-metadata.ts";
import { EimAcknowledgements } from "../messages/sgp32/esipa-package.ts";
import { EuiccPackageRequest } from "../messages/sgp32/euicc-package.ts";
import { concatBytes, fromHex, hex, utf8 } from "../util/bytes.ts";
import {
	Asn1Error,
	bitString,
	decode,
	encode,
	objectIdentifier,
	octetString,
	type Schema,
	sequence,
	sequenceOf,
	utf8String,
} from "./schema.ts";
import { tlv } from "./tlv-writer.ts";

const MEBIBYTE = 1 << 20;

/** Room in one message of the largest allowed size for contents after a few headers. */
const ROOM = MEBIBYTE - 64;

function codeOf(run: () => unknown): string {
	try {
		run();
		return "no error";
	} catch (error) {
		if (error instanceof Asn1Error) return error.code;
		throw error;
	}
}

function repeated(unit: Uint8Array, octets: number): Uint8Array {
	const whole = new Uint8Array(octets - (octets % unit.length));
	for (let at = 0; at < whole.length; at += unit.length) whole.set(unit, at);
	return whole;
}

describe("the largest messages", () => {
	const psmos = tlv(0xa0, repeated(hex`A600`, ROOM - 64));
	const signed = tlv(0x30, tlv(0x80, utf8("e")), tlv(0x5a, new Uint8Array(16)), hex`810101`, psmos);
	const metadata = concatBytes(tlv(0x5a, new Uint8Array(10)), tlv(0x91, utf8("a")), tlv(0x92, utf8("b")));
	const cases: readonly [string, Schema<unknown>, Uint8Array][] = [
		["empty commands", EuiccPackageRequest, tlv(0xbf51, signed, tlv(0x5f37))],
		["numbers", EimAcknowledgements, tlv(0xbf53, repeated(hex`800101`, ROOM))],
		["unknown fields", StoreMetadataRequest, tlv(0xbf25, metadata, repeated(hex`8A00`, ROOM - 64))],
		["bits", bitString({}), tlv(0x03, new Uint8Array(ROOM))],
		["characters", utf8String(), tlv(0x0c, repeated(utf8("é"), ROOM))],
		["octets", octetString(), tlv(0x04, new Uint8Array(ROOM))],
	];

	it.each(cases)("full of %s are read and written within bounds of time and memory", (_name, schema, bytes) => {
		expect(bytes.length).toBeGreaterThan(MEBIBYTE - 300);
		const heap = process.memoryUsage().heapUsed;
		const start = performance.now();
		const again = encode(schema, decode(schema, bytes));
		expect(performance.now() - start).toBeLessThan(5000);
		expect(process.memoryUsage().heapUsed - heap).toBeLessThan(400e6);
		expect(Buffer.compare(again, bytes)).toBe(0);
	});

	it("have no room for an object identifier of a million arcs", () => {
		expect(codeOf(() => decode(objectIdentifier(), tlv(0x06, repeated(hex`01`, ROOM))))).toBe("ASN1_CONSTRAINT");
		expect(decode(objectIdentifier(), tlv(0x06, repeated(hex`01`, 128)))).toHaveLength(4 + 127 * 2 - 1);
	});

	it("are at most 1 MiB unless the caller allows more", () => {
		const bytes = tlv(0x04, new Uint8Array(MEBIBYTE));
		expect(codeOf(() => decode(octetString(), bytes))).toBe("ASN1_LIMIT");
		expect(decode(octetString(), bytes, { maxBytes: 2 * MEBIBYTE })).toHaveLength(MEBIBYTE);
	});
});

describe("nesting", () => {
	/** Sequences in sequences: `levels` of them around an octet string. */
	function nested(levels: number): { schema: Schema<unknown>; bytes: Uint8Array } {
		let schema: Schema<unknown> = octetString();
		let bytes: Uint8Array = hex`0400`;
		for (let i = 0; i < levels; i++) {
			schema = i % 2 === 0 ? sequenceOf(schema) : sequence({ inner: sequenceOf(schema) });
			bytes = i % 2 === 0 ? tlv(0x30, bytes) : tlv(0x30, tlv(0xa0, bytes));
		}
		return { schema, bytes };
	}

	it("beyond 32 levels is refused, whatever the type allows", () => {
		const deep = nested(30);
		expect(codeOf(() => decode(deep.schema, deep.bytes))).toBe("ASN1_LIMIT");
		expect(codeOf(() => decode(deep.schema, deep.bytes, { maxDepth: 64 }))).toBe("no error");
		const shallow = nested(20);
		expect(codeOf(() => decode(shallow.schema, shallow.bytes))).toBe("no error");
	});

	it("of all known messages stays below half of that", () => {
		for (const { name, schema, bytes, deviates } of messageVectors()) {
			if (!deviates)
				expect(
					codeOf(() => decode(schema, bytes, { maxDepth: 16 })),
					name,
				).toBe("no error");
		}
	});
});

describe("headers", () => {
	it.each([
		["0484FFFFFFFF00", "ASN1_TRUNCATED"],
		["0485010000000000", "ASN1_LENGTH_INVALID"],
		["0480 00 0000", "ASN1_LENGTH_INVALID"],
		["048101 00", "ASN1_LENGTH_INVALID"],
		["04820001 00", "ASN1_LENGTH_INVALID"],
		["1F0400", "ASN1_TAG_INVALID"],
		["1F800400", "ASN1_TAG_INVALID"],
		["1F8181818100", "ASN1_TAG_INVALID"],
		["1F", "ASN1_TRUNCATED"],
		["1F81", "ASN1_TRUNCATED"],
		["04", "ASN1_TRUNCATED"],
		["0482", "ASN1_TRUNCATED"],
		["", "ASN1_TRUNCATED"],
	])("%s is refused as %s before anything is allocated", (octets, code) => {
		expect(codeOf(() => decode(octetString(), fromHex(octets)))).toBe(code);
	});
});
