import { Eid } from "@iot-esim/shared/ids/eid";
import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiBench } from "../../../test/support/api-bench.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";

const START = Date.UTC(2026, 0, 1);
const eid = Eid.withCheckDigits("890490320000000000000000000001");
const device = `/api/v1/devices/${eid}`;
const address = "smds.example.com:8446";

let bench: Awaited<ReturnType<typeof apiBench>>;
beforeEach(async () => {
	bench = await apiBench({ clock: new FakeClock(START) });
	await bench.call("POST", "/api/v1/devices", { eid });
});
afterEach(() => bench.close());

describe("the SM-DS polling of a device", () => {
	it("is set, due at once, shown with the next time, set anew and taken away", async () => {
		const set = await bench.call("PATCH", device, { smdsPolling: { every: 3600, address } });
		expect([set.status, set.body.smdsPolling]).toEqual([200, { every: 3600, address }]);
		const [job] = await bench.store.claimDueJobs(5, START, START + Minutes(1));
		expect(job).toMatchObject({ kind: "smdsPolling", reference: eid });
		await bench.store.repeatJob(job?.id ?? "", START + Minutes(61));
		const nextAt = "2026-01-01T01:01:00.000Z";
		expect((await bench.call("GET", device)).body.smdsPolling).toEqual({ every: 3600, address, nextAt });
		const anew = await bench.call("PATCH", device, { smdsPolling: { every: 60 } });
		expect(anew.body.smdsPolling).toEqual({ every: 60 });
		expect(await bench.store.nextJobAt()).toBe(START);
		expect((await bench.call("PATCH", device, { smdsPolling: null })).body.smdsPolling).toBeUndefined();
		expect(await bench.store.nextJobAt()).toBeUndefined();
	});

	it.each([
		[{ every: 59 }, "body.smdsPolling.every"],
		[{ every: 31_536_001 }, "body.smdsPolling.every"],
		[{ address }, "body.smdsPolling.every"],
		[{ every: 60, address: "https://smds.example.com" }, "body.smdsPolling.address"],
	])("is refused by the field that is wrong: %j", async (smdsPolling, field) => {
		const { status, body } = await bench.call("PATCH", device, { smdsPolling });
		expect([status, body.code]).toEqual([400, "API_REQUEST_INVALID"]);
		expect(body.detail).toContain(field);
	});
});
