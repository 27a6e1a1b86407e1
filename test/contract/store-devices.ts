import { newDevice } from "@iot-esim/eim/domain/device";
import type { Operation } from "@iot-esim/eim/domain/operation";
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
			await store.changeDevice(eidOf(4), { lastLink: "lwm2m" });
			expect(await found({ link: "lwm2m" })).toEqual(["Meter_4%"]);
			expect(await found({ link: "coap" })).toEqual([]);
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
			await two.takeNextPackage({ eid, at: START + 7, rplmn: "62F210", stateChangeCause: 3, link: "mqtt" }, signer());
			expect(await one.loadDevice(eid)).toMatchObject({
				lastPollAt: START + 7,
				lastRplmn: "62F210",
				lastStateChangeCause: 3,
				lastLink: "mqtt",
				lastLinkAt: START + 7,
			});
			await two.changeDevice(eid, { lastStateChangeCause: null, name: "second" });
			expect(await one.loadDevice(eid)).not.toHaveProperty("lastStateChangeCause");
			await one.removeDevice(eid, audit);
			expect(await two.loadDevice(eid)).toBeUndefined();
			await one.registerDevice(newDevice({ eid, at: START, name: "third" }), audit);
			expect((await two.loadDevice(eid))?.name).toBe("third");
			if (!isDurable()) context.annotate("one instance: this store is in memory");
		});

		it("keeps what belongs to the association with a card, and gives a released device nothing", async () => {
			const store = await open();
			const eid = await registered(store);
			const association = {
				signingKeyId: "0011223344556677",
				tlsTrustId: "8899AABBCCDDEEFF",
				cardEims: [{ eimId: "a", idType: "oid" as const }, { eimId: "b" }],
				immediateEnable: { isAllowed: true, smdpOid: "2.999.1" },
			};
			await store.changeDevice(eid, { ...association, associationToken: 4, counter: 9 });
			expect(await store.loadDevice(eid)).toMatchObject(association);
			await store.enqueueOperation(listProfiles("a", eid), audit);
			await store.changeDevice(eid, { releasedAt: START + 3 });
			expect((await store.takeNextPackage({ eid, at: START + 4 }, signer())).kind).toBe("nothing");
			expect(await store.loadOperation("a")).toMatchObject({ state: "failed", reason: { code: "DEVICE_RELEASED" } });
			// The card counts anew under another token only, also for a device that was removed meanwhile.
			await store.removeDevice(eid, audit);
			const again = newDevice({ eid, at: START, counter: 1, associationToken: 4 });
			await store.registerDevice(again, audit);
			expect((await store.loadDevice(eid))?.counter).toBe(9);
			await store.removeDevice(eid, audit);
			await store.registerDevice({ ...again, associationToken: 5 }, audit);
			expect((await store.loadDevice(eid))?.counter).toBe(1);
		});

		it("tells how many devices know which keys of the eIM, and which are behind", async () => {
			const store = await open();
			const [one, two, three] = [await registered(store, 1), await registered(store, 2), await registered(store, 3)];
			await store.noteEimKeys({ signingKeyId: "OLD", tlsTrustId: "T" });
			await store.changeDevice(one, { signingKeyId: "NEW" });
			await store.changeDevice(three, { releasedAt: START });
			await store.noteEimKeys({ signingKeyId: "OTHER", tlsTrustId: undefined });
			const byKey = (a: { signingKeyId?: string }, b: { signingKeyId?: string }) =>
				String(a.signingKeyId).localeCompare(String(b.signingKeyId));
			expect([...(await store.countEimKeys())].sort(byKey)).toEqual([
				{ signingKeyId: "NEW", tlsTrustId: "T", devices: 1, updating: 0 },
				{ signingKeyId: "OLD", tlsTrustId: "T", devices: 1, updating: 0 },
			]);
			const behind = async () =>
				(await store.listOutdatedDevices({ signingKeyId: "NEW", tlsTrustId: "T" }, 10)).map(({ eid }) => eid);
			expect(await behind()).toEqual([two]);
			await store.enqueueOperation(
				{ ...listProfiles("u", two), type: "updateEim", parameters: {} } as Operation,
				audit,
			);
			expect(await behind()).toEqual([]);
			expect([...(await store.countEimKeys())].sort(byKey)[1]).toMatchObject({ updating: 1 });
			expect(await store.listOutdatedDevices({ signingKeyId: "NEW", tlsTrustId: "U" }, 10)).toHaveLength(1);
		});

		it("tells a state change that is reported again and again once in a while", async () => {
			const store = await open();
			const eid = await registered(store);
			const poll = (at: number, stateChangeCause: number) =>
				store.takeNextPackage({ eid, at: START + at, stateChangeCause }, signer());
			const told = async () => {
				const events = await store.listEvents({ after: 0, limit: 100, types: ["stateChangeReported"] });
				return events.map(({ facts }) => facts.stateChangeCause);
			};
			for (let at = 0; at < 50; at++) await poll(at, 3);
			for (let at = 50; at < 100; at++) await poll(at, at % 8);
			expect(await told()).toEqual([3]);
			await poll(61_000, 4);
			await poll(61_001, 4);
			await poll(61_000 + 3_600_000, 4);
			expect(await told()).toEqual([3, 4, 4]);
			expect((await store.loadDevice(eid))?.lastStateChangeCause).toBe(4);
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
