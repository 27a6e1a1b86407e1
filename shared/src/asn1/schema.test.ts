import { describe, expect, it } from "vitest";
import { fromHex, hex, toHex } from "../util/bytes.ts";
import {
	Asn1Error,
	application,
	at,
	bitString,
	boolean,
	choice,
	context,
	decode,
	define,
	encode,
	type Infer,
	integer,
	keep,
	kept,
	nullValue,
	objectIdentifier,
	octetString,
	opaque,
	optional,
	sequence,
	sequenceOf,
	utf8String,
	withDefault,
} from "./schema.ts";
import { tlv } from "./tlv-writer.ts";

const Iccid = define("Iccid", application(26), octetString({ size: 10 }));
const Signed = define(
	"Signed",
	sequence({ eimId: at(context(0), utf8String({ size: [1, 128] })), counterValue: at(context(1), integer()) }),
);
const Request = define(
	"Request",
	context(81),
	sequence({ signed: kept(Signed), signature: at(application(55), octetString()) }),
);

function errorOf(run: () => unknown): Asn1Error {
	try {
		run();
	} catch (error) {
		if (error instanceof Asn1Error) return error;
		throw error;
	}
	throw new Error("no error was thrown");
}

describe("AUTOMATIC TAGS", () => {
	it("numbers the components of a list without textual tags, and replaces the tag of a tagged type", () => {
		const list = sequence({ iccid: Iccid, flag: optional(boolean()) });
		expect(toHex(encode(list, { iccid: new Uint8Array(10), flag: true }))).toBe(`300F800A${"00".repeat(10)}8101FF`);
	});

	it("leaves the other components alone as soon as one has a textual tag", () => {
		const list = sequence({ iccid: at(application(26), Iccid), rollbackFlag: optional(nullValue()) });
		expect(toHex(encode(list, { iccid: new Uint8Array(10), rollbackFlag: null }))).toBe(
			`300E5A0A${"00".repeat(10)}0500`,
		);
	});

	it("puts an EXPLICIT tag over an untagged CHOICE, and an IMPLICIT one over a tagged CHOICE", () => {
		const inner = choice({ a: integer(), b: boolean() });
		const tagged = define("T", context(65), inner);
		expect(toHex(encode(sequence({ first: inner }), { first: { b: true } }))).toBe("3005A0038101FF");
		expect(toHex(encode(tagged, { a: 5 }))).toBe("BF4103800105");
		expect(toHex(encode(sequence({ x: integer(), y: tagged }), { x: 1, y: { a: 5 } }))).toBe("3008800101A103800105");
	});
});

describe("decode", () => {
	it("names the path of the field that is wrong", () => {
		const request = (...signed: Uint8Array[]) => tlv(0xbf51, tlv(0x30, ...signed), tlv(0x5f37));
		expect(decode(Request, request(hex`800165`, hex`810180`)).signed.value.counterValue).toBe(-128);
		const missing = errorOf(() => decode(Request, request(hex`800165`)));
		expect(missing.code).toBe("ASN1_FIELD_MISSING");
		expect(missing.message).toBe("Request.signed.counterValue: tag 81 is missing");
		const empty = errorOf(() => decode(Request, request(hex`8000`, hex`810101`)));
		expect(empty.message).toBe("Request.signed.eimId: 0 characters, 1 to 128 are allowed");
	});

	it("keeps the received octets of what is signed", () => {
		const bytes = tlv(0xbf51, hex`3009 800165 810105 990107`, tlv(0x5f37));
		const value = decode(Request, bytes);
		expect(toHex(value.signed.der)).toBe("3009800165810105990107");
		expect(toHex(encode(Request, value))).toBe(toHex(bytes));
	});

	it.each(["3003800101", "30068001018101FF", "3006800101810100", "30079F2A0101800101", "3009800101990101810100"])(
		"keeps unknown fields and explicit defaults, so that the octets of %s come out again",
		(sample) => {
			const type = sequence({ a: at(context(0), integer()), b: withDefault(at(context(1), boolean()), false) });
			expect(toHex(encode(type, decode(type, fromHex(sample))))).toBe(sample);
		},
	);

	it("fills in a default that is absent and leaves it out when writing", () => {
		const type = sequence({ a: at(context(0), integer()), b: withDefault(at(context(1), boolean()), false) });
		expect(decode(type, hex`3003 800101`)).toEqual({ a: 1, b: false });
		expect(toHex(encode(type, { a: 1, b: false }))).toBe("3003800101");
	});

	it("refuses what stands twice, out of order, after the end, too deep or too large", () => {
		const type = sequence({ a: at(context(0), integer()), b: optional(at(context(1), integer())) });
		expect(errorOf(() => decode(type, hex`3006 810101 800101`)).code).toBe("ASN1_FIELD_MISSING");
		expect(errorOf(() => decode(type, hex`3006 800101 800101`)).code).toBe("ASN1_TAG_UNEXPECTED");
		expect(errorOf(() => decode(type, hex`3003 800101 00`)).code).toBe("ASN1_TRAILING_BYTES");
		expect(errorOf(() => decode(type, hex`3003 800101`, { maxBytes: 4 })).code).toBe("ASN1_LIMIT");
		expect(errorOf(() => decode(sequenceOf(type), hex`3005 3003800101`, { maxDepth: 1 })).code).toBe("ASN1_LIMIT");
	});

	it("rewrites the tag of an opaque type where a component tag replaces it", () => {
		const type = sequence({ certificate: at(context(5), opaque(0x30)) });
		const value = decode(type, hex`3005 A503 020101`);
		expect(toHex(value.certificate)).toBe("3003020101");
		expect(toHex(encode(type, value))).toBe("3005A503020101");
	});
});

describe("primitive types", () => {
	it.each([
		[0, "020100"],
		[127, "02017F"],
		[128, "02020080"],
		[-1, "0201FF"],
		[-128, "020180"],
		[-129, "0202FF7F"],
		[8_388_607, "02037FFFFF"],
		[Number.MAX_SAFE_INTEGER, "02071FFFFFFFFFFFFF"],
	])("writes INTEGER %d in its shortest form", (value, expected) => {
		expect(toHex(encode(integer(), value))).toBe(expected);
		expect(decode(integer(), fromHex(expected))).toBe(value);
	});

	it.each(["2.23.146.1.2.1.4", "1.2.840.10045.4.3.2", "2.999.10", "0.39", "2.100000.5"])("reads back OID %s", (oid) => {
		expect(decode(objectIdentifier(), encode(objectIdentifier(), oid))).toBe(oid);
	});

	it("has the OID octets of RFC 5480 ecdsa-with-SHA256", () => {
		expect(toHex(encode(objectIdentifier(), "1.2.840.10045.4.3.2"))).toBe("06082A8648CE3D040302");
	});

	it("names bits, drops trailing zeros when building and keeps them when relaying", () => {
		const PprIds = bitString({ pprUpdateControl: 0, ppr1: 1, ppr2: 2 });
		expect(toHex(encode(PprIds, PprIds.of("ppr1")))).toBe("03020640");
		expect(PprIds.has(decode(PprIds, hex`0302 0560`), "ppr2")).toBe(true);
		expect(toHex(encode(PprIds, decode(PprIds, hex`0303 0040 00`)))).toBe("0303004000");
	});
});

it("infers the types of a message", () => {
	const value: Infer<typeof Request> = {
		signed: keep(Signed, { eimId: "e", counterValue: 1 }),
		signature: new Uint8Array(),
	};
	expect(toHex(encode(Request, value))).toBe("BF510B30068001658101015F3700");
});
