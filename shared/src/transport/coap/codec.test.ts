import coapPacket from "coap-packet";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, hex, toHex, utf8 } from "../../util/bytes.ts";
import { TransportError } from "../errors.ts";
import { blockOf, blockOption } from "./block.ts";
import { codeOctet, codeText } from "./code.ts";
import { type CoapMessage, decodeMessage, encodeDatagram, readHeader } from "./message.ts";
import { OPTION, textOptions, uintOption, understood } from "./option.ts";
import { encodeFrame, FrameReader } from "./stream-frame.ts";

const octets = (max: number, min = 0) => fc.uint8Array({ minLength: min, maxLength: max });
const options = fc
	.array(fc.record({ number: fc.integer({ min: 1, max: 65_000 }), value: octets(300) }), { maxLength: 6 })
	.map((list) => [...list].sort((a, b) => a.number - b.number));
const messages: fc.Arbitrary<CoapMessage> = fc.record({
	code: fc.constantFrom(0x01, 0x02, 0x44, 0x45, 0x5f, 0x84, 0xa3),
	token: octets(8),
	options,
	payload: octets(1100),
});
const ids = fc.integer({ min: 0, max: 0xffff });
const TYPES = ["confirmable", "non-confirmable", "acknowledgement", "reset"] as const;

describe("a CoAP datagram", () => {
	it("comes back as it was, and coap-packet reads and writes the same octets", () => {
		fc.assert(
			fc.property(messages, ids, fc.constantFrom(...TYPES), (message, messageId, type) => {
				const datagram = encodeDatagram({ type, messageId }, message);
				expect(readHeader(datagram)).toEqual({ type, messageId });
				expect(decodeMessage(datagram)).toEqual(message);
				const foreign = coapPacket.parse(Buffer.from(datagram));
				expect(foreign).toMatchObject({ code: codeText(message.code), messageId, confirmable: type === "confirmable" });
				expect(toHex(foreign.token)).toBe(toHex(message.token));
				expect(toHex(foreign.payload)).toBe(toHex(message.payload));
				expect(foreign.options.map(({ value }) => toHex(value as Buffer))).toEqual(
					message.options.map(({ value }) => toHex(value)),
				);
				const written = coapPacket.generate({ ...foreign, messageId }, 70_000);
				expect(toHex(written)).toBe(toHex(datagram));
			}),
			{ numRuns: 300 },
		);
	});

	it("is that of RFC 7252 appendix A, and of RFC 7959 section 3", () => {
		const temperature = { code: 1, token: new Uint8Array(0), payload: new Uint8Array(0) };
		const request = { ...temperature, options: textOptions(OPTION.uriPath, ["temperature"]) };
		expect(toHex(encodeDatagram({ type: "confirmable", messageId: 0x7d34 }, request))).toBe(
			toHex(concatBytes(hex`40017D34BB`, utf8("temperature"))),
		);
		const response = decodeMessage(concatBytes(hex`61457D3520FF`, utf8("22.3 C")));
		expect(response).toEqual({ code: codeOctet("2.05"), token: hex`20`, options: [], payload: utf8("22.3 C") });
		// 2:1/0/64 and 1:3/1/128 are NUM, M and the size in octets.
		expect(toHex(blockOption(OPTION.block2, { number: 1, hasMore: false, exponent: 2 }).value)).toBe("12");
		expect(toHex(blockOption(OPTION.block1, { number: 3, hasMore: true, exponent: 3 }).value)).toBe("3B");
		expect(blockOption(OPTION.block2, { number: 0, hasMore: false, exponent: 0 }).value).toHaveLength(0);
		expect(blockOf(0x1234_5e)).toEqual({ number: 0x12345, hasMore: true, exponent: 6 });
	});

	it("of whatever octets is refused by TransportError alone, or is read and stays itself", () => {
		fc.assert(
			fc.property(octets(80), (datagram) => {
				if (readHeader(datagram) === undefined) return;
				let message: CoapMessage;
				try {
					message = decodeMessage(datagram);
				} catch (error) {
					expect(error).toBeInstanceOf(TransportError);
					return;
				}
				const header = readHeader(datagram);
				if (header !== undefined) expect(decodeMessage(encodeDatagram(header, message))).toEqual(message);
			}),
			{ numRuns: 2000 },
		);
	});

	it.each([
		["a token of 9 octets", hex`49 01 0001 010203040506070809`],
		["the end within the token", hex`44 01 0001 0102`],
		["a payload marker without payload", hex`40 01 0001 FF`],
		["an option delta of 15", hex`40 01 0001 F0`],
		["an option length of 15", hex`40 01 0001 1F`],
		["an option longer than the datagram", hex`40 01 0001 B5 6162`],
		["something behind an empty message", hex`40 00 0001 01`],
		["an option number above 65535", hex`40 01 0001 E0FFFF E0FFFF`],
	])("with %s is malformed", (_what, datagram) => {
		expect(() => decodeMessage(datagram)).toThrow(TransportError);
	});
});

describe("options", () => {
	it("of wrong length, or once too often, count as not understood: ignored when elective, fatal when critical", () => {
		const path = textOptions(OPTION.uriPath, ["a", "b"]);
		expect(understood([...path, { number: OPTION.size1, value: new Uint8Array(5) }])).toEqual({ options: path });
		expect(understood([...path, { number: 2000, value: hex`01` }])).toEqual({ options: path });
		expect(understood([{ number: OPTION.block1, value: new Uint8Array(4) }]).unknownCritical).toBe(OPTION.block1);
		const twice = [uintOption(OPTION.accept, 1), uintOption(OPTION.accept, 2)];
		expect(understood(twice).unknownCritical).toBe(OPTION.accept);
		expect(understood([{ number: 9, value: hex`` }]).unknownCritical).toBe(9);
	});
});

describe("a CoAP frame on a connection", () => {
	it("comes back as it was, however the connection cuts it", () => {
		const many = fc.array(
			fc.tuple(messages, fc.constantFrom(0, 0, 0, 300, 66_000)).map(([message, longer]) => ({
				...message,
				payload: longer > 0 ? new Uint8Array(longer).fill(7) : message.payload,
			})),
			{ minLength: 1, maxLength: 4 },
		);
		fc.assert(
			fc.property(many, fc.integer({ min: 1, max: 700 }), (list, size) => {
				const stream = concatBytes(...list.map(encodeFrame));
				const reader = new FrameReader(200_000);
				const read: CoapMessage[] = [];
				for (let at = 0; at < stream.length; at += size) read.push(...reader.push(stream.subarray(at, at + size)));
				expect(read.map(encodeFrame).map(toHex)).toEqual(list.map(encodeFrame).map(toHex));
			}),
			{ numRuns: 60 },
		);
	});

	it("is that of RFC 8323 section 3.2, and one that is too long is refused at its first octets", () => {
		const valid = { code: codeOctet("2.03"), token: hex`7F`, options: [], payload: new Uint8Array(0) };
		expect(toHex(encodeFrame(valid))).toBe("01437F");
		expect(new FrameReader(1152).push(hex`01437F 01437F`)).toEqual([valid, valid]);
		expect(() => new FrameReader(1152).push(hex`F0 00100000 44`)).toThrow(/at most 1152/);
		expect(() => new FrameReader(1152).push(hex`0901`)).toThrow(TransportError);
	});
});
