import { Eid } from "@iot-esim/shared/ids/eid";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { signer } from "../../../test/contract/store-samples.ts";
import { apiBench } from "../../../test/support/api-bench.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import type { Job, JobKind } from "../domain/job.ts";
import type { WakeUpState } from "../domain/wake-up.ts";

const START = Date.UTC(2026, 0, 1);
const eid = Eid.withCheckDigits("890490320000000000000000000001");
const device = `/api/v1/devices/${eid}`;
const at = (seconds: number) => new Date(START + Seconds(seconds)).toISOString();

let bench: Awaited<ReturnType<typeof apiBench>>;
let clock: FakeClock;
beforeEach(async () => {
	clock = new FakeClock(START);
	bench = await apiBench({ clock });
	await bench.call("POST", "/api/v1/devices", { eid });
});
afterEach(() => bench.close());

const order = async () =>
	(await bench.call("POST", `${device}/operations`, { type: "listProfiles" })).body.id as string;
const shown = async (id: string) => (await bench.call("GET", `/api/v1/operations/${id}`)).body;
const settle = (change: object) => bench.call("PATCH", device, change);
const BY_COAP = { inject: { url: "coaps://10.7.0.21" } };
const BY_SMS = { wakeUp: { via: "sms", msisdn: "+491701234567" } };

async function claim(kind: JobKind): Promise<Job> {
	const [job] = await bench.store.claimDueJobs(1, clock.now(), clock.now() + Minutes(1), [kind]);
	if (job === undefined) throw new Error(`no ${kind} is due`);
	return job;
}

/** One try of the job that brings packages, put off for a minute. */
async function fail(error: string): Promise<void> {
	const job = await claim("packageInjection");
	await bench.store.postponeJob(job.id, error, clock.now(), clock.now() + Minutes(1), job.leasedUntil);
}

async function wake(id: string, state: WakeUpState, error?: string): Promise<void> {
	const row = { id, eid, via: "sms", state: "sending", waiting: 1, createdAt: clock.now(), updatedAt: clock.now() };
	await bench.store.openWakeUp({ ...row, via: "sms", state: "sending" });
	await bench.store.changeWakeUp(id, { state, at: clock.now(), error });
}

describe("an operation that cannot be brought to its device", () => {
	it("says when that was tried last, over which way, why it failed and when it is tried next", async () => {
		await settle(BY_COAP);
		const id = await order();
		expect(await shown(id)).not.toHaveProperty("lastAttempts");
		await clock.advance(Seconds(2));
		await bench.store.takeNextPackage({ eid, at: clock.now(), isInjection: true }, signer());
		await fail("INJECT_UNREACHABLE: coaps://10.7.0.21: no answer within 60 s");
		const detail = "INJECT_UNREACHABLE: coaps://10.7.0.21: no answer within 60 s";
		const attempt = { what: "inject", via: "coap", state: "failed", at: at(2), attempts: 1, detail, nextAt: at(62) };
		const reason = `waiting for the result; bringing it over coap at ${at(2)} failed: ${detail}; next try at ${at(62)}`;
		expect(await shown(id)).toMatchObject({ state: "sent", reason, lastAttempts: [attempt] });
		expect((await bench.call("GET", "/api/v1/operations")).body.items).toMatchObject([{ id, reason }]);
	});

	it("counts the tries, and tells that another one is under way", async () => {
		await settle(BY_COAP);
		const id = await order();
		const first = await claim("packageInjection");
		expect(await shown(id)).toMatchObject({
			reason: "waiting for device; it is being brought over coap now",
			lastAttempts: [{ what: "inject", via: "coap", state: "sending" }],
		});
		await bench.store.repeatJob(first.id, clock.now(), undefined, first.leasedUntil);
		for (const error of ["first", "second"]) {
			await fail(error);
			await clock.advance(Minutes(1));
		}
		expect((await shown(id)).reason).toContain(`failed (2 tries): second; next try at ${at(120)}`);
		await claim("packageInjection");
		expect(await shown(id)).toMatchObject({
			reason: "waiting for device; bringing it over coap, tried again now, failed (2 tries): second",
			lastAttempts: [{ state: "failed", attempts: 2, detail: "second" }],
		});
	});

	it("does not count as failed what the device has taken and works on", async () => {
		await settle(BY_COAP);
		const id = await order();
		await fail("ESIPA_INJECTION_OPEN: the device works on the package");
		expect(await shown(id)).toMatchObject({
			reason: `waiting for device; brought over coap at ${at(0)}: the device works on the package; next try at ${at(60)}`,
			lastAttempts: [{ state: "brought", detail: "the device works on the package" }],
		});
	});

	it("says nothing of what failed before it was ordered, nor when it is over", async () => {
		await settle(BY_COAP);
		const first = await order();
		await fail("unreachable");
		await clock.advance(Seconds(5));
		expect(await shown(await order())).not.toHaveProperty("lastAttempts");
		await bench.store.moveOperation(first, { kind: "expired", at: clock.now() });
		expect(await shown(first)).not.toHaveProperty("lastAttempts");
	});
});

describe("an operation whose device cannot be woken", () => {
	it("says why, when and when it is woken again, whether it was fetched before or not", async () => {
		await settle(BY_SMS);
		const id = await order();
		await wake("wu_1", "failed", "WAKE_SMSC_UNBOUND: no binding");
		const job = await claim("deviceWakeUp");
		await bench.store.repeatJob(job.id, START + Seconds(30), "the last wake-up failed", job.leasedUntil);
		const failure = `waking by sms at ${at(0)} failed: WAKE_SMSC_UNBOUND: no binding; next try at ${at(30)}`;
		expect(await shown(id)).toMatchObject({
			reason: `waiting for device; ${failure}`,
			lastAttempts: [{ what: "wakeUp", via: "sms", state: "failed", at: at(0), nextAt: at(30) }],
		});
		await bench.store.takeNextPackage({ eid, at: clock.now() }, signer());
		expect(await shown(id)).toMatchObject({ state: "sent", reason: expect.stringContaining(failure) });
	});

	it("shows both where both are tried", async () => {
		await settle({ ...BY_COAP, ...BY_SMS });
		const id = await order();
		await fail("unreachable");
		await wake("wu_1", "sent");
		const { lastAttempts, reason } = await shown(id);
		expect(lastAttempts).toMatchObject([
			{ what: "inject", state: "failed" },
			{ what: "wakeUp", state: "sent" },
		]);
		expect(reason).toMatch(/failed: unreachable; next try at .*; woken by sms at .* \(sent\)$/);
	});
});
