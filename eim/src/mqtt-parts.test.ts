import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, expect, it } from "vitest";
import { audit, eidOf, listProfiles, registered, signer } from "../../test/contract/store-samples.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { waitingDevices } from "./mqtt-parts.ts";
import { openStore } from "./storage/open-store.ts";

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
