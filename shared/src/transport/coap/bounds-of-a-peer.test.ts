import { describe, expect, it } from "vitest";
import { body, coapBench, echo } from "../../../../test/support/coap-bench.ts";
import { hex, utf8 } from "../../util/bytes.ts";
import { Milliseconds } from "../../util/duration.ts";
import { blockOption } from "./block.ts";
import type { CoapHandler, CoapResponse } from "./coap-face.ts";
import { decodeMessage, encodeDatagram } from "./message.ts";
import { type CoapOption, OPTION, optionUint, textOptions, uintOption } from "./option.ts";

/** A peer that sends single messages, and what the server says to the last one. */
function peerOf(handler: CoapHandler) {
	const { line, clock } = coapBench(handler);
	const post = async (messageId: number, options: readonly CoapOption[], payload = hex``, token = hex``) => {
		const message = { code: 2, token, options, payload };
		line.client.send(encodeDatagram({ type: "confirmable", messageId }, message));
		await clock.advance(Milliseconds(100));
		return decodeMessage(line.from("server").at(-1) as Uint8Array);
	};
	return { post, line, clock };
}

const [CONTINUE, CHANGED, INCOMPLETE] = [0x5f, 0x44, 0x88];

describe("of one peer", () => {
	it("64 messages are remembered: the 65th pushes out the first, whose repetition counts as new", async () => {
		const { seen, handler } = echo();
		const { post } = peerOf(handler);
		for (let messageId = 1; messageId <= 65; messageId++) await post(messageId, []);
		await post(2, []);
		expect(seen).toHaveLength(65);
		await post(1, []);
		expect(seen).toHaveLength(66);
	});

	it("4 bodies are put together at once: the fifth pushes out the one begun first", async () => {
		const { seen, handler } = echo();
		const { post } = peerOf(handler);
		let messageId = 1;
		const send = async (path: string, block: number) => {
			const number = blockOption(OPTION.block1, { number: block, hasMore: block === 0, exponent: 6 });
			const piece = body(1024 + 10).subarray(block * 1024, (block + 1) * 1024);
			return (await post(messageId++, [...textOptions(OPTION.uriPath, [path]), number], piece)).code;
		};
		const paths = ["a", "b", "c", "d", "e"];
		for (const path of paths) expect(await send(path, 0)).toBe(CONTINUE);
		const ends = [];
		for (const path of paths) ends.push(await send(path, 1));
		expect(ends).toEqual([INCOMPLETE, CHANGED, CHANGED, CHANGED, CHANGED]);
		expect(seen.map(({ path }) => path[0])).toEqual(["b", "c", "d", "e"]);
	});

	it("4 answers wait to be fetched: the fifth pushes out the first", async () => {
		const { post } = peerOf(() => ({ code: "2.04", payload: body(2000) }));
		let messageId = 1;
		const fetch = async (path: string, block: number) => {
			const number = blockOption(OPTION.block2, { number: block, hasMore: false, exponent: 6 });
			return (await post(messageId++, [...textOptions(OPTION.uriPath, [path]), number])).code;
		};
		const paths = ["a", "b", "c", "d", "e"];
		for (const path of paths) expect(await fetch(path, 0)).toBe(CHANGED);
		const rests = [];
		for (const path of paths) rests.push(await fetch(path, 1));
		expect(rests).toEqual([INCOMPLETE, CHANGED, CHANGED, CHANGED, CHANGED]);
	});

	it("8 observations are kept: the ninth is answered like a request without one, and an old one may begin anew", async () => {
		const told: ((state: CoapResponse) => void)[] = [];
		let ended = 0;
		const { post, line, clock } = peerOf(() => ({
			code: "2.05",
			payload: utf8("0"),
			observe: (notify) => {
				told.push(notify);
				return () => ended++;
			},
		}));
		const observe = async (messageId: number, token: number) =>
			optionUint(
				(await post(messageId, [uintOption(OPTION.observe, 0)], hex``, Uint8Array.of(token))).options,
				OPTION.observe,
			) !== undefined;
		const areObserved = [];
		for (let token = 1; token <= 9; token++) areObserved.push(await observe(token, token));
		expect(areObserved).toEqual([true, true, true, true, true, true, true, true, false]);
		expect([told.length, ended]).toEqual([8, 0]);
		expect(await observe(10, 3)).toBe(true);
		expect([told.length, ended]).toEqual([9, 1]);
		// What the ninth was not promised it does not get.
		const before = line.from("server").length;
		for (const tell of told) tell({ code: "2.05", payload: utf8("1") });
		await clock.advance(Milliseconds(100));
		const first = line.from("server").slice(before).map(decodeMessage);
		expect(first.every(({ token }) => token[0] !== 9)).toBe(true);
		expect(first.length).toBeGreaterThan(0);
	});
});
