import type net from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../runtime/clock.ts";
import { concatBytes, hex, toHex } from "../util/bytes.ts";
import { Milliseconds } from "../util/duration.ts";
import { listenTcp, type TcpListener } from "./tcp.ts";
import {
	keepVpcdCardConnected,
	listenForVpcdReaders,
	type VpcdCard,
	VpcdFrameReader,
	VpcdReaderSide,
	vpcdFrame,
} from "./vpcd.ts";

const HERE = { host: "127.0.0.1", port: 0 };
const ATR = hex`3B9F96801FC78031E073FE2111`;
const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

/** A card that writes down what happens to it and answers an APDU with its own octets and 9000. */
function echoCard() {
	const seen: string[] = [];
	const card: VpcdCard = {
		powerOn: async () => {
			seen.push("on");
			return ATR;
		},
		powerOff: () => {
			seen.push("off");
		},
		reset: async () => {
			seen.push("reset");
			return ATR;
		},
		atr: () => ATR,
		transmit: async (apdu) => {
			seen.push(toHex(apdu));
			return concatBytes(apdu, hex`9000`);
		},
	};
	return { seen, card };
}

/** A listener, closed after the test, and the first connection that reaches it. */
async function rawPeer(onSocket: (socket: net.Socket) => void): Promise<TcpListener> {
	const listener = await listenTcp(HERE, onSocket);
	closers.push(() => listener.close());
	return listener;
}

describe("vpcd frames", () => {
	test("come out whole however TCP splits and joins them", () => {
		const payloads = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 6 });
		fc.assert(
			fc.property(payloads, fc.infiniteStream(fc.integer({ min: 1, max: 400 })), (sent, sizes) => {
				const stream = concatBytes(...sent.map(vpcdFrame));
				const reader = new VpcdFrameReader();
				const received: Uint8Array[] = [];
				for (let offset = 0; offset < stream.length; ) {
					const size = sizes.next().value ?? 1;
					received.push(...reader.push(stream.subarray(offset, offset + size)));
					offset += size;
				}
				expect(received.map(toHex)).toEqual(sent.map(toHex));
				expect(reader.pending).toBe(0);
			}),
		);
	});

	test("a frame over the limit is refused before it is collected", () => {
		expect(() => new VpcdFrameReader(261).push(hex`0106`)).toThrow("announces 262 octets, at most 261");
		expect(() => vpcdFrame(new Uint8Array(65_536))).toThrow("does not fit");
	});
});

describe("vpcd", () => {
	test("the bytes of a session are those that the vpcd daemon exchanges", async () => {
		const received: string[] = [];
		const listener = await rawPeer((socket) => {
			socket.on("data", (chunk) => received.push(toHex(chunk)));
			socket.write(hex`0001 01`); // power on
			socket.write(hex`0001 04 0005 00A4000000`); // ATR and an APDU in one segment
		});
		const { card, seen } = echoCard();
		const kept = keepVpcdCardConnected({ address: listener.address, card, clock: systemClock });
		closers.push(() => kept.stop());
		await expect.poll(() => received.join("")).toBe(`000D${toHex(ATR)}000700A40000009000`);
		expect(seen).toEqual(["on", "00A4000000"]);
	});

	test("reader and card talk in both directions of connecting, calls in order", async () => {
		const { card, seen } = echoCard();
		const listener = await listenForVpcdReaders(HERE, () => card);
		closers.push(() => listener.close());
		const reader = await VpcdReaderSide.connect(listener.address, { clock: systemClock });
		expect(toHex(await reader.powerOn())).toBe(toHex(ATR));
		const answers = await Promise.all(
			[hex`00000001`, hex`00000002`, hex`00000003`].map((apdu) => reader.transmit(apdu)),
		);
		expect(answers.map(toHex)).toEqual(["000000019000", "000000029000", "000000039000"]);
		expect(toHex(await reader.reset())).toBe(toHex(ATR));
		expect(toHex(await reader.atr())).toBe(toHex(ATR));
		await reader.powerOff();
		reader.close();
		await expect(reader.transmit(hex`00000004`)).rejects.toMatchObject({ code: "TRANSPORT_CLOSED" });
		await expect.poll(() => seen.slice(-2)).toEqual(["off", "off"]);
		expect(seen.slice(0, 5)).toEqual(["on", "00000001", "00000002", "00000003", "reset"]);
	});

	test("every frame leaves in one write, so that no acknowledgement delays its payload", async () => {
		const chunks: string[] = [];
		const listener = await rawPeer((socket) => {
			socket.on("data", (chunk) => {
				chunks.push(toHex(chunk));
				if (chunk.length > 3) socket.write(vpcdFrame(hex`9000`));
			});
		});
		const reader = await VpcdReaderSide.connect(listener.address, { clock: systemClock });
		await reader.transmit(hex`00A40400`);
		await reader.transmit(hex`00B20104`);
		expect(chunks).toEqual(["000400A40400", "000400B20104"]);
		reader.close();
	});

	test("a card that goes away in the middle of an APDU makes the call reject", async () => {
		const listener = await rawPeer((socket) => socket.on("data", () => socket.destroy()));
		const reader = await VpcdReaderSide.connect(listener.address, { clock: systemClock });
		const [first, second] = [reader.transmit(hex`00A40400`), reader.transmit(hex`00A40401`)];
		await expect(first).rejects.toMatchObject({ code: expect.stringMatching(/TRANSPORT_(CARD_GONE|RESET)/) });
		await expect(second).rejects.toMatchObject({ code: expect.stringMatching(/TRANSPORT_(CARD_GONE|RESET)/) });
		expect(reader.isOpen).toBe(false);
	});

	test("a card that does not answer in time is given up", async () => {
		const listener = await rawPeer(() => undefined);
		const reader = await VpcdReaderSide.connect(listener.address, { clock: systemClock, timeout: Milliseconds(10) });
		await expect(reader.transmit(hex`00A40400`)).rejects.toMatchObject({ code: "TRANSPORT_TIMEOUT" });
		expect((await reader.closed).code).toBe("TRANSPORT_TIMEOUT");
	});

	test("an unasked frame, an answer without status and a one-octet APDU are refused", async () => {
		const unasked = await rawPeer((socket) => socket.write(hex`0002 9000`));
		const first = await VpcdReaderSide.connect(unasked.address, { clock: systemClock });
		expect((await first.closed).code).toBe("TRANSPORT_FRAME_INVALID");
		const short = await rawPeer((socket) => socket.on("data", () => socket.write(hex`0001 90`)));
		const second = await VpcdReaderSide.connect(short.address, { clock: systemClock });
		await expect(second.transmit(hex`00A40400`)).rejects.toMatchObject({ code: "TRANSPORT_FRAME_INVALID" });
		const third = await VpcdReaderSide.connect((await rawPeer(() => undefined)).address, { clock: systemClock });
		await expect(third.transmit(hex`04`)).rejects.toThrow("would be a control frame");
		third.close();
	});

	test("a card stays on one connection as long as that lasts", async () => {
		const cards: VpcdReaderSide[] = [];
		const listener = await VpcdReaderSide.listen(HERE, { clock: systemClock }, (card) => cards.push(card));
		closers.push(() => listener.close());
		const { card } = echoCard();
		const kept = keepVpcdCardConnected({
			address: listener.address,
			card,
			clock: systemClock,
			retryAfter: Milliseconds(1),
		});
		closers.push(() => kept.stop());
		await expect.poll(() => cards.length).toBe(1);
		for (let i = 0; i < 50; i++) await cards[0]!.transmit(hex`00A40400`);
		expect(cards).toHaveLength(1);
	});

	test("a card that throws is a card that is gone; it connects again", async () => {
		const cards: VpcdReaderSide[] = [];
		const listener = await VpcdReaderSide.listen(HERE, { clock: systemClock }, (card) => cards.push(card));
		closers.push(() => listener.close());
		const { card } = echoCard();
		card.transmit = () => Promise.reject(new Error("memory worn out"));
		const errors: string[] = [];
		const kept = keepVpcdCardConnected({
			address: listener.address,
			card,
			clock: systemClock,
			retryAfter: Milliseconds(1),
			onDisconnected: (error) => errors.push(error.message),
		});
		closers.push(() => kept.stop());
		await expect.poll(() => cards.length).toBe(1);
		await expect(cards[0]!.transmit(hex`00A40400`)).rejects.toMatchObject({ code: "TRANSPORT_CARD_GONE" });
		expect(errors[0]).toContain("memory worn out");
		await expect.poll(() => cards.length).toBe(2);
		expect(toHex(await cards[1]!.powerOn())).toBe(toHex(ATR));
	});
});
