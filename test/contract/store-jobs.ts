import type { RspSession } from "@iot-esim/eim/domain/rsp-session";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { describe, expect, it } from "vitest";
import type { OpenStore } from "./store.ts";
import { audit, eidOf, listProfiles, notification, registered, START } from "./store-samples.ts";

export function storeJobsContract(
	open: OpenStore,
	newDatabase: () => Promise<OpenStore>,
	isDurable: () => boolean,
): void {
	describe("jobs", () => {
		it("delivers each notification by one job, put off on failure and shown with its attempts", async () => {
			const store = await open();
			const eid = await registered(store);
			expect(await store.saveNotifications([notification(eid, 1), notification(eid, 2)])).toBe(2);
			expect(await store.saveNotifications([notification(eid, 2), notification(eid, 3)])).toBe(1);
			expect(await store.loadNotification("notification-2")).toEqual(notification(eid, 2));
			const [first, ...others] = await store.claimDueJobs(10, START + 100, START + 200);
			expect(others).toHaveLength(2);
			expect(first).toMatchObject({ kind: "notificationDelivery", reference: "notification-1", attempts: 1 });
			await store.postponeJob(first?.id ?? "", "connection refused", START + 110, START + 500);
			expect(await store.findJob("notificationDelivery", "notification-1")).toMatchObject({ leasedUntil: START + 110 });
			for (const { id } of others) await store.completeJob(id, START + 120);
			const { items } = await store.listNotifications(eid, { limit: 5 });
			expect(items.map(({ seqNumber }) => seqNumber)).toEqual([3, 2, 1]);
			expect(items[0]).toMatchObject({ completedAt: START + 120, attempts: 1 });
			expect(items[2]).toMatchObject({ lastError: "connection refused", runAfter: START + 500 });
			expect(items[2]).not.toHaveProperty("completedAt");
			expect(await store.nextJobAt()).toBe(START + 500);
			expect(await store.claimDueJobs(10, START + 499, START + 600)).toEqual([]);
			const [again] = await store.claimDueJobs(10, START + 500, START + 600);
			expect(again?.attempts).toBe(2);
			await store.postponeJob(again?.id ?? "", "given up", START + 510);
			expect(await store.nextJobAt()).toBeUndefined();
		});

		it("forgets what was delivered long ago, and nothing that is still to be delivered", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.saveNotifications([notification(eid, 1), notification(eid, 2), notification(eid, 3)]);
			const jobs = await store.claimDueJobs(10, START + 100, START + 200);
			const of = (reference: string) => jobs.find((job) => job.reference === reference)?.id ?? "";
			await store.completeJob(of("notification-1"), START + 110);
			await store.completeJob(of("notification-2"), START + 900);
			expect(await store.removeJobs(START + 900, undefined)).toBeUndefined();
			const { items } = await store.listNotifications(eid, { limit: 5 });
			expect(items.map(({ seqNumber }) => seqNumber)).toEqual([3, 2]);
			expect(await store.loadNotification("notification-1")).toBeUndefined();
			expect((await store.claimDueJobs(10, START + 300, START + 400)).map(({ reference }) => reference)).toEqual([
				"notification-3",
			]);
		});

		it("leases a job to one claimer until the lease ends", async () => {
			const store = await open();
			const jobs = Array.from({ length: 30 }, (_, i) => ({
				kind: "sessionCancellation" as const,
				reference: `s${i}`,
				runAfter: START + i,
			}));
			await store.saveJobs(jobs, START);
			await store.saveJobs(jobs.slice(0, 3), START);
			const claims = await Promise.all(
				Array.from({ length: 5 }, () => store.claimDueJobs(10, START + 50, START + 100)),
			);
			const ids = claims.flat().map(({ id }) => id);
			expect(ids).toHaveLength(30);
			expect(new Set(ids).size).toBe(30);
			expect(await store.claimDueJobs(10, START + 99, START + 200)).toEqual([]);
			expect(await store.claimDueJobs(50, START + 100, START + 200, ["notificationDelivery"])).toEqual([]);
			expect(await store.claimDueJobs(50, START + 100, START + 200)).toHaveLength(30);
		});

		it("tells when a job of the named kinds is due next, however many of other kinds stand before it", async () => {
			const store = await open();
			const others = Array.from({ length: 150 }, (_, i) => ({
				kind: "sessionCancellation" as const,
				reference: `s${i}`,
				runAfter: START,
			}));
			await store.saveJobs([...others, { kind: "stateRefresh", reference: "d", runAfter: START + 700 }], START);
			expect(await store.nextJobAt()).toBe(START);
			expect(await store.nextJobAt(["stateRefresh", "notificationDelivery"])).toBe(START + 700);
			expect(await store.nextJobAt(["notificationDelivery"])).toBeUndefined();
		});

		it("gives jobs to two instances without giving one twice", async (context) => {
			if (!isDurable()) return context.skip("this store has one instance");
			const database = await newDatabase();
			const [one, two] = [await database(), await database()];
			const jobs = Array.from({ length: 40 }, (_, i) => ({
				kind: "sessionCancellation" as const,
				reference: `s${i}`,
				runAfter: START,
			}));
			await one.saveJobs(jobs, START);
			const claims = await Promise.all(
				Array.from({ length: 8 }, (_, i) => (i % 2 ? one : two).claimDueJobs(5, START, START + 100)),
			);
			const references = claims.flat().map(({ reference }) => reference);
			expect(references).toHaveLength(40);
			expect(new Set(references).size).toBe(40);
		});
	});

	describe("relayed sessions", () => {
		const session = (transactionId: string, n: number, extra: Partial<RspSession> = {}): RspSession => ({
			transactionId: TransactionId(transactionId),
			eid: eidOf(n),
			smdpAddress: "smdp.example.com",
			state: "initiated",
			details: { binding: "json" },
			createdAt: START,
			updatedAt: START,
			expiresAt: START + 1000,
			...extra,
		});

		it("binds a transaction id to one device and moves only forward", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid), audit);
			const first = session("AA01", 1, { operationId: "a", eimTransactionId: TransactionId("0B") });
			expect(await store.openSession(first)).toBe(true);
			expect(await store.openSession(session("AA01", 2))).toBe(false);
			expect(await store.loadSession(TransactionId("AA01"))).toEqual(first);
			expect(await store.findSession(eid)).toEqual(first);
			expect(await store.findSession(eid, TransactionId("0C"))).toBeUndefined();
			expect(await store.moveSession(first.transactionId, "installed", { at: START + 1 })).toBeUndefined();
			const moved = await store.moveSession(first.transactionId, "authenticated", {
				at: START + 2,
				details: { matchingId: "M" },
			});
			expect(moved).toMatchObject({ state: "authenticated", details: { binding: "json", matchingId: "M" } });
			await store.moveSession(first.transactionId, "failed", {
				at: START + 3,
				operationEvent: { kind: "failed", at: START + 3, reason: { text: "refused", code: "8.2.6/3.8" } },
			});
			expect(await store.loadOperation("a")).toMatchObject({ state: "failed", reason: { code: "8.2.6/3.8" } });
			expect(await store.findSession(eid)).toBeUndefined();
			await store.removeDeadSessions(START + 999);
			expect(await store.loadSession(first.transactionId)).toBeDefined();
			await store.removeDeadSessions(START + 1000);
			expect(await store.loadSession(first.transactionId)).toBeUndefined();
		});
	});
}
