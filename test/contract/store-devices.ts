import { newDevice } from "@iot-esim/eim/domain/device";
import { describe, expect, it } from "vitest";
import type { OpenStore } from "./store.ts";
import { audit, eidOf, listProfiles, registered, START, signer } from "./store-samples.ts";

export function storeDevicesContract(
	open: OpenStore,
	newDatabase: () => Promise<OpenStore>,
	isDurable: () => boolean,
): void {
	describe("devices", () => {
		it("gives a registered device back as it was given, absent facts absent", async () => {
			const store = await open();
			const device = newDevice({ eid: eidOf(1), at: START, name: "pump", tags: { site: "north", 'k:"': "ü%_" } });
			expect(await store.registerDevice(device, audit)).toBe(true);
			expect(await store.loadDevice(eidOf(1))).toEqual(device);
			expect(await store.registerDevice({ ...device, name: "other" }, audit)).toBe(false);
			expect((await store.loadDevice(eidOf(1)))?.name).toBe("pump");
			expect(await store.loadDevice(eidOf(2))).toBeUndefined();
		});

		it("keeps every octet of certificates and takes facts away again", async () => {
			const store = await open();
			const eid = await registered(store);
			const euiccCertificate = Uint8Array.from({ length: 256 }, (_, i) => i);
			await store.changeDevice(eid, { euiccCertificate, associationToken: 3, lastRplmn: "62F210" });
			const device = await store.loadDevice(eid);
			expect(device?.euiccCertificate).toEqual(euiccCertificate);
			expect(device?.associationToken).toBe(3);
			await store.changeDevice(eid, { associationToken: null, euiccCertificate: null });
			const after = await store.loadDevice(eid);
			expect(after).not.toHaveProperty("associationToken");
			expect(after).not.toHaveProperty("euiccCertificate");
			expect(after?.lastRplmn).toBe("62F210");
			expect(await store.changeDevice(eidOf(9), { name: "nobody" })).toBeUndefined();
		});

		it("refuses to accept unverified results outside a named lab mode", async () => {
			const store = await open();
			const eid = await registered(store);
			expect(await store.changeDevice(eid, { acceptUnverified: true })).toMatchObject({
				code: "DEVICE_LAB_MODE_REQUIRED",
			});
			expect((await store.loadDevice(eid))?.acceptUnverified).toBe(false);
			await store.changeDevice(eid, { labMode: "bench-7", acceptUnverified: true });
			expect(await store.loadDevice(eid)).toMatchObject({ labMode: "bench-7", acceptUnverified: true });
			await store.changeDevice(eid, { labMode: null });
			expect((await store.loadDevice(eid))?.acceptUnverified).toBe(false);
		});

		it("pages through devices in the order of EIDs and finds them by search, tag and lab mode", async () => {
			const store = await open();
			for (let n = 5; n >= 1; n--) {
				const tags: Record<string, string> = n % 2 ? { site: "north", line: "1" } : { site: "south" };
				await store.registerDevice(newDevice({ eid: eidOf(n), at: START, name: `Meter_${n}%`, tags }), audit);
			}
			await store.changeDevice(eidOf(2), { labMode: "bench" });
			const first = await store.listDevices({ limit: 3 });
			expect(first.items.map(({ eid }) => eid)).toEqual([1, 2, 3].map(eidOf));
			const second = await store.listDevices({ limit: 3, cursor: first.next });
			expect(second.items.map(({ eid }) => eid)).toEqual([4, 5].map(eidOf));
			expect(second).not.toHaveProperty("next");
			const found = async (filter: object) =>
				(await store.listDevices({ limit: 10, ...filter })).items.map(({ name }) => name);
			expect(await found({ search: "meter_4%" })).toEqual(["Meter_4%"]);
			expect(await found({ search: "meterx4" })).toEqual([]);
			expect(await found({ search: eidOf(3) })).toEqual(["Meter_3%"]);
			expect(await found({ tags: { site: "north", line: "1" } })).toEqual(["Meter_1%", "Meter_3%", "Meter_5%"]);
			expect(await found({ tags: { site: "south", line: "1" } })).toEqual([]);
			expect(await found({ labMode: true })).toEqual(["Meter_2%"]);
			await expect(async () => store.listDevices({ limit: 3, cursor: "!" })).rejects.toMatchObject({
				code: "STORE_CURSOR_INVALID",
			});
		});

		it("removes a device with all it had, and never gives its counters again when it comes back", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("first", eid), audit);
			await store.takeNextPackage({ eid, at: START }, signer());
			expect(await store.removeDevice(eid, audit)).toBe(true);
			expect(await store.removeDevice(eid, audit)).toBe(false);
			expect(await store.loadOperation("first")).toBeUndefined();
			expect(await store.takeNextPackage({ eid, at: START }, signer())).toEqual({ kind: "unknownDevice" });
			await registered(store);
			expect((await store.loadDevice(eid))?.counter).toBe(1);
		});

		it("shows every change at once, also one made by another instance, and a device that came back as new", async (context) => {
			const database = await newDatabase();
			const one = await database();
			const two = isDurable() ? await database() : one;
			const eid = await registered(one);
			expect((await two.loadDevice(eid))?.name).toBe(eid);
			await one.changeDevice(eid, { name: "first", associationToken: 1 });
			expect(await two.loadDevice(eid)).toMatchObject({ name: "first", associationToken: 1 });
			await two.takeNextPackage({ eid, at: START + 7, rplmn: "62F210", stateChangeCause: 3 }, signer());
			expect(await one.loadDevice(eid)).toMatchObject({
				lastPollAt: START + 7,
				lastRplmn: "62F210",
				lastStateChangeCause: 3,
			});
			await two.changeDevice(eid, { lastStateChangeCause: null, name: "second" });
			expect(await one.loadDevice(eid)).not.toHaveProperty("lastStateChangeCause");
			await one.removeDevice(eid, audit);
			expect(await two.loadDevice(eid)).toBeUndefined();
			await one.registerDevice(newDevice({ eid, at: START, name: "third" }), audit);
			expect((await two.loadDevice(eid))?.name).toBe("third");
			if (!isDurable()) context.annotate("one instance: this store is in memory");
		});

		it("keeps a bounded list of unknown EIDs, the latest first, and forgets one that is registered", async () => {
			const store = await open();
			for (const n of [1, 2, 3, 4, 2]) await store.noteUnknown(eidOf(n), START + n, 3);
			await store.noteUnknown(eidOf(2), START + 9, 3);
			const seen = await store.listSeenUnknown();
			expect(seen.map(({ eid }) => eid)).toEqual([2, 4, 3].map(eidOf));
			expect(seen[0]).toEqual({ eid: eidOf(2), firstSeenAt: START + 2, lastSeenAt: START + 9, times: 3 });
			await registered(store, 4);
			expect((await store.listSeenUnknown()).map(({ eid }) => eid)).toEqual([2, 3].map(eidOf));
		});
	});
}
