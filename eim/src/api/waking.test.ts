import { Eid } from "@iot-esim/shared/ids/eid";
import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { signer } from "../../../test/contract/store-samples.ts";
import { apiBench } from "../../../test/support/api-bench.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import type { WakeUpAddress } from "../domain/wake-up.ts";
import { WakeError } from "../wake/errors.ts";

const START = Date.UTC(2026, 0, 1);
const eid = Eid.withCheckDigits("890490320000000000000000000001");
const device = `/api/v1/devices/${eid}`;
let bench: Awaited<ReturnType<typeof apiBench>>;
let clock: FakeClock;

const checkWakeUp = (address: WakeUpAddress) => {
	if (address.via === "webhook")
		throw new WakeError("WAKE_URL_REFUSED", "evil.example.com is no host of wake.webhook.allow");
};

beforeEach(async () => {
	clock = new FakeClock(START);
	bench = await apiBench({ clock, checkWakeUp });
	await bench.call("POST", "/api/v1/devices", { eid });
});
afterEach(() => bench.close());

const order = async () =>
	(await bench.call("POST", `${device}/operations`, { type: "listProfiles" })).body.id as string;

describe("how a device is woken", () => {
	it("is set, shown, used for what waits at once, and taken away", async () => {
		await order();
		const wakeUp = { via: "sms", msisdn: "+491701234567", port: 5683 };
		const set = await bench.call("PATCH", device, { wakeUp });
		expect([set.status, set.body.wakeUp]).toEqual([200, wakeUp]);
		const [job] = await bench.store.claimDueJobs(5, START, START + 1000);
		expect(job).toMatchObject({ kind: "deviceWakeUp", reference: eid });
		const gone = await bench.call("PATCH", device, { wakeUp: null });
		expect(gone.body).not.toHaveProperty("wakeUp");
	});

	it.each([
		[{ wakeUp: { via: "sms", msisdn: "0170" } }, "body.wakeUp"],
		[{ wakeUp: { via: "sms" } }, "body.wakeUp"],
		[{ wakeUp: { via: "pigeon" } }, "body.wakeUp"],
		[{ awake: { every: 3600 } }, "body.awake"],
		[{ awake: { every: 60, for: 60 } }, "body.awake"],
		[{ awake: { psm: { periodicTimer: "11100001", activeTimer: 10 } } }, "body.awake.psm.periodicTimer"],
	])("is refused by the field that is wrong: %j", async (patch, field) => {
		const { status, body } = await bench.call("PATCH", device, patch);
		expect([status, body.code]).toEqual([400, "API_REQUEST_INVALID"]);
		expect(body.detail).toContain(field);
	});

	it("is refused when this eIM could never use it", async () => {
		const { status, body } = await bench.call("PATCH", device, {
			wakeUp: { via: "webhook", url: "https://evil.example.com" },
		});
		expect([status, body.code]).toEqual([400, "WAKE_URL_REFUSED"]);
	});
});

describe("when a device is awake", () => {
	it.each([
		[
			{ every: 3600, for: 20 },
			{ by: "schedule", every: 3600, for: 20 },
		],
		[
			{ every: 3600, for: 20, at: "2026-01-01T00:10:00.000Z" },
			{ by: "schedule", every: 3600, for: 20, at: "2026-01-01T00:10:00.000Z" },
		],
		[{ psm: { periodicTimer: "00100110", activeTimer: "00000101" } }, { by: "psm", every: 6 * 3600, for: 10 }],
		[{ psm: { periodicTimer: 86_400, activeTimer: 16 } }, { by: "psm", every: 86_400, for: 16 }],
		[{ edrx: { cycle: 655, window: 20 } }, { by: "edrx", every: 655, for: 20 }],
	])("is told by its operator: %j", async (given, shown) => {
		expect((await bench.call("PATCH", device, { awake: given })).body.awake).toEqual(shown);
	});

	it("explains why an operation waits, in words, with the wake-up that went out", async () => {
		await bench.call("PATCH", device, { awake: { every: 21_600, for: 30, at: "2026-01-01T05:00:00Z" } });
		const id = await order();
		const waiting = "waiting for device, expected at 2026-01-01T05:00:00.000Z";
		const path = `/api/v1/operations/${id}`;
		expect((await bench.call("GET", path)).body).toMatchObject({ state: "queued", reason: waiting });
		expect((await bench.call("GET", "/api/v1/operations")).body.items).toMatchObject([{ id, reason: waiting }]);
		expect((await bench.call("GET", device)).body.nextExpected).toEqual({
			from: "2026-01-01T05:00:00.000Z",
			until: "2026-01-01T05:00:30.000Z",
			isAwake: false,
			by: "schedule",
		});
		const row = {
			id: "wu_1",
			eid,
			via: "sms",
			state: "sending",
			waiting: 1,
			createdAt: START,
			updatedAt: START,
		} as const;
		await bench.store.openWakeUp(row);
		await bench.store.changeWakeUp("wu_1", { state: "delivered", at: START + 5000, reference: "0A" });
		expect((await bench.call("GET", path)).body.reason).toBe(
			`${waiting}; woken by sms at 2026-01-01T00:00:00.000Z (delivered)`,
		);
		expect((await bench.call("GET", `${device}/wake-ups`)).body.items).toEqual([
			{
				id: "wu_1",
				via: "sms",
				state: "delivered",
				waiting: 1,
				reference: "0A",
				createdAt: "2026-01-01T00:00:00.000Z",
				updatedAt: "2026-01-01T00:00:05.000Z",
			},
		]);
	});

	it("is learnt from its polls", async () => {
		for (let hour = 0; hour < 5; hour++) {
			await bench.store.takeNextPackage({ eid, at: clock.now() }, signer());
			await clock.advance(hour < 4 ? Hours(1) : Seconds(5));
		}
		const asleep = (await bench.call("GET", device)).body;
		expect(asleep).toMatchObject({ rhythm: { every: 3600, jitter: 0 }, nextExpected: { isAwake: true, by: "polls" } });
		await clock.advance(Minutes(10));
		expect((await bench.call("GET", "/api/v1/devices")).body.items[0].nextExpected).toEqual({
			from: "2026-01-01T04:57:00.000Z",
			until: "2026-01-01T05:03:30.000Z",
			isAwake: false,
			by: "polls",
		});
		const { body } = await bench.call("GET", `/api/v1/operations/${await order()}`);
		expect(body.reason).toBe("waiting for device, expected at 2026-01-01T04:57:00.000Z");
	});

	it("leaves operations of a device without any reason of whose sleep nothing is known", async () => {
		expect((await bench.call("GET", `/api/v1/operations/${await order()}`)).body).not.toHaveProperty("reason");
	});
});
