import { Eid } from "@iot-esim/shared/ids/eid";
import type { CoapAnswer } from "@iot-esim/shared/transport/coap/coap-face";
import { TransportError } from "@iot-esim/shared/transport/errors";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { CoapInjector, type CoapInjectorOptions, type DeviceSession } from "./coap-inject.ts";

const EID = Eid.withCheckDigits("890490320000000000000000000001");
const OTHER = Eid.withCheckDigits("890490320000000000000000000002");
const address = { url: "coaps://192.0.2.1", binding: "asn1" } as const;
const MESSAGE = hex`BF4E00`;
const ok = (payload: Uint8Array): CoapAnswer => ({ code: "2.04", payload });

/** An injector whose sessions do as a test says; what has happened to them, by their number. */
function bench(change: Partial<CoapInjectorOptions> = {}) {
	const clock = new FakeClock();
	const seen: string[] = [];
	const ends: (() => void)[] = [];
	const given = {
		/** What stands for place and credentials of a device. */
		idOf: (eid: string) => eid,
		opening: async () => {},
		answer: async (message: Uint8Array, _signal?: AbortSignal) => ok(message),
	};
	let opened = 0;
	const injector = new CoapInjector({
		targetOf: (_, eid) => ({
			id: given.idOf(eid),
			open: async (_signal, onClosed) => {
				const number = ++opened;
				ends[number] = onClosed;
				seen.push(`open ${number}`);
				await given.opening();
				const session: DeviceSession = {
					request: async ({ payload = new Uint8Array(0) }, { signal } = {}) => {
						seen.push(`ask ${number}`);
						return given.answer(payload, signal);
					},
					observe: () => Promise.reject(new Error("none")),
					close: () => seen.push(`close ${number}`),
				};
				return session;
			},
		}),
		timeout: Seconds(60),
		idle: Seconds(30),
		maxSessions: 2,
		clock,
		...change,
	});
	return { clock, seen, ends, given, injector, bring: (eid = EID) => injector.transfer(address, MESSAGE, eid) };
}

/** An answer that never comes. */
const silence = (_message: Uint8Array, signal?: AbortSignal) =>
	new Promise<CoapAnswer>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));

describe("a session with a device", () => {
	it("carries what follows within its time, and no message of another device at the same address", async () => {
		const { seen, bring, clock } = bench();
		expect(toHex(await bring())).toBe(toHex(MESSAGE));
		await bring(OTHER);
		await clock.advance(Seconds(29));
		await bring();
		expect(seen).toEqual(["open 1", "ask 1", "open 2", "ask 2", "ask 1"]);
		await clock.advance(Seconds(30));
		expect(seen.slice(5)).toEqual(["close 2", "close 1"]);
		expect(clock.pending).toBe(0);
	});

	it("ends as soon as the device has another address or other credentials", async () => {
		const { seen, bring, given } = bench();
		await bring();
		given.idOf = () => "another key";
		await bring();
		given.idOf = () => {
			throw new TransportError("TRANSPORT_CLOSED", "no key any more");
		};
		await expect(bring()).rejects.toMatchObject({ code: "INJECT_UNREACHABLE" });
		expect(seen).toEqual(["open 1", "ask 1", "close 1", "open 2", "ask 2", "close 2"]);
	});

	it("is opened once for what is brought at the same time, one after the other", async () => {
		const { seen, bring, given, clock } = bench();
		let release = () => {};
		given.opening = () => new Promise((resolve) => (release = resolve));
		const both = Promise.all([bring(), bring()]);
		await clock.advance(1000);
		release();
		await both;
		expect(seen).toEqual(["open 1", "ask 1", "ask 1"]);
	});

	it("is not cut while a device works on a message, however long it has been idle before", async () => {
		const { seen, bring, given, clock } = bench();
		await bring();
		await clock.advance(Seconds(29));
		let answered = () => {};
		given.answer = (message) => new Promise((resolve) => (answered = () => resolve(ok(message))));
		const slow = bring();
		await clock.advance(Seconds(40));
		answered();
		await slow;
		expect(seen).toEqual(["open 1", "ask 1", "ask 1"]);
	});

	it("in which nobody answers is not used again, nor one that ended while it was opened", async () => {
		const { seen, bring, given, clock, ends } = bench();
		const { answer } = given;
		given.answer = silence;
		await expect(clock.until(bring(), 60_000)).rejects.toMatchObject({ message: expect.stringContaining("no answer") });
		given.answer = answer;
		given.opening = async () => ends.at(-1)?.();
		await bring();
		await bring();
		expect(seen).toEqual(["open 1", "ask 1", "close 1", "open 2", "ask 2", "open 3", "ask 3"]);
	});

	it("makes room for others when it was used longest ago, unless it is at work; stopping closes all", async () => {
		const { seen, bring, given, clock, injector } = bench({ maxSessions: 1 });
		const { answer } = given;
		let answered = () => {};
		given.answer = (message) => new Promise((resolve) => (answered = () => resolve(ok(message))));
		const slow = bring();
		await clock.advance(0);
		given.answer = answer;
		await bring(OTHER);
		answered();
		await slow;
		await bring(Eid.withCheckDigits("890490320000000000000000000003"));
		expect(seen.filter((one) => !one.startsWith("ask"))).toEqual(["open 1", "open 2", "open 3", "close 2", "close 1"]);
		let release = () => {};
		given.opening = () => new Promise((resolve) => (release = resolve));
		const late = bring();
		await clock.advance(0);
		injector.close();
		release();
		await expect(late).rejects.toMatchObject({ code: "INJECT_UNREACHABLE" });
		expect(seen.slice(-3)).toEqual(["open 4", "close 3", "close 4"]);
	});
});
