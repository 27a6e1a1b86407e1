import { readConfig } from "@iot-esim/shared/runtime/config";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, expect, it } from "vitest";
import { audit, eidOf, listProfiles, registered, signer } from "../../test/contract/store-samples.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { eimConfig } from "./config.ts";
import type { Event } from "./domain/event.ts";
import { mqttFaceOf, waitingDevices } from "./mqtt-parts.ts";
import { openStore } from "./storage/open-store.ts";
import type { EventStore, OperationStore } from "./storage/store.ts";

const eid = eidOf(1);
const store = await openStore({ file: ":memory:" });
afterEach(() => store.close());

it("what is held does not wait for its device, and whoever asked is told at the end of the pause", async () => {
	const clock = new FakeClock();
	const order = async (id: string) => {
		const [at, expiresAt] = [clock.now(), clock.now() + Minutes(600)];
		await store.enqueueOperation({ ...listProfiles(id, eid), createdAt: at, updatedAt: at, expiresAt }, audit);
	};
	await registered(store);
	await order("op_1");
	await store.takeNextPackage({ eid, at: clock.now() }, signer());
	const devices = waitingDevices(store, clock);
	expect([await devices.changed(), await devices.isWaiting(eid)]).toEqual([[eid], true]);
	let told = 0;
	const stop = devices.onChange(() => told++);
	const drop = { kind: "packageDropped", at: clock.now(), reason: { text: "later" } } as const;
	await store.moveOperation("op_1", { ...drop, heldUntil: clock.now() + Minutes(15) });
	expect([await devices.changed(), await devices.isWaiting(eid)]).toEqual([[eid], false]);
	told = 0;
	await clock.advance(Minutes(15) - 1);
	expect([told, await devices.changed(), await devices.isWaiting(eid)]).toEqual([0, [], false]);
	await clock.advance(1);
	expect(told).toBe(1);
	expect([await devices.changed(), await devices.isWaiting(eid)]).toEqual([[eid], true]);
	await clock.advance(Minutes(5));
	expect([told, await devices.changed(), clock.pending]).toEqual([1, [], 0]);
	await store.takeNextPackage({ eid, at: clock.now() }, signer());
	await store.moveOperation("op_1", { ...drop, heldUntil: clock.now() + Minutes(15) });
	expect(await devices.isWaiting(eid)).toBe(false);
	await order("op_2");
	expect(await devices.isWaiting(eid)).toBe(true);
	stop();
	expect(clock.pending).toBe(0);
});

it("a file that a setting names and that is not there is said with the setting, the file and the cause", () => {
	const flags = ["--mqtt-url", "mqtts://broker.example.com", "--mqtt-ca-file", "/none/ca.pem"];
	const unused = { handler: {} as never, logger: {} as never, clock: new FakeClock(), random: systemRandom };
	const made = () => mqttFaceOf(readConfig(eimConfig, { flags }), { ...unused, store, ownCa: new Uint8Array(0) });
	expect(made).toThrow("mqtt.caFile /none/ca.pem cannot be read: there is no such file or folder");
});

/** A database that fails when the test says so, with events of as many devices. */
function flakyStore(events: number) {
	const state = { events, failing: "" };
	const answer = async <T>(what: string, value: () => T): Promise<T> => {
		if (state.failing === what) throw new Error("the database is gone");
		return value();
	};
	const store = {
		lastEventId: () => answer("lastEventId", () => 0),
		listOperations: () => answer("listOperations", () => ({ items: [{ eid: eidOf(9999) }], next: undefined })),
		listEvents: ({ after = 0, limit }: { after?: number; limit: number }) =>
			answer(`listEvents after ${after}`, () =>
				Array.from({ length: Math.min(limit, state.events - after) }, (_, i) => {
					const id = after + i + 1;
					return { id, eid: eidOf(id) } as Event;
				}),
			),
		onEvents: () => () => undefined,
	} as unknown as EventStore & OperationStore;
	return { state, store };
}

it("no device is lost when the database fails while those are listed for which something waits", async () => {
	const { state, store } = flakyStore(0);
	const devices = waitingDevices(store, new FakeClock());
	for (const failing of ["lastEventId", "listOperations"]) {
		state.failing = failing;
		await expect(devices.changed()).rejects.toThrow("the database is gone");
	}
	state.failing = "";
	expect(await devices.changed()).toEqual([eidOf(9999)]);
	expect(await devices.changed()).toEqual([]);
});

it("a backlog of events is read to its end, also when the database fails in the midst of it", async () => {
	const { state, store } = flakyStore(0);
	const devices = waitingDevices(store, new FakeClock());
	await devices.changed();
	state.events = 1200;
	state.failing = "listEvents after 1000";
	await expect(devices.changed()).rejects.toThrow("the database is gone");
	state.failing = "";
	const changed = await devices.changed();
	expect([changed.length, new Set(changed).size, changed[0], changed.at(-1)]).toEqual([
		1200,
		1200,
		eidOf(1),
		eidOf(1200),
	]);
	expect(await devices.changed()).toEqual([]);
});
