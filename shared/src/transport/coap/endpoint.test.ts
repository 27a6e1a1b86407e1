import { describe, expect, it } from "vitest";
import { body, coapBench, echo, POST } from "../../../../test/support/coap-bench.ts";
import { DatagramLine } from "../../../../test/support/datagram-line.ts";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../../test/support/seeded-random.ts";
import { concatBytes, equalBytes, hex, toHex, utf8 } from "../../util/bytes.ts";
import { Milliseconds, Minutes, Seconds } from "../../util/duration.ts";
import { blockOf } from "./block.ts";
import type { CoapReply } from "./coap-face.ts";
import { DatagramChannel } from "./datagram-channel.ts";
import { CoapEndpoint } from "./endpoint.ts";
import { decodeMessage, encodeDatagram, readHeader } from "./message.ts";
import { OPTION, optionUint, optionValue, textOptions, uintOption } from "./option.ts";
import { createCoapServer } from "./server.ts";

const typesOf = (datagrams: readonly Uint8Array[]) => datagrams.map((octets) => readHeader(octets)?.type);

describe("a request over datagrams", () => {
	it("takes two datagrams, when the answer is at hand", async () => {
		const { seen, handler } = echo();
		const { request, line, clock } = coapBench(handler);
		expect(await request(POST)).toEqual({ code: "2.04", payload: utf8("ping") });
		expect(seen).toMatchObject([{ method: "POST", path: ["e"] }]);
		expect(typesOf(line.sent.map(({ octets }) => octets))).toEqual(["confirmable", "acknowledgement"]);
		expect(clock.pending).toBe(0);
	});

	it("is sent again when it was lost or its answer was, with doubled waits, and is worked on once", async () => {
		const { seen, handler } = echo();
		const { request, line, clock } = coapBench(handler);
		line.rule = ({ from, index }) => ((from === "client" ? index === 0 : index === 0) ? [] : [10]);
		const start = clock.now();
		expect((await request(POST)).payload).toEqual(utf8("ping"));
		expect(seen).toHaveLength(1);
		const sent = line.from("client");
		expect(sent.map(toHex)).toEqual([sent[0], sent[0], sent[0]].map((octets) => toHex(octets ?? hex``)));
		expect(line.from("server")).toHaveLength(2);
		// 2 to 3 s, then twice that.
		expect(clock.now() - start).toBeGreaterThan(6000);
		expect(clock.now() - start).toBeLessThan(9100);
	});

	it("fails after five transmissions that nobody acknowledges, within MAX_TRANSMIT_WAIT", async () => {
		const { client, line, clock } = coapBench(echo().handler);
		line.rule = () => [];
		const start = clock.now();
		const failed = expect(client.request(POST)).rejects.toMatchObject({ code: "TRANSPORT_TIMEOUT" });
		await clock.advance(Seconds(94));
		await failed;
		expect(line.sent).toHaveLength(5);
		expect(clock.now() - start).toBeLessThanOrEqual(Seconds(94));
		expect(clock.pending).toBe(0);
	});

	it("that takes long is acknowledged at once and answered by itself, which the client acknowledges", async () => {
		let finish = (_reply: CoapReply) => {};
		const { client, line, clock } = coapBench(() => new Promise((resolve) => (finish = resolve)));
		const answer = client.request(POST);
		await clock.advance(Seconds(20));
		finish({ code: "2.04", payload: utf8("late") });
		expect((await clock.until(answer)).payload).toEqual(utf8("late"));
		await clock.advance(Seconds(1));
		expect(typesOf(line.from("client"))).toEqual(["confirmable", "acknowledgement"]);
		expect(typesOf(line.from("server"))).toEqual(["acknowledgement", "confirmable"]);
		expect(clock.pending).toBe(0);
	});

	it("has its separate answer also when the acknowledgement came later or never, and an answer twice is taken once", async () => {
		let finish = (_reply: CoapReply) => {};
		const { client, line, clock } = coapBench(() => new Promise((resolve) => (finish = resolve)));
		line.rule = ({ from, index, octets }) => {
			if (from === "server" && index === 0) return [4000];
			return from === "server" && readHeader(octets)?.type === "confirmable" ? [10, 500] : [10];
		};
		const answer = client.request(POST);
		await clock.advance(Seconds(1.8));
		finish({ code: "2.04", payload: utf8("late") });
		expect((await clock.until(answer)).payload).toEqual(utf8("late"));
		await clock.advance(Minutes(5));
		expect(typesOf(line.from("client"))).toEqual(["confirmable", "acknowledgement", "acknowledgement"]);
		expect(typesOf(line.from("server"))).toEqual(["acknowledgement", "confirmable"]);
	});

	it("gives up a peer that acknowledges and says nothing more", async () => {
		const { client, clock } = coapBench(() => new Promise(() => undefined));
		const failed = expect(client.request(POST)).rejects.toMatchObject({ code: "TRANSPORT_TIMEOUT" });
		await clock.advance(Seconds(63));
		await failed;
		expect(clock.pending).toBe(0);
	});

	it("fails when its acknowledgement carries the answer to something else", async () => {
		const { client, line, clock } = coapBench(echo().handler);
		line.rule = ({ from }) => (from === "client" ? [] : [10]);
		const failed = expect(client.request(POST)).rejects.toMatchObject({ code: "TRANSPORT_RESET" });
		await clock.advance(Milliseconds(1));
		const { messageId = 0 } = readHeader(line.from("client")[0] ?? hex``) ?? {};
		const other = { code: 0x44, token: hex`FFFF`, options: [], payload: hex`` };
		line.server.send(encodeDatagram({ type: "acknowledgement", messageId }, other));
		await clock.advance(Seconds(1));
		await failed;
		expect(clock.pending).toBe(0);
	});

	it("is given up with the signal: nothing is sent any more, and a late answer is rejected", async () => {
		const { client, line, clock } = coapBench(echo().handler);
		line.rule = ({ from }) => (from === "client" ? [] : [10]);
		const abort = new AbortController();
		const failed = expect(client.request(POST, { signal: abort.signal })).rejects.toMatchObject({
			code: "TRANSPORT_ABORTED",
		});
		await clock.advance(Seconds(1));
		abort.abort();
		await failed;
		await clock.advance(Minutes(2));
		expect(line.sent).toHaveLength(1);
		expect(clock.pending).toBe(0);
	});

	it("waits for the one before, and fails like that one when the path is closed", async () => {
		const { client, line, clock } = coapBench(echo().handler);
		line.rule = () => [];
		const all = Promise.allSettled([client.request(POST), client.request(POST), client.request(POST)]);
		await clock.advance(Seconds(1));
		expect(line.sent).toHaveLength(1);
		client.close();
		expect((await all).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
	});

	it("whose response comes from a peer that knows it no more is rejected", async () => {
		const { line, clock } = coapBench(echo().handler);
		const stray = { code: 0x44, token: hex`FFFF`, options: [], payload: hex`` };
		line.server.send(encodeDatagram({ type: "confirmable", messageId: 9 }, stray));
		line.server.send(encodeDatagram({ type: "non-confirmable", messageId: 10 }, stray));
		await clock.advance(Seconds(1));
		expect(line.from("client").map(toHex)).toEqual(["70000009", "7000000A"]);
	});
});

describe("octets that are no request", () => {
	const server = () => coapBench(echo().handler);

	it.each([
		["a ping", "40000007", "70000007"],
		["a malformed confirmable one", "40010007FF", "70000007"],
		["a confirmable one of a reserved class", "40200007", "70000007"],
		["a malformed non-confirmable one", "50010007FF", undefined],
		["another version", "80010007", undefined],
		["three octets", "400100", undefined],
		["a stray acknowledgement", "60000007", undefined],
		["a stray reset", "70000007", undefined],
		["a response nobody waits for", "40450007", "70000007"],
	])("%s: %s is answered with %s", async (_what, sent, answered) => {
		const { line, clock } = server();
		line.client.send(hex`${Uint8Array.from(Buffer.from(sent, "hex"))}`);
		await clock.advance(Seconds(1));
		expect(line.from("server").map(toHex)).toEqual(answered === undefined ? [] : [answered]);
	});

	it("an option that is critical and unknown is 4.02, a proxy 5.05, an unknown method 4.05", async () => {
		const { line, clock } = server();
		const ask = (messageId: number, code: number, number: number) =>
			line.client.send(
				encodeDatagram(
					{ type: "confirmable", messageId },
					{ code, token: hex``, options: [{ number, value: utf8("x") }], payload: hex`` },
				),
			);
		ask(1, 2, 9);
		ask(2, 2, OPTION.proxyUri);
		ask(3, 0x1f, OPTION.uriPath);
		await clock.advance(Seconds(1));
		expect(line.from("server").map((octets) => toHex(octets.subarray(1, 2)))).toEqual(["82", "A5", "85"]);
	});
});

describe("bodies of many blocks", () => {
	it.each([
		[100, 1200, 6],
		[1024, 1200, 6],
		[1025, 1200, 6],
		[131_072, 1200, 6],
		[5000, 200, 6],
		[5000, 1200, 2],
		[3333, 1200, 0],
	])(
		"of %i octets go both ways in datagrams of %i, with the server's exponent %i",
		async (length, maxDatagram, blockExponent) => {
			const { seen, handler } = echo();
			const { request, line, clock } = coapBench(handler, { maxDatagram, blockExponent });
			const payload = body(length);
			const answer = await request({ ...POST, payload });
			expect(equalBytes(answer.payload, payload)).toBe(true);
			expect(seen).toHaveLength(1);
			expect(line.sent.every(({ octets }) => octets.length <= maxDatagram)).toBe(true);
			expect(clock.pending).toBe(0);
		},
	);

	it("survive the loss, the doubling and the delay of any datagram, with one call of the handler", async () => {
		for (let seed = 1; seed <= 12; seed++) {
			const { seen, handler } = echo();
			const { request, line } = coapBench(handler);
			const draws = new SeededRandom(seed);
			let lost = 0;
			line.rule = () => {
				const draw = draws.next();
				if (draw < 0.25) lost++;
				if (draw < 0.25) return [];
				return draw < 0.4 ? [10, 700] : draw < 0.5 ? [1800] : [10];
			};
			const payload = body(9000);
			expect(equalBytes((await request({ ...POST, payload })).payload, payload)).toBe(true);
			expect(seen).toHaveLength(1);
			expect(lost).toBeGreaterThan(2);
		}
	});

	it("survive three minutes without a link in the middle of them, either way", async () => {
		for (const cutAt of [5, 12]) {
			const { seen, handler } = echo();
			const { client, line, clock } = coapBench(handler);
			const cutEnd = () => clock.now() < start + Minutes(3);
			let start = Number.NaN;
			line.rule = ({ from, index }) => {
				if (from === "client" && index === cutAt) start = clock.now();
				return index >= cutAt && cutEnd() ? [] : [10];
			};
			const answer = await clock.until(client.request({ ...POST, payload: body(9000) }));
			expect(equalBytes(answer.payload, body(9000))).toBe(true);
			expect(clock.now() - start).toBeGreaterThan(Minutes(3));
			expect(seen).toHaveLength(1);
		}
	});

	it("carry their size, and a token of their own for every block", async () => {
		const { request, line } = coapBench(echo().handler);
		await request({ ...POST, payload: body(3000) });
		const sent = line.from("client").map(decodeMessage);
		expect(new Set(sent.map(({ token }) => toHex(token))).size).toBe(sent.length);
		expect(optionUint(sent[0]?.options ?? [], OPTION.size1)).toBe(3000);
		const blocks = sent.map(({ options }) => blockOf(optionUint(options, OPTION.block1))?.number);
		expect(blocks).toEqual([0, 1, 2, undefined, undefined]);
		const first = line.from("server").map(decodeMessage)[2];
		expect(optionUint(first?.options ?? [], OPTION.size2)).toBe(3000);
	});

	it("too large for the server are refused at the first block, and an answer too large for the client is not fetched", async () => {
		const { seen, handler } = echo();
		const { request, line } = coapBench(handler);
		expect(await request({ ...POST, payload: body(300_000) })).toMatchObject({ code: "4.13" });
		expect(line.sent).toHaveLength(2);
		expect(seen).toEqual([]);
		const large = coapBench(() => ({ code: "2.05", payload: body(300_000) }));
		await expect(large.request({ method: "GET", path: [] })).rejects.toMatchObject({
			code: "TRANSPORT_RESPONSE_TOO_LARGE",
		});
	});

	it("begin again when the server has started anew, and end when it forgets again and again", async () => {
		const { seen, handler } = echo();
		const { request, line, clock, random } = coapBench(handler);
		let restarts = 0;
		let mostRestarts = 1;
		line.rule = ({ from, octets }) => {
			const isSecondBlock =
				from === "client" && blockOf(optionUint(decodeMessage(octets).options, OPTION.block1))?.number === 1;
			if (isSecondBlock && restarts < mostRestarts) {
				restarts++;
				createCoapServer({ clock, random, handler }).accept(line.server);
			}
			return [10];
		};
		expect((await request({ ...POST, payload: body(3000) })).code).toBe("2.04");
		expect([restarts, seen.length]).toEqual([1, 1]);
		mostRestarts = 10;
		expect((await request({ ...POST, payload: body(3000) })).code).toBe("4.08");
		expect([restarts, seen.length]).toEqual([4, 1]);
	});

	it("come from a client that has started anew in the middle", async () => {
		const { seen, handler } = echo();
		const { line, clock, client } = coapBench(handler);
		const lost = client.request({ ...POST, payload: body(20_000) });
		lost.catch(() => undefined);
		await clock.advance(Milliseconds(105));
		const random = new SeededRandom(99);
		const again = new CoapEndpoint(new DatagramChannel(line.client, { clock, random }), { clock, random });
		const answer = await clock.until(again.request({ ...POST, payload: body(9000) }));
		expect(equalBytes(answer.payload, body(9000))).toBe(true);
		expect(seen).toHaveLength(1);
	});

	it("of which the server has forgotten the first blocks are 4.08; the answer's blocks can be fetched in any order", async () => {
		const { handler } = echo();
		const { line, clock, random } = coapBench(handler);
		const ask = (messageId: number, block: number, option: number, payload: Uint8Array) =>
			line.client.send(
				encodeDatagram(
					{ type: "confirmable", messageId },
					{
						code: 2,
						token: random.bytes(2),
						options: [...textOptions(OPTION.uriPath, ["e"]), uintOption(option, block)],
						payload,
					},
				),
			);
		ask(1, 0x1e, OPTION.block1, body(1024));
		ask(2, 0x10, OPTION.block2, hex``);
		await clock.advance(Seconds(1));
		expect(line.from("server").map((octets) => octets[1])).toEqual([0x88, 0x88]);
		ask(3, 0x0b, OPTION.block1, body(128));
		ask(4, 0x13, OPTION.block1, body(128));
		for (const [index, number] of [3, 1, 2, 1].entries()) ask(5 + index, number * 16 + 2, OPTION.block2, hex``);
		await clock.advance(Seconds(1));
		const answers = line.from("server").slice(2).map(decodeMessage);
		expect(answers[1]?.payload).toHaveLength(256);
		const whole = concatBytes(body(128), body(128));
		for (const [index, number] of [3, 1, 2, 1].entries()) {
			// The whole answer fitted into one message, so that nothing was kept of it.
			expect(answers[2 + index]?.code).toBe(0x88);
			expect(whole.subarray(number * 64, number * 64 + 64)).toHaveLength(64);
		}
	});

	it("answers' blocks are found by path and tag, whatever the token, and while they last", async () => {
		const { line, clock, random } = coapBench(() => ({ code: "2.04", payload: body(5000) }), { blockExponent: 6 });
		let messageId = 1;
		const ask = async (option: number | undefined, token: Uint8Array, payload = hex``) => {
			const options = [
				...textOptions(OPTION.uriPath, ["e"]),
				...(option === undefined ? [] : [uintOption(OPTION.block2, option)]),
			];
			line.client.send(
				encodeDatagram({ type: "confirmable", messageId: messageId++ }, { code: 2, token, options, payload }),
			);
			await clock.advance(Seconds(1));
			return decodeMessage(line.from("server").at(-1) as Uint8Array);
		};
		const first = await ask(undefined, hex`01`, utf8("ping"));
		expect(blockOf(optionUint(first.options, OPTION.block2))).toEqual({ number: 0, hasMore: true, exponent: 6 });
		for (const number of [4, 1, 3, 2, 4]) {
			const answer = await ask(number * 16 + 6, random.bytes(3));
			expect(equalBytes(answer.payload, body(5000).subarray(number * 1024, number * 1024 + 1024))).toBe(true);
			expect(optionValue(answer.options, OPTION.etag)).toEqual(optionValue(first.options, OPTION.etag));
		}
		const small = await ask(77 * 16 + 2, random.bytes(3));
		expect(equalBytes(small.payload, body(5000).subarray(77 * 64, 78 * 64))).toBe(true);
		expect((await ask(5 * 16 + 6, hex`02`)).code).toBe(0x80);
		await clock.advance(Seconds(248));
		expect((await ask(16 + 6, hex`03`)).code).toBe(0x88);
	});

	it("of all peers together stay within the server's bound", async () => {
		const clock = new FakeClock();
		const random = new SeededRandom(1);
		const { handler } = echo();
		const server = createCoapServer({ clock, random, handler, maxBodies: 10_000 });
		const lines = [1, 2, 3, 4].map(() => new DatagramLine(clock));
		const begin = (line: DatagramLine, block: number) =>
			line.client.send(
				encodeDatagram(
					{ type: "confirmable", messageId: block },
					{ code: 2, token: hex``, options: [uintOption(OPTION.block1, block * 16 + 14)], payload: body(1024) },
				),
			);
		for (const line of lines) {
			server.accept(line.server);
			for (const block of [0, 1, 2, 3]) begin(line, block);
			await clock.advance(Seconds(1));
		}
		const codes = (line: DatagramLine) => line.from("server").map((octets) => octets[1]);
		for (const line of lines) begin(line, 4);
		await clock.advance(Seconds(1));
		// Two bodies of 4 and 5 kB have room; whoever has not gone on for longest begins again.
		expect(lines.map((line) => codes(line).at(-1))).toEqual([0x88, 0x88, 0x5f, 0x5f]);
	});
});
