import { describe, expect, it } from "vitest";
import { coapBench } from "../../../../test/support/coap-bench.ts";
import { DatagramLine } from "../../../../test/support/datagram-line.ts";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../../test/support/seeded-random.ts";
import { hex, toHex, utf8 } from "../../util/bytes.ts";
import { Milliseconds, Minutes, Seconds } from "../../util/duration.ts";
import type { CoapHandler, CoapRequest } from "./coap-face.ts";
import { decodeMessage, encodeDatagram, encodeEmpty, readHeader } from "./message.ts";
import { OPTION, optionValue, textOptions } from "./option.ts";
import { createCoapServer } from "./server.ts";

describe("observation", () => {
	function observed(maxPayload = 20) {
		let tell = (_state: string) => {};
		let isEnded = false;
		const handler: CoapHandler = () => ({
			code: "2.05",
			payload: utf8("0"),
			observe: (notify) => {
				tell = (state) => notify({ code: "2.05", payload: utf8(state.padEnd(maxPayload)) });
				return () => {
					isEnded = true;
				};
			},
		});
		const parts = coapBench(handler);
		return { ...parts, tell: (state: string) => tell(state), isEnded: () => isEnded };
	}
	const GET: CoapRequest = { method: "GET", path: ["o"] };
	const texts = (answers: readonly { payload: Uint8Array }[]) =>
		answers.map(({ payload }) => new TextDecoder().decode(payload).trim());

	it("tells every change until the client gives it up, which the server learns at the next one", async () => {
		const { client, clock, tell, isEnded, line } = observed();
		const seen: { payload: Uint8Array }[] = [];
		const abort = new AbortController();
		await clock.until(client.observe(GET, (answer) => seen.push(answer), { signal: abort.signal }));
		tell("1");
		await clock.advance(Seconds(1));
		tell("2");
		await clock.advance(Seconds(1));
		expect(texts(seen)).toEqual(["1", "2"]);
		abort.abort();
		expect(isEnded()).toBe(false);
		tell("3");
		await clock.advance(Seconds(1));
		expect(isEnded()).toBe(true);
		expect(texts(seen)).toEqual(["1", "2"]);
		expect(readHeader(line.from("client").at(-1) as Uint8Array)?.type).toBe("reset");
	});

	it("tells the last of several changes, in order, over a line that loses and delays, also in many blocks", async () => {
		const { client, clock, tell, line } = observed(3000);
		const seen: { payload: Uint8Array }[] = [];
		await clock.until(client.observe(GET, (answer) => seen.push(answer), { signal: new AbortController().signal }));
		const draws = new SeededRandom(3);
		line.rule = () => (draws.next() < 0.3 ? [] : [10, 10 + draws.below(1500)]);
		for (const state of ["1", "2", "3", "4", "5"]) {
			tell(state);
			await clock.advance(Milliseconds(300));
		}
		await clock.advance(Minutes(10));
		expect(texts(seen).at(-1)).toBe("5");
		expect([...texts(seen)].sort()).toEqual(texts(seen));
		expect(seen.at(-1)?.payload).toHaveLength(3000);
	});

	it("ends with the path, with a peer that does not acknowledge, and with a last state that is an error", async () => {
		const closed = observed();
		const signal = new AbortController().signal;
		await closed.clock.until(closed.client.observe(GET, () => undefined, { signal }));
		closed.line.server.close();
		expect(closed.isEnded()).toBe(true);
		const silent = observed();
		await silent.clock.until(silent.client.observe(GET, () => undefined, { signal }));
		silent.line.rule = () => [];
		silent.tell("1");
		await silent.clock.advance(Seconds(94));
		expect(silent.isEnded()).toBe(true);
	});
});

describe("a server", () => {
	it("says 5.03 when it is busy, 5.00 when its handler fails, and nothing that the client does not want to hear", async () => {
		const clock = new FakeClock();
		const random = new SeededRandom(2);
		const line = new DatagramLine(clock);
		const errors: unknown[] = [];
		const handler: CoapHandler = ({ path }) => {
			if (path[0] === "wait") return new Promise(() => undefined);
			if (path[0] === "fail") throw new Error("no");
			return { code: "2.04" };
		};
		const server = createCoapServer({ clock, random, handler, maxRequests: 1, onError: (error) => errors.push(error) });
		server.accept(line.server);
		const ask = async (messageId: number, path: string, more: { number: number; value: Uint8Array }[] = []) => {
			const options = [...textOptions(OPTION.uriPath, [path]), ...more];
			line.client.send(
				encodeDatagram({ type: "confirmable", messageId }, { code: 2, token: hex``, options, payload: hex`` }),
			);
			await clock.advance(Milliseconds(100));
			return toHex((line.from("server").at(-1) ?? hex`0000`).subarray(0, 2));
		};
		expect(await ask(1, "fail")).toBe("60A0");
		expect(errors).toHaveLength(1);
		expect(await ask(2, "any", [{ number: OPTION.noResponse, value: hex`02` }])).toBe("6000");
		expect(await ask(3, "any", [{ number: OPTION.noResponse, value: hex`08` }])).toBe("6044");
		await ask(4, "wait");
		expect(await ask(5, "any")).toBe("60A3");
		line.client.send(encodeEmpty({ type: "confirmable", messageId: 6 }));
		await clock.advance(Milliseconds(100));
		expect(toHex(line.from("server").at(-1) as Uint8Array)).toBe("70000006");
	});

	it("works on 16 requests of one peer at once, and keeps 64 answers for one that acknowledges none", async () => {
		const waiting: (() => void)[] = [];
		const { line, clock } = coapBench(
			() => new Promise((resolve) => waiting.push(() => resolve({ code: "2.04", payload: utf8("x") }))),
		);
		let messageId = 0;
		const ask = (count: number) => {
			for (let i = 0; i < count; i++) {
				const request = { code: 2, token: Uint8Array.of(messageId & 0xff), options: [], payload: hex`` };
				line.client.send(encodeDatagram({ type: "confirmable", messageId: messageId++ }, request));
			}
		};
		ask(20);
		await clock.advance(Seconds(1));
		expect(waiting).toHaveLength(16);
		expect(line.from("server").map((octets) => octets[1])).toEqual([0xa3, 0xa3, 0xa3, 0xa3]);
		// From now on the peer acknowledges nothing, and its answers come late.
		line.rule = ({ from }) => (from === "server" ? [] : [10]);
		for (let round = 0; round < 8; round++) {
			await clock.advance(Seconds(2));
			for (const finish of waiting.splice(0)) finish();
			await clock.advance(Milliseconds(100));
			ask(16);
		}
		const before = line.from("server").length;
		line.rule = () => [10];
		await clock.advance(Minutes(30));
		const late = line.from("server").slice(before).map(decodeMessage);
		expect(late.filter(({ code }) => code === 0x44).length).toBeLessThanOrEqual(66);
	});

	it("answers what is not confirmable in the same way, and once", async () => {
		const { line, clock } = coapBench(() => ({ code: "2.04", payload: utf8("x") }));
		const request = { code: 2, token: hex`07`, options: [], payload: hex`` };
		const datagram = encodeDatagram({ type: "non-confirmable", messageId: 5 }, request);
		line.client.send(datagram);
		line.client.send(datagram);
		await clock.advance(Seconds(10));
		expect(line.from("server").map((octets) => [readHeader(octets)?.type, toHex(octets.subarray(4))])).toEqual([
			["non-confirmable", "07FF78"],
		]);
	});
});

describe("a client", () => {
	it("repeats a request with the challenge that the server asks for (Echo), and does so once", async () => {
		const { line, clock, client, request } = coapBench(() => ({ code: "2.04" }));
		// A server that knows nothing of our layer: it answers every request without the challenge with one.
		const asked: (string | undefined)[] = [];
		let isSatisfied = (given: string | undefined): boolean => given === "AABB";
		line.server.receive({
			datagram: (octets) => {
				const header = readHeader(octets);
				const { token, options } = decodeMessage(octets);
				if (header?.type !== "confirmable") return;
				const value = optionValue(options, OPTION.echo);
				const given = value && toHex(value);
				asked.push(given);
				const challenge = isSatisfied(given) ? [] : [{ number: OPTION.echo, value: hex`AABB` }];
				const answer = { code: isSatisfied(given) ? 0x44 : 0x81, token, options: challenge, payload: hex`` };
				line.server.send(encodeDatagram({ type: "acknowledgement", messageId: header.messageId }, answer));
			},
			closed: () => undefined,
		});
		expect(await request({ method: "POST", path: ["e"] })).toMatchObject({ code: "2.04" });
		expect(asked).toEqual([undefined, "AABB"]);
		isSatisfied = () => false;
		expect(await clock.until(client.request({ method: "POST", path: ["e"] }))).toMatchObject({ code: "4.01" });
		expect(asked).toHaveLength(4);
	});

	it("is told by a ping whether the peer lives", async () => {
		const { line, clock, client } = coapBench(() => ({ code: "2.04" }));
		await clock.until(client.ping());
		expect(line.sent.map(({ octets }) => toHex(octets.subarray(0, 2)))).toEqual(["4000", "7000"]);
		line.rule = () => [];
		await expect(clock.until(client.ping())).rejects.toMatchObject({ code: "TRANSPORT_TIMEOUT" });
		expect(clock.pending).toBe(0);
	});
});
