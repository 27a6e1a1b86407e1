import { type Duplex, duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../../test/support/seeded-random.ts";
import { equalBytes, hex, toHex, utf8 } from "../../util/bytes.ts";
import { Seconds } from "../../util/duration.ts";
import type { CoapHandler } from "./coap-face.ts";
import { CoapEndpoint } from "./endpoint.ts";
import { createCoapServer } from "./server.ts";
import { StreamChannel } from "./stream-channel.ts";
import { encodeFrame, FrameReader } from "./stream-frame.ts";

const body = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
const echo: CoapHandler = ({ payload }) => ({ code: "2.04", payload });

function bench(handler: CoapHandler, clientMax = 300_000, serverMax = 256 * 1024) {
	const clock = new FakeClock();
	const random = new SeededRandom(7);
	const [near, far] = duplexPair();
	const server = createCoapServer({ clock, random, handler, maxBody: serverMax });
	let closedBy: unknown = "open";
	const seen: Uint8Array[] = [];
	near.on("data", (chunk: Uint8Array) => seen.push(chunk));
	server.acceptStream(far, { remoteAddress: "192.0.2.1:40000" });
	const connect = () =>
		new CoapEndpoint(new StreamChannel(near, { clock, remoteAddress: "192.0.2.2:5684", maxMessage: clientMax }), {
			clock,
			random,
			responseTimeout: Seconds(60),
			onClosed: (cause) => {
				closedBy = cause;
			},
		});
	return { clock, near, far, seen, connect, closedBy: () => closedBy, until: clock.until.bind(clock) };
}

/** What a peer that speaks in raw octets gets. */
async function answered(sent: Uint8Array) {
	const { clock, near, seen } = bench(echo);
	near.write(sent);
	await clock.advance(100);
	return { codes: messagesIn(seen).map(({ code }) => code.toString(16)), messages: messagesIn(seen), near, clock };
}

const messagesIn = (chunks: readonly Uint8Array[]) => chunks.flatMap((chunk) => new FrameReader(1_000_000).push(chunk));

const SETTINGS = encodeFrame({ code: 0xe1, token: hex``, options: [], payload: hex`` });

describe("CoAP over a connection", () => {
	it.each([
		["whole where both ends take it", 131_072, 300_000, 256 * 1024],
		["in messages of several blocks where the client takes less", 131_072, 10_000, 256 * 1024],
		["in blocks of 1024 octets where the client takes the least", 5000, 1152, 256 * 1024],
		["of one octet", 1, 300_000, 256 * 1024],
	])("carries bodies %s", async (_how, length, clientMax, serverMax) => {
		const { connect, until, clock } = bench(echo, clientMax, serverMax);
		const payload = body(length);
		const answer = await until(connect().request({ method: "POST", path: ["e"], payload }));
		expect(answer.code).toBe("2.04");
		expect(equalBytes(answer.payload, payload)).toBe(true);
		expect(clock.pending).toBe(0);
	});

	it("sends larger bodies than the peer's messages in several blocks each", async () => {
		const clock = new FakeClock();
		const random = new SeededRandom(7);
		const [near, far] = duplexPair();
		const client = new CoapEndpoint(new StreamChannel(near, { clock, remoteAddress: "a", maxMessage: 8000 }), {
			clock,
			random,
		});
		let largest = 0;
		far.on("data", (chunk: Uint8Array) => {
			largest = Math.max(largest, chunk.length);
		});
		new CoapEndpoint(new StreamChannel(far, { clock, remoteAddress: "b", maxMessage: 8000 }), {
			clock,
			random,
			handler: echo,
		});
		const payload = body(50_000);
		const answer = await clock.until(client.request({ method: "POST", path: ["e"], payload }));
		expect(equalBytes(answer.payload, payload)).toBe(true);
		expect(largest).toBeLessThanOrEqual(8000);
		expect(largest).toBeGreaterThan(7000);
	});

	it("begins with the settings, answers a ping, and takes requests one behind the other", async () => {
		const post = (token: string) => encodeFrame({ code: 2, token: utf8(token), options: [], payload: utf8(token) });
		const ping = encodeFrame({ code: 0xe2, token: hex`07`, options: [{ number: 2, value: hex`` }], payload: hex`` });
		const { codes, messages } = await answered(Buffer.concat([SETTINGS, post("a"), ping, post("b")]));
		expect(codes).toEqual(["e1", "e3", "44", "44"]);
		expect(messages[1]).toMatchObject({ token: hex`07`, options: [{ number: 2 }] });
		expect(messages.slice(2).map(({ token, payload }) => [toHex(token), toHex(payload)])).toEqual([
			["61", "61"],
			["62", "62"],
		]);
	});

	it.each([
		["no settings at the beginning", hex`0001`],
		["a message that is too long", Buffer.concat([SETTINGS, hex`F0 7F000000 02`])],
		["a malformed message", Buffer.concat([SETTINGS, hex`10 02 FF`])],
		[
			"a critical option in a signal that is not understood",
			encodeFrame({ code: 0xe1, token: hex``, options: [{ number: 9, value: hex`` }], payload: hex`` }),
		],
	])("ends with an Abort on %s", async (_what, sent) => {
		const { codes, near, clock } = await answered(sent);
		expect(codes).toEqual(["e1", "e5"]);
		expect(near.readableEnded).toBe(true);
		expect(clock.pending).toBe(0);
	});

	it("fails what is under way when the connection ends, or when the peer gives it up", async () => {
		for (const end of [(far: Duplex) => far.end(), (far: Duplex) => far.write(hex`00E5`)]) {
			const { connect, clock, far } = bench(() => new Promise(() => undefined));
			const failed = expect(connect().request({ method: "POST", path: [] })).rejects.toMatchObject({
				code: expect.stringMatching(/^TRANSPORT_(CLOSED|RESET)$/),
			});
			await clock.advance(100);
			end(far);
			await clock.advance(100);
			await failed;
			expect(clock.pending).toBe(0);
		}
	});

	it("is told by a ping whether the peer lives", async () => {
		const { connect, clock, far } = bench(echo);
		const client = connect();
		await clock.advance(100);
		await clock.until(client.ping());
		far.end();
		const lost = expect(client.ping()).rejects.toMatchObject({ code: "TRANSPORT_CLOSED" });
		await clock.advance(100);
		await lost;
		expect([client.ended.aborted, clock.pending]).toEqual([true, 0]);
	});

	it("gives up a peer that never says its settings, and one that takes no more requests", async () => {
		const silent = bench(echo);
		await silent.clock.advance(Seconds(31));
		expect(messagesIn(silent.seen).map(({ code }) => code)).toEqual([0xe1, 0xe5]);
		const { connect, far, clock } = bench(echo);
		const client = connect();
		await clock.advance(100);
		far.write(hex`00E4`);
		await clock.advance(100);
		await expect(client.request({ method: "POST", path: [] })).rejects.toMatchObject({ code: "TRANSPORT_CLOSED" });
	});
});
