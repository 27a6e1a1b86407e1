import { afterEach, beforeEach, expect, it } from "vitest";
import { audit, listProfiles, signer } from "../../../../test/contract/store-samples.ts";
import { cliBench } from "../../../../test/support/cli-bench.ts";

let bench: Awaited<ReturnType<typeof cliBench>>;
beforeEach(async () => {
	bench = await cliBench();
});
afterEach(() => bench.close());

const eim = async (line: string) => (await bench.eim(line)).out;

it("a list tells what the eIM has ordered itself, and why what was undone was undone, not how well", async () => {
	const at = Date.now();
	const times = { createdAt: at, updatedAt: at, expiresAt: at + 60_000 };
	await bench.store.enqueueOperation({ ...listProfiles("own", bench.eid), ...times, origin: "eim" }, audit);
	await bench.store.enqueueOperation({ ...listProfiles("op_1", bench.eid), ...times }, audit);
	const text = "The device went back to the profile before.";
	await bench.store.moveOperation("op_1", { kind: "rolledBack", at, reason: { text, code: "rollback: ok(0)" } });
	const list = await eim("operation list");
	expect(list).toMatch(/^own .*listProfiles \(eIM\)/m);
	expect(list).toMatch(new RegExp(`^op_1 .*listProfiles  .*rolled-back .*${text}$`, "m"));
	expect(await eim("operation show own")).toMatch(/^ordered by +the eIM itself$/m);
	expect(await eim("operation show op_1")).not.toContain("ordered by");
});

it("a device is shown with the network that it was last in, in digits", async () => {
	await bench.store.takeNextPackage({ eid: bench.eid, at: Date.now(), rplmn: "00F110" }, signer());
	expect(await eim(`device show ${bench.eid}`)).toMatch(/^last network +001 01$/m);
});
