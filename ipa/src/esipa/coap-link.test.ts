import { sleep } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import type { CoapAnswer } from "@iot-esim/shared/transport/coap/coap-face";
import { TransportError } from "@iot-esim/shared/transport/errors";
import { DtlsError } from "@iot-esim/shared/transport/native/dtls/errors";
import { fromHex, hex, utf8 } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { type CoapSession, coapLink } from "./coap-link.ts";
import type { CoapPresenceOptions } from "./coap-presence.ts";

const MESSAGE = hex`BF4F03020101`;

/** Sessions that do what the test says; how many were opened and closed. */
function bench(
	answer: (session: number, signal: AbortSignal) => Promise<CoapAnswer>,
	options: {
		idle?: ReturnType<typeof Seconds>;
		opens?: () => Promise<void>;
		presence?: CoapPresenceOptions;
		/** How many are answered. */
		pings?: number;
		first?: Uint8Array;
	} = {},
) {
	const clock = new FakeClock();
	const counts = { opened: 0, closed: 0, abandoned: 0, asked: 0, pinged: 0 };
	const sessions: { lastHeard: number; end(): void }[] = [];
	const hints: { tell: (payload: Uint8Array) => void }[] = [];
	const link = coapLink({
		name: "coaps://eim.example.com:5684",
		path: ["e"],
		timeout: Seconds(30),
		clock,
		...(options.idle === undefined ? {} : { idle: options.idle }),
		...(options.presence === undefined ? {} : { presence: options.presence }),
		open: async () => {
			await options.opens?.();
			const number = ++counts.opened;
			const ended = new AbortController();
			const session = { lastHeard: clock.now(), end: () => ended.abort(new Error("ended")) };
			sessions.push(session);
			const one: CoapSession = {
				get lastHeard() {
					return session.lastHeard;
				},
				request: (_request, { signal = new AbortController().signal } = {}) => {
					counts.asked++;
					return new Promise((resolve, reject) => {
						signal.addEventListener("abort", () => reject(signal.reason), { once: true });
						answer(number, signal).then(resolve, reject);
					});
				},
				ended: ended.signal,
				ping: async () => {
					counts.pinged++;
					if (counts.pinged > (options.pings ?? Infinity)) throw new TransportError("TRANSPORT_TIMEOUT", "no pong");
					session.lastHeard = clock.now();
				},
				observe: async (_request, tell) => {
					hints.push({ tell: (payload) => tell({ code: "2.05", payload }) });
					return { code: "2.05", payload: options.first ?? new Uint8Array(0) };
				},
				close: () => {
					counts.closed++;
					ended.abort(new Error("closed"));
				},
				abandon: () => {
					counts.abandoned++;
					ended.abort(new Error("abandoned"));
				},
			};
			return one;
		},
	});
	return { clock, counts, sessions, hints, link };
}

const OK: CoapAnswer = { code: "2.04", payload: MESSAGE };
const never = () => new Promise<never>(() => undefined);

describe("the link over CoAP", () => {
	it("keeps its session for the next exchange, until it was idle for long enough", async () => {
		const { link, counts, clock } = bench(async () => OK, { idle: Seconds(120) });
		expect(await link.exchange(MESSAGE)).toEqual(MESSAGE);
		await clock.advance(Seconds(100));
		await link.exchange(MESSAGE);
		expect(counts).toMatchObject({ opened: 1, closed: 0, asked: 2 });
		await clock.advance(Seconds(121));
		expect(counts.closed).toBe(1);
		await link.exchange(MESSAGE);
		expect(counts.opened).toBe(2);
		await link.close();
		expect([counts.closed, clock.pending]).toEqual([2, 0]);
	});

	it("takes any 2.xx, and makes a status of what else the eIM says", async () => {
		let code = "2.05";
		const { link, counts } = bench(async () => ({ code, payload: utf8("why") }));
		expect(await link.exchange(MESSAGE)).toEqual(utf8("why"));
		for (const [said, status] of [
			["4.00", 400],
			["4.29", 429],
			["5.03", 503],
		] as const) {
			code = said;
			await expect(link.exchange(MESSAGE)).rejects.toMatchObject({
				code: "IPA_EIM_STATUS",
				context: { status },
				message: expect.stringContaining("why"),
			});
		}
		expect(counts.opened).toBe(1);
	});

	it("takes a session of earlier for lost when nothing is heard in it for 15 s, and asks again in a new one", async () => {
		const { link, counts, clock } = bench((session) =>
			session === 1 && counts.asked > 1 ? never() : Promise.resolve(OK),
		);
		await link.exchange(MESSAGE);
		await clock.advance(Minutes(1));
		const start = clock.now();
		const answer = link.exchange(MESSAGE);
		expect(await clock.until(answer)).toEqual(MESSAGE);
		expect(clock.now() - start).toBe(15_000);
		expect(counts).toMatchObject({ opened: 2, closed: 1, asked: 3 });
	});

	it.each(["BF3B", "BF3A", "BF39", "BF41"])(
		"does not send %s a second time when its session is lost: the SM-DP+ takes it once",
		async (tag) => {
			const { link, counts, clock } = bench((session) =>
				session === 1 && counts.asked > 1 ? never() : Promise.resolve(OK),
			);
			await link.exchange(MESSAGE);
			await clock.advance(Seconds(1));
			const failed = expect(link.exchange(fromHex(`${tag}03020101`))).rejects.toMatchObject({
				code: "IPA_EIM_UNREACHABLE",
				context: { transportCode: "TRANSPORT_TIMEOUT" },
			});
			await clock.advance(Seconds(16));
			await failed;
			expect(counts).toMatchObject({ opened: 1, closed: 1, asked: 2 });
			expect(await link.exchange(MESSAGE)).toEqual(MESSAGE);
			expect(counts.opened).toBe(2);
		},
	);

	it("says that nothing was sent when no session could be opened, and only then", async () => {
		const { link, clock } = bench(() => Promise.reject(new TransportError("TRANSPORT_RESET", "rejected")));
		await expect(clock.until(link.exchange(fromHex("BF3B03020101")))).rejects.toMatchObject({
			code: "IPA_EIM_UNREACHABLE",
			context: { nothingSent: false },
		});
		const { link: other, clock: otherClock } = bench(never, {
			opens: () => Promise.reject(new DtlsError("DTLS_TIMEOUT", "no handshake")),
		});
		await expect(otherClock.until(other.exchange(fromHex("BF3B03020101")))).rejects.toMatchObject({
			code: "IPA_EIM_UNREACHABLE",
			context: { transportCode: "DTLS_TIMEOUT", nothingSent: true },
		});
	});

	it("leaves it to the handshake to say that its time is over, and ends what takes longer", async () => {
		for (const [takes, code] of [
			[30_000, "DTLS_TIMEOUT"],
			[100_000, "TRANSPORT_TIMEOUT"],
		] as const) {
			const clock = new FakeClock();
			const link = coapLink({
				name: "coaps://eim.example.com:5684",
				path: ["e"],
				timeout: Seconds(30),
				clock,
				open: async (signal) => {
					await sleep(clock, Milliseconds(takes), signal);
					throw new DtlsError("DTLS_TIMEOUT", "no handshake");
				},
			});
			const failed = expect(link.exchange(MESSAGE)).rejects.toMatchObject({
				code: "IPA_EIM_UNREACHABLE",
				context: { transportCode: code, nothingSent: true },
			});
			await clock.advance(Seconds(32));
			await failed;
		}
	});

	it("gives a session of earlier as long as it took to open, since on a slow link 15 s are no silence", async () => {
		const { clock, counts, link } = bench(() => (counts.asked === 1 ? Promise.resolve(OK) : never()), {
			opens: () => (counts.opened === 0 ? sleep(clock, Seconds(25)) : Promise.resolve()),
		});
		await clock.until(link.exchange(MESSAGE));
		await clock.advance(Minutes(1));
		const start = clock.now();
		void link.exchange(MESSAGE).catch(() => undefined);
		await clock.advance(Seconds(24));
		expect(counts.opened).toBe(1);
		await clock.advance(Seconds(2));
		expect(counts.opened).toBe(2);
		expect(clock.now() - start).toBe(Seconds(26));
		await link.close();
	});

	it("waits for an eIM that was heard, however long it takes", async () => {
		let finish = (_answer: CoapAnswer) => {};
		const { link, counts, clock, sessions } = bench(() =>
			counts.asked > 1 ? new Promise((resolve) => (finish = resolve)) : Promise.resolve(OK),
		);
		await link.exchange(MESSAGE);
		await clock.advance(Minutes(1));
		const answer = link.exchange(MESSAGE);
		await clock.advance(Seconds(3));
		(sessions[0] as { lastHeard: number }).lastHeard = clock.now();
		await clock.advance(Minutes(2));
		finish(OK);
		expect(await answer).toEqual(MESSAGE);
		expect(counts.opened).toBe(1);
	});

	it("tries a new session when the old one fails, not when the new one does", async () => {
		const lost = new TransportError("TRANSPORT_TIMEOUT", "nothing came back");
		let isBroken = false;
		const { link, counts, sessions } = bench(() => (isBroken ? Promise.reject(lost) : Promise.resolve(OK)));
		await link.exchange(MESSAGE);
		isBroken = true;
		await expect(link.exchange(MESSAGE)).rejects.toMatchObject({
			code: "IPA_EIM_UNREACHABLE",
			context: { transportCode: "TRANSPORT_TIMEOUT" },
		});
		expect(counts).toMatchObject({ opened: 2, closed: 2, asked: 3 });
		isBroken = false;
		await link.exchange(MESSAGE);
		sessions.at(-1)?.end();
		await link.exchange(MESSAGE);
		expect(counts.opened).toBe(4);
	});

	it("leaves its session without a word when the device has another address, but lets an exchange under way end", async () => {
		let finish = (_answer: CoapAnswer) => {};
		const { link, counts } = bench(() =>
			counts.asked === 2 ? new Promise((resolve) => (finish = resolve)) : Promise.resolve(OK),
		);
		await link.exchange(MESSAGE);
		link.renew?.();
		expect(counts).toMatchObject({ opened: 1, closed: 0, abandoned: 1 });
		const second = link.exchange(MESSAGE);
		for (let turn = 0; counts.asked < 2 && turn < 1000; turn++) await Promise.resolve();
		link.renew?.();
		expect(counts.abandoned).toBe(1);
		finish(OK);
		expect(await second).toEqual(MESSAGE);
		expect(counts.abandoned).toBe(2);
		await link.exchange(MESSAGE);
		await link.close();
		expect(counts).toMatchObject({ opened: 3, closed: 1, abandoned: 2 });
	});

	it("gives up a session that does not come about, and one that comes after the end is closed", async () => {
		let opened = () => {};
		const { link, counts, clock } = bench(async () => OK, {
			opens: () => new Promise((resolve) => (opened = resolve)),
		});
		const given = link.exchange(MESSAGE).catch((error) => error);
		await link.close();
		opened();
		await clock.advance(Seconds(1));
		await given;
		expect(counts).toMatchObject({ opened: 1, closed: 1 });
		expect(clock.pending).toBe(0);
	});
});

describe("a device that stays reachable", () => {
	function present(options: Omit<NonNullable<Parameters<typeof bench>[1]>, "presence"> = {}) {
		let polls = 0;
		const presence: CoapPresenceOptions = {
			eid: "89049032123451234512345678901235",
			onHint: () => {
				polls++;
			},
			keepalive: Minutes(2),
			log: memoryLogger().logger("test"),
		};
		return { ...bench(async () => OK, { ...options, presence, idle: Seconds(10) }), polls: () => polls };
	}

	it("opens a session by itself, polls when something waits there, and keeps it by pings", async () => {
		const { clock, counts, hints, polls, link } = present({ first: Uint8Array.of(1) });
		await clock.advance(Seconds(1));
		expect([counts.opened, polls()]).toEqual([1, 1]);
		hints[0]?.tell(new Uint8Array(0));
		expect(polls()).toBe(1);
		hints[0]?.tell(Uint8Array.of(1));
		expect(polls()).toBe(2);
		await link.exchange(MESSAGE);
		await clock.advance(Minutes(11));
		expect(counts).toMatchObject({ opened: 1, closed: 0, pinged: 5 });
		await link.close();
		await clock.advance(Seconds(1));
		expect([counts.closed, clock.pending]).toEqual([1, 0]);
	});

	it("comes back after a session that ended, or in which a ping is not answered", async () => {
		const { clock, counts, sessions, hints, link } = present({ pings: 1 });
		await clock.advance(Seconds(1));
		sessions[0]?.end();
		await clock.advance(Seconds(6));
		expect([counts.opened, hints.length]).toEqual([2, 2]);
		await clock.advance(Minutes(4) + Seconds(11));
		expect(counts).toMatchObject({ opened: 3, closed: 1, pinged: 2 });
		await link.close();
		await clock.advance(Seconds(1));
		expect(clock.pending).toBe(0);
	});
});
