import { Eid } from "@iot-esim/shared/ids/eid";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { DeviceRounds } from "./device-rounds.ts";

const eidOf = (number: number) => Eid.withCheckDigits(`8904903200000000${String(number).padStart(14, "0")}`);
const [A, B] = [eidOf(1), eidOf(2)];

function bench(settle: (eid: Eid) => Promise<boolean>, atOnce = 2, comeAtOnce = 0) {
	const clock = new FakeClock();
	const { logger, entries } = memoryLogger();
	const state = { changed: [] as string[], isGone: false, isReady: true };
	const visits: Eid[] = [];
	let tell = () => {};
	const rounds = new DeviceRounds({
		waiting: {
			changed: async () => {
				if (state.isGone) throw new Error("the database is gone");
				return state.changed.splice(0);
			},
			onChange: (listener) => {
				tell = listener;
				return () => {
					tell = () => {};
				};
			},
		},
		settle: (eid) => {
			visits.push(eid);
			return settle(eid);
		},
		isReady: () => state.isReady,
		within: Seconds(30),
		atOnce,
		comeAtOnce,
		clock,
		log: logger("test"),
	});
	const change = async (...eids: string[]) => {
		state.changed.push(...eids);
		tell();
		await clock.advance(0);
	};
	return { clock, rounds, state, visits, entries, change };
}

it("a device that could not be told is told after 5 s, one that was told is left alone", async () => {
	let isBroken = true;
	const { clock, rounds, visits, change } = bench(async (eid) => {
		if (isBroken && eid === A) throw new Error("the database is gone");
		return true;
	});
	rounds.start();
	await change(A, B);
	expect(visits).toEqual([A, B]);
	await clock.advance(Seconds(5));
	isBroken = false;
	await clock.advance(Seconds(60));
	expect(visits).toEqual([A, B, A, A]);
	await rounds.stop();
});

it("changes that cannot be read now are read after 5 s", async () => {
	const { clock, rounds, state, visits, change } = bench(async () => true);
	rounds.start();
	state.isGone = true;
	await change(A);
	expect(visits).toEqual([]);
	state.isGone = false;
	await clock.advance(Seconds(5));
	expect(visits).toEqual([A]);
	await rounds.stop();
});

it("while all fails, 1000 devices cost a few attempts each 5 s, and afterwards each is told once", async () => {
	let isBroken = true;
	const { clock, rounds, visits, change } = bench(async () => {
		if (isBroken) throw new Error("the database is gone");
		return true;
	});
	rounds.start();
	const all = Array.from({ length: 1000 }, (_, number) => eidOf(number));
	await change(...all);
	await clock.advance(Seconds(60));
	expect(visits.length).toBeLessThanOrEqual(13 * 6);
	isBroken = false;
	visits.length = 0;
	await clock.advance(Seconds(5));
	expect([...visits].sort()).toEqual(all);
	await rounds.stop();
});

it("what changes while a device is being told makes one more round for it, however often that is", async () => {
	const open: (() => void)[] = [];
	const { clock, rounds, visits, change } = bench(() => new Promise((resolve) => open.push(() => resolve(true))), 1);
	rounds.start();
	for (let time = 0; time < 50; time++) await change(A, B);
	expect(visits).toEqual([A]);
	for (let time = 0; time < 10; time++) {
		for (const done of open.splice(0)) done();
		await clock.advance(0);
	}
	expect(visits).toEqual([A, B, A]);
	await rounds.stop();
});

it("a device that is never done with holds up the others no longer than its time", async () => {
	const { clock, rounds, visits, change } = bench(
		(eid) => (eid === A ? new Promise(() => undefined) : Promise.resolve(true)),
		1,
	);
	rounds.start();
	await change(A, B);
	await clock.advance(Seconds(29));
	expect(visits).toEqual([A]);
	await clock.advance(Seconds(1));
	expect(visits.slice(0, 2)).toEqual([A, B]);
});

it("devices that come are looked at besides the others, so many at once and once each, and again before them", async () => {
	const [first, second, third] = [eidOf(11), eidOf(12), eidOf(13)];
	const open = new Map<Eid, (isTold: boolean) => void>();
	const { clock, rounds, visits, change } = bench((eid) => new Promise((resolve) => open.set(eid, resolve)), 1, 2);
	rounds.start();
	await change(A, B, third);
	for (const eid of [first, second, third, A]) rounds.come(eid);
	expect(visits).toEqual([A, first, second]);
	open.get(first)?.(false);
	open.get(second)?.(true);
	await clock.advance(Seconds(4));
	expect(visits).toEqual([A, first, second, third]);
	await clock.advance(Seconds(1));
	expect(visits).toEqual([A, first, second, third, first]);
	open.get(A)?.(true);
	await clock.advance(0);
	expect(visits).toEqual([A, first, second, third, first, B]);
	open.get(third)?.(true);
	await clock.advance(0);
	expect(visits).toEqual([A, first, second, third, first, B, A]);
});

it("an EID that is none is skipped, and said so", async () => {
	const { rounds, visits, change, entries } = bench(async () => true);
	rounds.start();
	await change("89049032000000000000000000000100", B);
	expect(visits).toEqual([B]);
	expect(entries).toMatchObject([{ level: "warn", facts: { eid: "89049032000000000000000000000100" } }]);
	await rounds.stop();
});

it("looks at nothing while nobody can be told, nor after its end, and goes on when it is started again", async () => {
	const { clock, rounds, state, visits, change } = bench(async () => true);
	rounds.start();
	state.isReady = false;
	await change(A);
	expect(visits).toEqual([]);
	await rounds.stop();
	state.isReady = true;
	expect(clock.pending).toBe(0);
	rounds.look();
	expect(visits).toEqual([]);
	rounds.start();
	await clock.advance(0);
	expect(visits).toEqual([A]);
	await rounds.stop();
});
