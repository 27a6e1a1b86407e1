import { describe, expect, it } from "vitest";
import { body, coapBench, echo, POST } from "../../../../test/support/coap-bench.ts";
import { hex, toHex } from "../../util/bytes.ts";
import { Milliseconds } from "../../util/duration.ts";
import { blockOf, blockOption } from "./block.ts";
import { decodeMessage, encodeDatagram } from "./message.ts";
import { OPTION, optionUint, optionValue, textOptions } from "./option.ts";

describe("Request-Tag (RFC 9175 section 3)", () => {
	it("is on every block of a body and on every request for the rest of its answer, a new one for the next body", async () => {
		const { request, line } = coapBench(echo().handler);
		const tagsOf = async (length: number) => {
			const before = line.from("client").length;
			await request({ ...POST, payload: body(length) });
			const sent = line.from("client").slice(before).map(decodeMessage);
			return sent.map(({ options }) => optionValue(options, OPTION.requestTag));
		};
		const [first, second] = [await tagsOf(3000), await tagsOf(3000)];
		const [one, other] = [first[0], second[0]];
		// Three blocks each way; the last of the body brings the first of the answer.
		expect(first).toEqual([one, one, one, one, one]);
		expect(second).toEqual([other, other, other, other, other]);
		expect(one).toBeInstanceOf(Uint8Array);
		expect(other).toBeInstanceOf(Uint8Array);
		expect(other).not.toEqual(one);
		expect(await tagsOf(100)).toEqual([undefined]);
	});

	it("keeps two bodies apart whose blocks come in turns on one path, and the rests of their answers", async () => {
		const { seen, handler } = echo();
		const { line, clock } = coapBench(handler);
		let messageId = 1;
		const ask = async (tag: Uint8Array, option: number, block: number, payload: Uint8Array, hasMore: boolean) => {
			const options = [
				...textOptions(OPTION.uriPath, ["e"]),
				{ number: OPTION.requestTag, value: tag },
				blockOption(option, { number: block, hasMore, exponent: 6 }),
			];
			line.client.send(
				encodeDatagram({ type: "confirmable", messageId: messageId++ }, { code: 2, token: hex``, options, payload }),
			);
			await clock.advance(Milliseconds(100));
			return decodeMessage(line.from("server").at(-1) as Uint8Array);
		};
		// As long as one another, and different from the first octet on.
		const bodies = [
			{ tag: hex`A1`, whole: body(3000) },
			{ tag: hex`A2`, whole: body(3000).map((octet) => octet ^ 0xff) },
		];
		const answers: Uint8Array[][] = [[], []];
		for (const block of [0, 1, 2]) {
			for (const [index, { tag, whole }] of bodies.entries()) {
				const piece = whole.subarray(block * 1024, (block + 1) * 1024);
				const answer = await ask(tag, OPTION.block1, block, piece, block < 2);
				if (block === 2) answers[index]?.push(answer.payload);
			}
		}
		expect(seen.map(({ payload }) => toHex(payload ?? hex``))).toEqual(bodies.map(({ whole }) => toHex(whole)));
		for (const block of [1, 2]) {
			for (const [index, { tag }] of bodies.entries()) {
				const answer = await ask(tag, OPTION.block2, block, hex``, false);
				expect(blockOf(optionUint(answer.options, OPTION.block2))?.hasMore).toBe(block < 2);
				answers[index]?.push(answer.payload);
			}
		}
		const got = answers.map((parts) => toHex(Uint8Array.from(parts.flatMap((part) => [...part]))));
		expect(got).toEqual(bodies.map(({ whole }) => toHex(whole)));
	});
});
