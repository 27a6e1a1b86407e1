import type { Store } from "@iot-esim/eim/storage/store";
import type { Eid } from "@iot-esim/shared/ids/eid";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import type { OpenStore } from "./store.ts";
import {
	audit,
	iccidOf,
	listProfiles,
	notification,
	profile,
	readEuiccData,
	registered,
	result,
	START,
	signer,
} from "./store-samples.ts";

const at = START + 10;

async function withSent(store: Store): Promise<Eid> {
	const eid = await registered(store);
	await store.enqueueOperation(listProfiles("a", eid), audit);
	await store.takeNextPackage({ eid, at: START }, signer());
	return eid;
}

export function storeResultsContract(open: OpenStore): void {
	describe("results", () => {
		it("records a verified result with all that follows from it", async () => {
			const store = await open();
			const eid = await withSent(store);
			const recorded = await store.recordResult({
				result: result(eid, "a"),
				operationEvent: { kind: "succeeded", at, outcome: { profiles: 1 } },
				profileChanges: [{ kind: "listed", profiles: [profile(eid, 1, { state: "enabled", isFallback: false })] }],
				deviceChange: { associationToken: 5 },
				notifications: [notification(eid, 1)],
				jobs: [{ kind: "keptResultVerification", reference: eid, runAfter: at }],
			});
			expect(recorded).toMatchObject({ repeated: false, operation: { state: "succeeded", outcome: { profiles: 1 } } });
			expect(await store.listResults(eid)).toEqual([result(eid, "a")]);
			expect(await store.listProfiles(eid)).toEqual([profile(eid, 1, { state: "enabled", isFallback: false })]);
			expect((await store.loadDevice(eid))?.associationToken).toBe(5);
			expect((await store.listNotifications(eid, { limit: 5 })).items).toHaveLength(1);
			expect(await store.claimDueJobs(10, at, at + 100)).toHaveLength(2);
		});

		it("records the same octets once, however often and however concurrently they come", async () => {
			const store = await open();
			const eid = await withSent(store);
			const record = {
				result: result(eid, "a"),
				operationEvent: { kind: "succeeded" as const, at },
				notifications: [notification(eid, 1)],
			};
			const all = await Promise.all(Array.from({ length: 6 }, () => store.recordResult(record)));
			expect(all.filter(({ repeated }) => !repeated)).toHaveLength(1);
			expect(await store.listResults(eid)).toHaveLength(1);
			expect((await store.listNotifications(eid, { limit: 9 })).items).toHaveLength(1);
			const events = await store.listEvents({ after: 0, limit: 100, types: ["operationSucceeded"] });
			expect(events).toHaveLength(1);
		});

		it("keeps an unverified result without believing it, and raises it once it is verified", async () => {
			const store = await open();
			const eid = await withSent(store);
			await store.recordResult({
				result: result(eid, "a", { verification: "kept" }),
				operationEvent: { kind: "resultKept", at, reason: { text: "no certificate yet" } },
				enqueue: [readEuiccData("c", eid)],
			});
			const twice = await store.recordResult({
				result: result(eid, "a", { verification: "kept" }),
				enqueue: [readEuiccData("d", eid)],
			});
			expect(twice.repeated).toBe(true);
			expect((await store.loadOperation("a"))?.state).toBe("awaiting-verification");
			expect(await store.listResults(eid, "kept")).toHaveLength(1);
			expect(await store.loadOperation("d")).toBeUndefined();
			const raised = await store.recordResult({
				result: result(eid, "a"),
				operationEvent: { kind: "succeeded", at: at + 1 },
			});
			expect(raised).toMatchObject({ repeated: false, operation: { state: "succeeded" } });
			expect(await store.listResults(eid, "kept")).toEqual([]);
			expect(await store.listResults(eid, "verified")).toHaveLength(1);
		});

		it("sends the package again after a kept result proved false, and still takes the true one", async () => {
			const store = await open();
			const eid = await withSent(store);
			const forged = { seqNumber: 7, bytes: utf8("forged") };
			await store.recordResult({
				result: result(eid, "a", { ...forged, verification: "kept" }),
				operationEvent: { kind: "resultKept", at, reason: { text: "no certificate yet" } },
			});
			await store.recordResult({
				result: result(eid, "a", { ...forged, verification: "rejected" }),
				operationEvent: { kind: "resultRejected", at, reason: { text: "signed by somebody else" } },
			});
			expect(await store.takeNextPackage({ eid, at: START + 20 }, signer())).toMatchObject({ repeated: true });
			const again = await store.recordResult({
				result: result(eid, "a", { ...forged, verification: "kept" }),
				operationEvent: { kind: "resultKept", at, reason: { text: "no certificate yet" } },
			});
			expect(again.repeated).toBe(true);
			expect((await store.loadOperation("a"))?.state).toBe("sent");
			const genuine = await store.recordResult({
				result: result(eid, "a"),
				operationEvent: { kind: "succeeded", at: at + 5 },
			});
			expect(genuine).toMatchObject({ repeated: false, operation: { state: "succeeded" } });
		});

		it("records a result that comes too late for its operation and says that it changed nothing", async () => {
			const store = await open();
			const eid = await withSent(store);
			await store.moveOperation("a", { kind: "failed", at, reason: { text: "the SM-DP+ refused" } });
			const recorded = await store.recordResult({
				result: result(eid, "a"),
				operationEvent: { kind: "succeeded", at: at + 1 },
			});
			expect(recorded).toMatchObject({ repeated: false, refused: { code: "OPERATION_TRANSITION_ILLEGAL" } });
			expect((await store.loadOperation("a"))?.state).toBe("failed");
			expect(await store.listResults(eid)).toHaveLength(1);
		});

		it("follows the profiles of a device through install, enable, disable, delete and a new list", async () => {
			const store = await open();
			const eid = await withSent(store);
			let seqNumber = 0;
			const record = (...profileChanges: Parameters<Store["recordResult"]>[0]["profileChanges"] & object) =>
				store.recordResult({
					result: result(eid, "a", { seqNumber: ++seqNumber, bytes: utf8(`r${seqNumber}`) }),
					profileChanges,
				});
			const states = async () => (await store.listProfiles(eid)).map(({ iccid, state }) => [iccid, state]);
			await record({ kind: "listed", profiles: [profile(eid, 1, { state: "enabled" })] });
			await record({ kind: "installed", profile: profile(eid, 2) });
			await record({ kind: "enabled", iccid: iccidOf(2) });
			expect(await states()).toEqual([
				[iccidOf(1), "disabled"],
				[iccidOf(2), "enabled"],
			]);
			await record({ kind: "disabled", iccid: iccidOf(2) }, { kind: "deleted", iccid: iccidOf(1) });
			expect(await states()).toEqual([[iccidOf(2), "disabled"]]);
			await record({ kind: "listed", profiles: [] });
			expect(await states()).toEqual([]);
		});
	});
}
