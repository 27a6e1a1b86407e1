import type { ReceivedResult } from "@iot-esim/eim/domain/received-result";
import type { IdempotencyClaim } from "@iot-esim/eim/storage/store";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import type { OpenStore } from "./store.ts";
import { audit, DAY, eidOf, listProfiles, registered, result, START, signer } from "./store-samples.ts";

const claim: IdempotencyClaim = { key: "k", scope: "me", digest: "d1", answer: '{"id":"a"}', at: START };

export function storeOperationsContract(open: OpenStore): void {
	describe("operations", () => {
		it("gives an operation back as it was given", async () => {
			const store = await open();
			const eid = await registered(store);
			const operation = {
				...listProfiles("a", eid, { idempotencyKey: "k" }),
				type: "download",
				parameters: { smdpAddress: "smdp.example.com", matchingId: "M-1", confirmationCode: "1234" },
			} as const;
			expect(await store.enqueueOperation(operation, audit)).toEqual({ kind: "enqueued", operation });
			expect(await store.loadOperation("a")).toEqual(operation);
			expect(await store.loadOperation("b")).toBeUndefined();
			expect(await store.enqueueOperation(listProfiles("c", eidOf(9)), audit)).toEqual({ kind: "unknownDevice" });
		});

		it("answers a repeated key with the first answer and refuses another request under it", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid), audit, claim);
			const again = await store.enqueueOperation(listProfiles("b", eid), audit, { ...claim, answer: '{"id":"b"}' });
			expect(again).toEqual({ kind: "repeated", answer: '{"id":"a"}' });
			const other = await store.enqueueOperation(listProfiles("c", eid), audit, { ...claim, digest: "d2" });
			expect(other).toEqual({ kind: "keyReused" });
			const elsewhere = await store.enqueueOperation(listProfiles("d", eid), audit, { ...claim, scope: "you" });
			expect(elsewhere.kind).toBe("enqueued");
			await store.forgetIdempotencyKeys(START + 1);
			expect((await store.enqueueOperation(listProfiles("e", eid), audit, claim)).kind).toBe("enqueued");
		});

		it("enqueues one operation when the same key comes many times at once", async () => {
			const store = await open();
			const eid = await registered(store);
			const all = await Promise.all(
				Array.from({ length: 8 }, (_, i) => store.enqueueOperation(listProfiles(`o${i}`, eid), audit, claim)),
			);
			expect(all.filter(({ kind }) => kind === "enqueued")).toHaveLength(1);
			expect((await store.listOperations({ limit: 50 })).items).toHaveLength(1);
		});

		it("refuses more waiting operations than it keeps for a device", async () => {
			const store = await open();
			const eid = await registered(store);
			for (let i = 0; i < 100; i++) await store.enqueueOperation(listProfiles(`o${i}`, eid), audit);
			await expect(store.enqueueOperation(listProfiles("more", eid), audit)).rejects.toMatchObject({
				code: "STORE_QUEUE_FULL",
			});
			expect(await store.countOpenOperations()).toEqual({ queued: 100 });
		});

		it("cancels what is queued, and a cancelled operation stays cancelled", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid), audit);
			const moved = await store.moveOperation("a", { kind: "cancelled", at: START + 5 }, audit);
			expect(moved).toMatchObject({ state: "cancelled", finishedAt: START + 5 });
			const reason = { text: "no" };
			expect(await store.moveOperation("a", { kind: "failed", at: START + 6, reason })).toMatchObject({
				code: "OPERATION_TRANSITION_ILLEGAL",
			});
			expect((await store.loadOperation("a"))?.state).toBe("cancelled");
			expect(await store.moveOperation("b", { kind: "expired", at: START })).toBeUndefined();
		});

		it("expires what is due and nothing else", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("soon", eid, { expiresAt: START + 100 }), audit);
			await store.enqueueOperation(listProfiles("later", eid, { expiresAt: START + DAY }), audit);
			expect(await store.expireOperations(START + 99, 10)).toEqual([]);
			expect((await store.expireOperations(START + 100, 10)).map(({ id }) => id)).toEqual(["soon"]);
			expect(await store.expireOperations(START + 100, 10)).toEqual([]);
			expect((await store.loadOperation("soon"))?.state).toBe("expired");
		});

		it("lists newest first by page, device, state and type", async () => {
			const store = await open();
			const [a, b] = [await registered(store, 1), await registered(store, 2)];
			for (const [i, eid] of [a, b, a, b, a].entries()) await store.enqueueOperation(listProfiles(`o${i}`, eid), audit);
			await store.moveOperation("o2", { kind: "cancelled", at: START });
			const ids = async (filter: object) =>
				(await store.listOperations({ limit: 10, ...filter })).items.map(({ id }) => id);
			expect(await ids({})).toEqual(["o4", "o3", "o2", "o1", "o0"]);
			expect(await ids({ eid: a })).toEqual(["o4", "o2", "o0"]);
			expect(await ids({ eid: a, states: ["queued"] })).toEqual(["o4", "o0"]);
			expect(await ids({ types: ["download"] })).toEqual([]);
			const page = await store.listOperations({ limit: 2 });
			expect(await ids({ cursor: page.next })).toEqual(["o2", "o1", "o0"]);
		});

		it("removes what was over long ago with its packages and results, but never open ones nor the newest counter", async () => {
			const store = await open();
			const eid = await registered(store);
			const build = signer();
			const done = async (id: string, at: number) => {
				await store.enqueueOperation(listProfiles(id, eid), audit);
				await store.takeNextPackage({ eid, at }, build);
				const seen = result(eid, id, { bytes: utf8(`result of ${id}`), receivedAt: at });
				await store.recordResult({ result: seen, operationEvent: { kind: "succeeded", at } });
			};
			await done("old", START + 1);
			await done("later", START + 5);
			await done("newest", START + 2);
			await store.enqueueOperation(listProfiles("open", eid), audit);
			expect(await store.removeOperations(START + 4, undefined)).toBeUndefined();
			const left = async () => (await store.listOperations({ limit: 10 })).items.map(({ id }) => id);
			expect(await left()).toEqual(["open", "newest", "later"]);
			expect(await store.listPackages("old")).toEqual([]);
			expect((await store.listResults(eid)).map(({ operationId }) => operationId)).toEqual(["later", "newest"]);
			// A package with a greater counter takes its place as the newest.
			await store.takeNextPackage({ eid, at: START + 6 }, build);
			await store.removeOperations(START + 10, undefined);
			expect(await left()).toEqual(["open"]);
		});

		it("removes results of no operation that came long ago, but never those that wait for certificates", async () => {
			const store = await open();
			const eid = await registered(store);
			const stray = (n: number, verification: ReceivedResult["verification"]) =>
				store.recordResult({ result: { eid, bytes: utf8(`stray ${n}`), verification, receivedAt: START + n } });
			await stray(1, "verified");
			await stray(2, "kept");
			await stray(3, "rejected");
			await stray(9, "verified");
			expect(await store.removeResults(START + 4, undefined)).toBeUndefined();
			expect((await store.listResults(eid)).map(({ receivedAt }) => receivedAt - START)).toEqual([2, 9]);
		});

		it("tells each step in the event stream, in order, and who ordered it in the audit", async () => {
			const store = await open();
			const eid = await registered(store);
			const before = await store.lastEventId();
			let told = 0;
			const stop = store.onEvents(() => told++);
			await store.enqueueOperation(listProfiles("a", eid), { ...audit, actor: "ops", subject: "a" });
			await store.moveOperation("a", { kind: "cancelled", at: START + 5 }, { ...audit, subject: "a" });
			stop();
			const events = await store.listEvents({ after: before, limit: 10 });
			expect(events.map(({ type, operationId }) => [type, operationId])).toEqual([
				["operationQueued", "a"],
				["operationCancelled", "a"],
			]);
			expect(told).toBeGreaterThanOrEqual(2);
			expect(await store.listEvents({ after: events[0]?.id ?? 0, limit: 10, types: ["operationQueued"] })).toEqual([]);
			const entries = await store.listAudit({ limit: 10, subject: "a" });
			expect(entries.items.map(({ actor }) => actor)).toEqual(["test", "ops"]);
		});
	});
}
