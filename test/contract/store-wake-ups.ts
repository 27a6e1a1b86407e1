import { SAME_WAKING } from "@iot-esim/eim/domain/awake";
import type { Job } from "@iot-esim/eim/domain/job";
import { describe, expect, it } from "vitest";
import type { OpenStore } from "./store.ts";
import { audit, listProfiles, registered, START, signer } from "./store-samples.ts";

function claimed([job, ...others]: readonly Job[]): Job {
	if (job === undefined || others.length > 0) throw new Error(`${others.length + (job ? 1 : 0)} jobs are due, not one`);
	return job;
}

export function storeWakeUpsContract(open: OpenStore): void {
	describe("waking of devices", () => {
		const wakeUp = { via: "sms", msisdn: "491701234567" } as const;
		const row = (id: string, eid: Awaited<ReturnType<typeof registered>>, at: number) =>
			({ id, eid, via: "sms", state: "sending", waiting: 2, createdAt: at, updatedAt: at }) as const;

		it("gives an order one job for each way to the device, whatever the process that orders remembers", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.changeDevice(eid, { wakeUp, inject: { url: "mqtt:", binding: "asn1" } });
			await store.enqueueOperation(listProfiles("op_1", eid), audit);
			await store.enqueueOperation(listProfiles("op_2", eid), audit);
			const jobs = await store.claimDueJobs(10, START + 1, START + 100);
			expect(jobs.map(({ kind }) => kind).sort()).toEqual(["deviceWakeUp", "packageInjection"]);
		});

		const ways = [
			["deviceWakeUp", { wakeUp }],
			["packageInjection", { inject: { url: "mqtt:", binding: "asn1" } }],
		] as const;

		it.each(ways)("makes a %s that waits due at once with the next order", async (_kind, change) => {
			const store = await open();
			const eid = await registered(store);
			await store.changeDevice(eid, change);
			await store.enqueueOperation(listProfiles("op_1", eid), audit);
			const job = claimed(await store.claimDueJobs(10, START, START + 100));
			await store.postponeJob(job.id, "unreachable", START + 50, START + 5000, job.leasedUntil);
			expect(await store.nextJobAt()).toBe(START + 5000);
			await store.enqueueOperation({ ...listProfiles("op_2", eid), createdAt: START + 200 }, audit);
			expect(await store.nextJobAt()).toBe(START + 200);
			const again = claimed(await store.claimDueJobs(10, START + 200, START + 300));
			expect(again).toMatchObject({ id: job.id, attempts: 1 });
			await store.completeJob(job.id, START + 210, undefined, again.leasedUntil);
			expect(await store.nextJobAt()).toBeUndefined();
		});

		it.each(ways)(
			"does a %s that is under way once more for the next order, however it ends",
			async (_kind, change) => {
				const store = await open();
				const eid = await registered(store);
				await store.changeDevice(eid, change);
				const order = (n: number) =>
					store.enqueueOperation({ ...listProfiles(`op_${n}`, eid), createdAt: START + n }, audit);
				await order(0);
				const claim = async (at: number) => claimed(await store.claimDueJobs(10, START + at, START + at + 100));
				const first = await claim(0);
				await order(10);
				expect(await store.claimDueJobs(10, START + 20, START + 90)).toEqual([]);
				await store.completeJob(first.id, START + 30, undefined, first.leasedUntil);
				expect(await store.nextJobAt()).toBe(START + 10);
				const second = await claim(30);
				await order(40);
				await store.postponeJob(second.id, "unreachable", START + 50, START + 9000, second.leasedUntil);
				const third = await claim(50);
				await order(60);
				await store.repeatJob(third.id, START + 9000, "held", third.leasedUntil);
				const fourth = await claim(60);
				await store.completeJob(fourth.id, START + 70, undefined, third.leasedUntil);
				expect(await store.nextJobAt()).toBe(fourth.leasedUntil);
				await store.completeJob(fourth.id, START + 70, undefined, fourth.leasedUntil);
				expect(await store.nextJobAt()).toBeUndefined();
			},
		);

		it.each(ways)("has a %s done when an operation is no longer held, and not before", async (_kind, change) => {
			const store = await open();
			const eid = await registered(store);
			await store.changeDevice(eid, change);
			await store.enqueueOperation(listProfiles("op_1", eid), audit);
			const job = claimed(await store.claimDueJobs(10, START, START + 100));
			await store.takeNextPackage({ eid, at: START }, signer());
			const reason = { text: "later" };
			await store.moveOperation("op_1", { kind: "packageDropped", at: START + 1, reason, heldUntil: START + 5000 });
			await store.completeJob(job.id, START + 2, undefined, job.leasedUntil);
			expect(await store.nextJobAt()).toBe(START + 5000);
			expect(await store.claimDueJobs(10, START + 4999, START + 6000)).toEqual([]);
			const again = claimed(await store.claimDueJobs(10, START + 5000, START + 6000));
			await store.completeJob(again.id, START + 5001, undefined, again.leasedUntil);
			expect(await store.nextJobAt()).toBeUndefined();
		});

		it("has what waits brought when the operation before it is over, and has tries anew for it", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.changeDevice(eid, { inject: { url: "mqtt:", binding: "asn1" } });
			for (const n of [1, 2, 3]) await store.enqueueOperation(listProfiles(`op_${n}`, eid), audit);
			const bring = (at: number) => store.takeNextPackage({ eid, at: START + at, isInjection: true }, signer());
			const end = (n: number, at: number) => store.moveOperation(`op_${n}`, { kind: "succeeded", at: START + at });
			const first = claimed(await store.claimDueJobs(10, START, START + 100));
			await bring(10);
			await store.postponeJob(first.id, "received", START + 20, START + 9000, first.leasedUntil);
			await end(1, 200);
			expect(await store.nextJobAt()).toBe(START + 200);
			// It ends before the job is put off.
			const second = claimed(await store.claimDueJobs(10, START + 200, START + 300));
			expect(second).toMatchObject({ id: first.id, attempts: 1 });
			await bring(210);
			await end(2, 220);
			await store.postponeJob(second.id, "received", START + 230, START + 9000, second.leasedUntil);
			expect(await store.nextJobAt()).toBe(START + 220);
			const third = claimed(await store.claimDueJobs(10, START + 230, START + 300));
			await bring(240);
			await store.completeJob(third.id, START + 250, undefined, third.leasedUntil);
			await end(3, 260);
			expect(await store.nextJobAt()).toBeUndefined();
		});

		it("does not bring again what an injection that is under way has taken with the rest", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.changeDevice(eid, { inject: { url: "mqtt:", binding: "asn1" } });
			for (const n of [1, 2]) await store.enqueueOperation(listProfiles(`op_${n}`, eid), audit);
			const bring = (at: number) => store.takeNextPackage({ eid, at: START + at, isInjection: true }, signer());
			const job = claimed(await store.claimDueJobs(10, START, START + 100));
			await bring(10);
			await store.moveOperation("op_1", { kind: "succeeded", at: START + 20 });
			await bring(20);
			await store.postponeJob(job.id, "received", START + 30, START + 9000, job.leasedUntil);
			expect(await store.nextJobAt()).toBe(START + 9000);
		});

		it("leaves to a device that has just asked to ask for the next operation itself", async () => {
			const store = await open();
			const eid = await registered(store);
			for (const n of [1, 2]) await store.enqueueOperation(listProfiles(`op_${n}`, eid), audit);
			await store.changeDevice(eid, { inject: { url: "mqtt:", binding: "asn1" } });
			await store.takeNextPackage({ eid, at: START + 100 }, signer());
			await store.moveOperation("op_1", { kind: "succeeded", at: START + 200 });
			expect(await store.nextJobAt()).toBe(START + 100 + SAME_WAKING);
		});

		it("keeps wake-ups with what became of them, by id and by the way's own name, newest first", async () => {
			const store = await open();
			const eid = await registered(store);
			for (const [i, id] of ["wu_1", "wu_2", "wu_3"].entries())
				expect(await store.openWakeUp(row(id, eid, START + i))).toBe(true);
			await store.changeWakeUp("wu_1", { state: "sent", at: START + 10, reference: "0A" });
			await store.changeWakeUp("wu_2", { state: "failed", at: START + 11, error: "refused" });
			await store.changeWakeUp("wu_3", { state: "sent", at: START + 12, reference: "0B" });
			const delivered = { state: "delivered", at: START + 20 } as const;
			expect(await store.noteWakeUpReceipt("sms", ["10", "0A"], delivered)).toMatchObject({
				id: "wu_1",
				reference: "0A",
			});
			expect(await store.noteWakeUpReceipt("webhook", ["0B"], delivered)).toBeUndefined();
			expect(await store.changeWakeUp("nothing", delivered)).toBeUndefined();
			const first = await store.listWakeUps(eid, { limit: 2 });
			expect(first.items.map(({ id, state }) => [id, state])).toEqual([
				["wu_3", "sent"],
				["wu_2", "failed"],
			]);
			const { items } = await store.listWakeUps(eid, { limit: 2, cursor: first.next });
			expect(items).toEqual([
				{ ...row("wu_1", eid, START), state: "delivered", reference: "0A", updatedAt: START + 20 },
			]);
			await store.removeWakeUps(START + 2, undefined);
			expect((await store.listWakeUps(eid, { limit: 9 })).items.map(({ id }) => id)).toEqual(["wu_3"]);
			await store.removeDevice(eid, audit);
			expect((await store.listWakeUps(eid, { limit: 9 })).items).toEqual([]);
			expect(await store.openWakeUp(row("wu_4", eid, START))).toBe(false);
		});

		it("learns from polls when a device wakes by itself, and leaves out what was asked for", async () => {
			const store = await open();
			const eid = await registered(store);
			const hour = 3_600_000;
			const poll = (at: number) => store.takeNextPackage({ eid, at }, signer());
			for (const at of [0, 1000, hour, hour + 5000, 2 * hour]) await poll(START + at);
			expect((await store.loadDevice(eid))?.wakings).toEqual({ since: START + 2 * hour, gaps: [hour, hour] });
			await store.openWakeUp(row("wu_1", eid, START + 2 * hour + 60_000));
			await poll(START + 2 * hour + 90_000);
			await store.takeNextPackage({ eid, at: START + 2.5 * hour, isInjection: true }, signer());
			const wakings = (await store.loadDevice(eid))?.wakings;
			expect(wakings).toMatchObject({ since: START + 2 * hour + 90_000, gaps: [hour, hour] });
			await poll(START + 3 * hour + 90_000);
			expect((await store.loadDevice(eid))?.wakings?.gaps).toEqual([hour, hour, hour]);
		});
	});
}
