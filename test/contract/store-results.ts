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

export function storeResultsContract(
	open: OpenStore,
	newDatabase: () => Promise<OpenStore>,
	isDurable: () => boolean,
): void {
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

		it("moves the operation that a known result names only now, at once with the naming and never again", async () => {
			const store = await open();
			const eid = await withSent(store);
			const { operationId, ...unnamed } = result(eid, "a");
			await store.recordResult({ result: unnamed });
			expect((await store.loadOperation("a"))?.state).toBe("sent");
			const event = { kind: "packageDropped", at, reason: { text: "interrupted" } } as const;
			const named = await store.recordResult({ result: { ...unnamed, operationId: "a" }, operationEvent: event });
			expect(named).toMatchObject({ repeated: true, isNamedNow: true, operation: { state: "queued" } });
			await store.takeNextPackage({ eid, at: START + 20 }, signer());
			expect((await store.loadOperation("a"))?.state).toBe("sent");
			const again = await store.recordResult({ result: { ...unnamed, operationId: "a" }, operationEvent: event });
			expect(again).toMatchObject({ repeated: true, operation: { state: "sent" } });
			expect(again.isNamedNow).toBeUndefined();
			expect((await store.loadOperation("a"))?.state).toBe("sent");
		});

		it("records a result that comes too late for its operation and says that it changed nothing", async () => {
			const store = await open();
			const eid = await withSent(store);
			await store.moveOperation("a", { kind: "succeeded", at });
			const recorded = await store.recordResult({
				result: result(eid, "a"),
				operationEvent: { kind: "failed", at: at + 1, reason: { text: "refused" } },
			});
			expect(recorded).toMatchObject({ repeated: false, refused: { code: "OPERATION_TRANSITION_ILLEGAL" } });
			expect((await store.loadOperation("a"))?.state).toBe("succeeded");
			expect(await store.listResults(eid)).toHaveLength(1);
		});

		it("tells a package whose result another operation's has overtaken, once that one counts", async () => {
			const store = await open();
			const eid = await registered(store);
			await store.enqueueOperation(listProfiles("a", eid, { expiresAt: START + 5 }), audit);
			const first = await store.takeNextPackage({ eid, at: START }, signer());
			await store.enqueueOperation(listProfiles("b", eid), audit);
			const second = await store.takeNextPackage({ eid, at: START + 6 }, signer());
			if (first.kind !== "package" || second.kind !== "package") throw new Error("no packages");
			const overtaken = () => Promise.all([first, second].map((taken) => store.isOvertaken(taken.package)));
			expect(await overtaken()).toEqual([false, false]);
			const kept = result(eid, "b", { verification: "kept" });
			await store.recordResult({
				result: kept,
				operationEvent: { kind: "resultKept", at, reason: { text: "no certificate yet" } },
			});
			expect(await overtaken()).toEqual([false, false]);
			await store.recordResult({
				result: { ...kept, verification: "verified" },
				operationEvent: { kind: "succeeded", at: at + 1 },
			});
			expect(await overtaken()).toEqual([true, false]);
			const elsewhere = await registered(store, 2);
			expect(await store.isOvertaken({ ...first.package, eid: elsewhere })).toBe(false);
		});

		it("works the same when two instances take turns with every step of one device", async (context) => {
			if (!isDurable()) return context.skip("this store has one instance");
			const database = await newDatabase();
			const stores = [await database(), await database()] as const;
			const eid = await registered(stores[0]);
			const seen: string[] = [];
			for (let turn = 0; turn < 6; turn++) {
				const [one, two] = turn % 2 ? stores : ([stores[1], stores[0]] as const);
				const id = `turn-${turn}`;
				await one.enqueueOperation(listProfiles(id, eid), audit);
				const first = await two.takeNextPackage({ eid, at: START + turn }, signer());
				const again = await one.takeNextPackage({ eid, at: START + turn }, signer());
				if (first.kind !== "package" || again.kind !== "package") throw new Error("no package");
				expect([again.repeated, again.package]).toEqual([true, first.package]);
				const { eimTransactionId } = first.package;
				expect((await one.findPackage(eid, { eimTransactionId }))?.operation.state).toBe("sent");
				const change =
					turn % 3 ? ({ kind: "enabled", iccid: iccidOf(turn) } as const) : ({ kind: "listed", profiles: [] } as const);
				await two.recordResult({
					result: result(eid, id, { seqNumber: turn, bytes: utf8(id) }),
					operationEvent: { kind: "succeeded", at },
					profileChanges: [change],
				});
				expect((await one.findPackage(eid, { eimTransactionId }))?.operation.state).toBe("succeeded");
				expect((await one.takeNextPackage({ eid, at: START + turn }, signer())).kind).toBe("nothing");
				seen.push((await one.listProfiles(eid)).map(({ iccid, state }) => `${iccid.slice(-1)} ${state}`).join());
			}
			expect(seen).toEqual(["", "1 enabled", "1 disabled,2 enabled", "", "4 enabled", "4 disabled,5 enabled"]);
			expect((await stores[0].loadDevice(eid))?.counter).toBe(6);
			expect((await stores[1].loadDevice(eid))?.counter).toBe(6);
		});

		it("believes nothing of a commit that failed", async () => {
			const store = await open();
			const eid = await withSent(store);
			const others = await Promise.allSettled([
				store.recordResult({ result: result(eid, "a"), operationEvent: { kind: "succeeded", at } }),
				// Fails in the same commit, and takes nothing of the others with it.
				store.changeDevice(eid, { name: undefined, tags: { toString: 1 } as never }),
				store.recordResult({ result: result(eid, "a", { bytes: null as never }) }),
			]);
			expect(others.map(({ status }) => status)).toContain("rejected");
			expect(others[0]).toMatchObject({ status: "fulfilled", value: { operation: { state: "succeeded" } } });
			expect((await store.loadOperation("a"))?.state).toBe("succeeded");
			expect((await store.takeNextPackage({ eid, at }, signer())).kind).toBe("nothing");
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
