import { Hours, Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { esipaBench, testPki } from "../../../test/support/esipa-bench.ts";
import { takeTrigger } from "../../../test/support/relayed-download.ts";

const { eid } = testPki();
const address = "smds.example.com";

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

async function start(smdsPolling: { address?: string }, settings = {}) {
	bench = await esipaBench({ settings });
	await bench.register(eid);
	await bench.store.changeDevice(eid, { smdsPolling: { ...smdsPolling, every: Hours(1), since: bench.clock.now() } });
	await bench.jobs.runDue();
}
const questions = async () => (await bench.store.listOperations({ eid, types: ["download"], limit: 9 })).items;
const nextIn = async () => ((await bench.store.nextJobAt()) ?? 0) - bench.clock.now();

describe("SM-DS polling", () => {
	it("asks once in its time, varied by a tenth, and not again while the device has not taken part", async () => {
		await start({ address });
		expect(await questions()).toMatchObject([{ origin: "eim", parameters: { contact: "smds", smdsAddress: address } }]);
		expect(Math.abs((await nextIn()) - Hours(1))).toBeLessThanOrEqual(Minutes(6));
		for (let i = 0; i < 3; i++) {
			await bench.clock.advance(Hours(1) + Minutes(6));
			expect(await bench.jobs.runDue()).toBe(1);
		}
		expect(await questions()).toHaveLength(1);
	});

	it("goes to the SM-DS of the configuration when it names none, and to the card's when there is none either", async () => {
		await start({}, { smdsAddress: "default.example.com" });
		expect(await questions()).toMatchObject([{ parameters: { smdsAddress: "default.example.com" } }]);
		await bench.close();
		await start({});
		expect((await takeTrigger(bench)).profileDownloadData).toEqual({ contactSmds: {} });
	});

	it("backs off after failures, whose reason its row keeps, and returns to its time after a success", async () => {
		await start({ address });
		const end = async (kind: "failed" | "succeeded") => {
			const reason = { text: "no line" };
			await bench.store.moveOperation((await questions())[0]?.id ?? "", { kind, at: bench.clock.now(), reason });
			await bench.clock.advance((await nextIn()) + 1);
			await bench.jobs.runDue();
			return Math.round((await nextIn()) / Hours(1));
		};
		const before = (await questions()).length;
		expect(await end("failed")).toBe(2);
		expect(await bench.store.findJob("smdsPolling", eid)).toMatchObject({ lastError: "no line", attempts: 0 });
		expect(await end("failed")).toBe(4);
		expect(await end("succeeded")).toBe(1);
		expect((await bench.store.findJob("smdsPolling", eid))?.lastError).toBeUndefined();
		expect(await questions()).toHaveLength(before + 3);
	});

	it("rests while the eIM is removed from the card", async () => {
		await start({ address });
		await bench.store.moveOperation((await questions())[0]?.id ?? "", { kind: "succeeded", at: bench.clock.now() });
		await bench.store.changeDevice(eid, { releasedAt: bench.clock.now() });
		await bench.clock.advance(Hours(2));
		expect(await bench.jobs.runDue()).toBe(1);
		expect(await questions()).toHaveLength(1);
	});
});
