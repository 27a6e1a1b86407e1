import { Eid } from "@iot-esim/shared/ids/eid";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import type { CoapReply } from "@iot-esim/shared/transport/coap/coap-face";
import { Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { CoapHints, observingEid } from "./coap-hints.ts";

const EID = Eid("89049032123451234512345678901235");

function bench() {
	const clock = new FakeClock();
	const waiting = new Set<string>();
	const state = { isGone: false };
	let changed: string[] = [];
	let listener: (() => void) | undefined;
	const hints = new CoapHints({
		clock,
		log: memoryLogger().logger("test"),
		waiting: {
			changed: async () => changed.splice(0),
			isWaiting: async (eid) => {
				if (state.isGone) throw new Error("the database is gone");
				return waiting.has(eid);
			},
			onChange: (given) => {
				listener = given;
				return () => {
					listener = undefined;
				};
			},
		},
	});
	const change = async (isWaiting: boolean, isTold = true) => {
		if (isWaiting) waiting.add(EID);
		else waiting.delete(EID);
		changed = [EID];
		if (isTold) listener?.();
		await clock.advance(100);
	};
	const observe = (reply: CoapReply) => {
		const told: number[] = [];
		const stop = reply.observe?.(({ payload }) => told.push(payload?.length ?? 0)) ?? (() => undefined);
		return { told, stop };
	};
	return { clock, hints, state, change, observe, isListening: () => listener !== undefined };
}

it("tells every observer of a device once when something begins or ceases to wait, also what another replica did", async () => {
	const { clock, hints, change, observe } = bench();
	const first = observe(await hints.state(EID));
	const second = observe(await hints.state(EID));
	await change(true);
	await change(true);
	expect([first.told, second.told]).toEqual([[1], [1]]);
	second.stop();
	await change(false, false);
	expect(first.told).toEqual([1]);
	await clock.advance(Seconds(5));
	expect([first.told, second.told]).toEqual([[1, 0], [1]]);
	expect(await hints.state(EID)).toMatchObject({ code: "2.05" });
});

it("tells an observer later what the database does not say now", async () => {
	const { clock, hints, state, change, observe } = bench();
	const { told, stop } = observe(await hints.state(EID));
	state.isGone = true;
	await change(true);
	expect(told).toEqual([]);
	state.isGone = false;
	await clock.advance(Seconds(5));
	expect(told).toEqual([1]);
	stop();
	expect(clock.pending).toBe(0);
});

it("tells an observer later who could not be told now, and another one at once", async () => {
	const { clock, hints, change, observe } = bench();
	const told: number[] = [];
	let isBroken = true;
	const stop = (await hints.state(EID)).observe?.(({ payload }) => {
		if (isBroken) throw new Error("the session has just ended");
		told.push(payload?.length ?? 0);
	});
	const other = observe(await hints.state(EID));
	await change(true);
	expect(other.told).toEqual([1]);
	isBroken = false;
	await clock.advance(Seconds(5));
	expect([told, other.told]).toEqual([[1], [1]]);
	stop?.();
	other.stop();
});

it("misses nothing between the answer and the observation, and looks at nothing while nobody observes", async () => {
	const { clock, hints, change, observe, isListening } = bench();
	const reply = await hints.state(EID);
	await change(true);
	const { told, stop } = observe(reply);
	await clock.advance(100);
	expect(told).toEqual([1]);
	expect(isListening()).toBe(true);
	stop();
	expect([isListening(), clock.pending]).toEqual([false, 0]);
	await hints.stop();
});

it("knows a device by its key, or else by the query", () => {
	const other = "89049032123451234512345678901236";
	expect(observingEid([EID], undefined)).toBe(EID);
	expect(observingEid([], EID)).toBe(EID);
	expect(observingEid([EID], EID)).toBe(EID);
	expect(observingEid([EID], Eid("89001012012341234012345678901224"))).toBeUndefined();
	expect(observingEid([], undefined)).toBeUndefined();
	expect(observingEid([other], undefined)).toBeUndefined();
});
