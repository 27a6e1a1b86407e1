import type { BuildPackage, Store } from "@iot-esim/eim/storage/store";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import type { OpenStore } from "./store.ts";
import { audit, DAY, eidOf, listProfiles, readEuiccData, registered, result, START, signer } from "./store-samples.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Signs by a promise, as a key in an HSM does. */
function remote(build: BuildPackage): BuildPackage {
	return async (draft) => {
		await new Promise((resolve) => setImmediate(resolve));
		return build(draft);
	};
}

export function storePackagesContract(
	open: OpenStore,
	newDatabase: () => Promise<OpenStore>,
	isDurable: () => boolean,
): void {
	describe("packages", () => {
		it("has nothing for a device without operations and nothing to do with an unknown one", async () => {
			const store = await open();
			const eid = await registered(store);
			const poll = { eid, at: START + 1, rplmn: "62F210", link: "coap" } as const;
			const taken = await store.takeNextPackage(poll, signer());
			const seen = { lastPollAt: START + 1, lastRplmn: "62F210", lastLink: "coap", lastLinkAt: START + 1 };
			expect(taken).toMatchObject({ kind: "nothing", device: seen });
			expect(await store.loadDevice(eid)).toMatchObject(seen);
			expect(await store.takeNextPackage({ eid: eidOf(9), at: START }, signer())).toEqual({ kind: "unknownDevice" });
		});

		it("gives the same package byte for byte until a verified result, burning one counter", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid), audit);
			const build = signer();
			const first = await store.takeNextPackage({ eid, at: START + 1 }, build);
			const second = await store.takeNextPackage({ eid, at: START + 2 }, build);
			if (first.kind !== "package" || second.kind !== "package") throw new Error("no package");
			expect([first.repeated, second.repeated]).toEqual([false, true]);
			expect(second.package).toEqual(first.package);
			expect(first.package).toMatchObject({ counter: 1, firstSentAt: START + 1 });
			expect(build.calls).toBe(1);
			expect((await store.loadDevice(eid))?.counter).toBe(1);
			expect(await store.loadOperation("a")).toMatchObject({ state: "sent", sentAt: START + 1 });
		});

		for (const [how, wrap] of [
			["at once", (build: BuildPackage) => build],
			["by a promise", remote],
		] as const) {
			it(`gives many polls at once one package when the signature comes ${how}`, async () => {
				const store = await open();
				const eid = await registered(store);
				await store.enqueueOperation(listProfiles("a", eid), audit);
				await store.enqueueOperation(listProfiles("b", eid), audit);
				const build = wrap(signer());
				const taken = await Promise.all(
					Array.from({ length: 12 }, () => store.takeNextPackage({ eid, at: START + 1 }, build)),
				);
				const bytes = new Set(taken.map((one) => (one.kind === "package" ? text(one.package.bytes) : one.kind)));
				expect([...bytes]).toEqual([expect.stringContaining("package of a with counter 1,")]);
				expect((await store.loadDevice(eid))?.counter).toBe(1);
				expect(await store.listPackages("a")).toHaveLength(1);
			});
		}

		it("serves many devices at once, each with its own counter", async () => {
			const store = await open();
			for (let n = 1; n <= 20; n++) {
				const eid = await registered(store, n);
				await store.enqueueOperation(listProfiles(`of ${n}`, eid), audit);
			}
			const build = signer();
			const taken = await Promise.all(
				Array.from({ length: 20 }, (_, i) => store.takeNextPackage({ eid: eidOf(i + 1), at: START }, build)),
			);
			for (const [i, one] of taken.entries()) {
				expect(one).toMatchObject({ package: { operationId: `of ${i + 1}`, counter: 1, eid: eidOf(i + 1) } });
			}
		});

		it("stores nothing and burns nothing when the builder throws, and others of the same commit go on", async () => {
			const store = await open();
			const [eid, other] = [await registered(store, 1), await registered(store, 2)];
			await store.enqueueOperation(listProfiles("a", eid), audit);
			await store.enqueueOperation(listProfiles("b", other), audit);
			const broken: BuildPackage = () => {
				throw new Error("the key is gone");
			};
			const [failed, fine] = await Promise.allSettled([
				store.takeNextPackage({ eid, at: START }, broken),
				store.takeNextPackage({ eid: other, at: START }, signer()),
			]);
			expect(failed).toMatchObject({ status: "rejected", reason: { message: "the key is gone" } });
			expect(fine).toMatchObject({ status: "fulfilled", value: { kind: "package", package: { counter: 1 } } });
			expect((await store.loadDevice(eid))?.counter).toBe(0);
			expect((await store.loadOperation("a"))?.state).toBe("queued");
		});

		it("fails an operation of which no package can be made and goes on to the next", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid), audit);
			await store.enqueueOperation(listProfiles("b", eid), audit);
			const build = signer();
			const taken = await store.takeNextPackage({ eid, at: START }, (draft) =>
				draft.operation.id === "a" ? { kind: "unbuildable", text: "no such profile", code: "x(1)" } : build(draft),
			);
			expect(taken).toMatchObject({ kind: "package", package: { operationId: "b", counter: 1 } });
			expect(await store.loadOperation("a")).toMatchObject({
				state: "failed",
				reason: { text: "no such profile", code: "x(1)" },
			});
		});

		it("never gives an expired package again", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid, { expiresAt: START + 50 }), audit);
			const build = signer();
			await store.takeNextPackage({ eid, at: START + 49 }, build);
			expect((await store.takeNextPackage({ eid, at: START + 50 }, build)).kind).toBe("nothing");
			expect((await store.loadOperation("a"))?.state).toBe("expired");
			await store.enqueueOperation(listProfiles("b", eid), audit);
			const next = await store.takeNextPackage({ eid, at: START + 60 }, build);
			expect(next).toMatchObject({ package: { operationId: "b", counter: 2 } });
		});

		it("makes a new package with a new counter after one was dropped", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid), audit);
			const build = signer();
			await store.takeNextPackage({ eid, at: START }, build);
			await store.moveOperation("a", { kind: "packageDropped", at: START + 1, reason: { text: "replayed" } });
			await store.changeDevice(eid, { counter: 40 });
			const taken = await store.takeNextPackage({ eid, at: START + 2 }, build);
			expect(taken).toMatchObject({ repeated: false, package: { counter: 41, operationId: "a" } });
			expect((await store.listPackages("a")).map(({ counter }) => counter)).toEqual([1, 41]);
		});

		it("asks for the eIM's own data first, even while another result awaits verification", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid), audit);
			await store.enqueueOperation(listProfiles("b", eid), audit);
			await store.takeNextPackage({ eid, at: START }, signer());
			await store.recordResult({
				result: result(eid, "a", { verification: "kept" }),
				operationEvent: { kind: "resultKept", at: START + 1, reason: { text: "no certificate yet" } },
				enqueue: [readEuiccData("c", eid)],
			});
			const unsigned: BuildPackage = ({ operation }) => ({
				kind: "ipaEuiccDataRequest",
				bytes: utf8(`data request of ${operation.id}`),
				eimTransactionId: "AB" as never,
			});
			const taken = await store.takeNextPackage({ eid, at: START + 2 }, unsigned);
			expect(taken).toMatchObject({ package: { operationId: "c", kind: "ipaEuiccDataRequest" } });
			expect((await store.loadDevice(eid))?.counter).toBe(1);
			await store.moveOperation("c", { kind: "succeeded", at: START + 3 });
			expect((await store.takeNextPackage({ eid, at: START + 4 }, signer())).kind).toBe("nothing");
			await store.moveOperation("a", { kind: "succeeded", at: START + 5 });
			expect(await store.takeNextPackage({ eid, at: START + 6 }, signer())).toMatchObject({
				package: { operationId: "b", counter: 2 },
			});
		});

		it("finds the package of an answer by transaction id, by counter, or as the open one", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid), audit);
			const taken = await store.takeNextPackage({ eid, at: START }, signer());
			if (taken.kind !== "package") throw new Error("no package");
			const { eimTransactionId } = taken.package;
			for (const by of [{ eimTransactionId }, { counter: 1 }, { kind: "euiccPackage" as const }]) {
				const found = await store.findPackage(eid, by);
				expect(found?.package).toEqual(taken.package);
				expect(found?.operation.id).toBe("a");
				expect(found?.device.counter).toBe(1);
			}
			expect(await store.findPackage(eidOf(2), { eimTransactionId })).toBeUndefined();
			expect(await store.findPackage(eid, { counter: 2 })).toBeUndefined();
			expect(await store.findPackage(eid, { kind: "profileDownloadTrigger" })).toBeUndefined();
			await store.moveOperation("a", { kind: "succeeded", at: START + DAY });
			expect(await store.findPackage(eid, { kind: "euiccPackage" })).toBeUndefined();
			expect(await store.findPackage(eid, { counter: 1 })).toBeDefined();
		});

		it("fails the operation, not the poll, when the counter of the eUICC is used up", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.changeDevice(eid, { counter: 0x7fffff });
			await store.enqueueOperation(listProfiles("a", eid), audit);
			expect((await store.takeNextPackage({ eid, at: START }, signer())).kind).toBe("nothing");
			expect(await store.loadOperation("a")).toMatchObject({
				state: "failed",
				reason: { code: "DEVICE_COUNTER_EXHAUSTED" },
			});
		});

		it("gives the same package after closing and opening again", async (context) => {
			if (!isDurable()) return context.skip("this store forgets on purpose");
			const database = await newDatabase();
			let store: Store = await database();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid), audit);
			const before = await store.takeNextPackage({ eid, at: START }, signer());
			await store.close();
			store = await database();
			const after = await store.takeNextPackage({ eid, at: START + 1 }, signer());
			if (before.kind !== "package" || after.kind !== "package") throw new Error("no package");
			expect(after.package).toEqual(before.package);
		});
	});
}
