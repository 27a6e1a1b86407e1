import { Eid } from "@iot-esim/shared/ids/eid";
import { encodePem } from "@iot-esim/shared/pki/pem";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiBench } from "../../../test/support/api-bench.ts";
import { testPki } from "../../../test/support/esipa-bench.ts";

let bench: Awaited<ReturnType<typeof apiBench>>;
beforeEach(async () => {
	bench = await apiBench();
	await bench.call("POST", "/api/v1/devices", { eid });
});
afterEach(() => bench.close());

const eid = Eid.withCheckDigits("890490320000000000000000000001");
const device = `/api/v1/devices/${eid}`;
const certificate = encodePem("CERTIFICATE", testPki().dpTls.certificate);
const url = "https://device.example.com:8444";

describe("the inject address of a device", () => {
	it("is set, shown without its certificate, used at once, and taken away", async () => {
		expect(await bench.store.nextJobAt()).toBeUndefined();
		const set = await bench.call("PATCH", device, { inject: { url, certificate, binding: "json" } });
		expect([set.status, set.body.inject]).toEqual([200, { url, binding: "json" }]);
		expect((await bench.store.loadDevice(eid))?.inject).toEqual({ url, certificate, binding: "json" });
		const [job] = await bench.store.claimDueJobs(5, Date.now() + 1000, Date.now() + 2000);
		expect(job).toMatchObject({ kind: "packageInjection", reference: eid });
		const again = await bench.call("PATCH", device, { inject: { url, certificate } });
		expect(again.body.inject).toEqual({ url, binding: "asn1" });
		expect((await bench.call("PATCH", device, { inject: null })).body.inject).toBeUndefined();
	});

	it("that is changed, or when the device is awake, lets what waits after failures be tried at once", async () => {
		await bench.call("PATCH", device, { inject: { url, certificate } });
		const awake = { every: 3600, for: 20 };
		for (const change of [{ inject: { url: `${url}1`, certificate } }, { awake }]) {
			const now = Date.now() + 1000;
			const [job] = await bench.store.claimDueJobs(5, now, now + 1000);
			await bench.store.postponeJob(job?.id ?? "", "unreachable", now, now + 6 * 3_600_000, job?.leasedUntil);
			expect(await bench.call("PATCH", device, change)).toMatchObject({ status: 200 });
			expect(await bench.store.nextJobAt()).toBeLessThan(now + 1000);
		}
	});

	it("over CoAP needs no certificate, since the device may share a key with the eIM", async () => {
		const [own, proven] = ["coaps://10.7.0.21:5684", "coaps://device.example.com"];
		expect((await bench.call("PATCH", device, { inject: { url: own } })).body.inject).toEqual({
			url: own,
			binding: "asn1",
		});
		const shown = await bench.call("PATCH", device, { inject: { url: proven, certificate } });
		expect(shown.body.inject).toEqual({ url: proven, binding: "asn1" });
		expect((await bench.store.loadDevice(eid))?.inject?.certificate).toBe(certificate);
	});

	it("makes a job of every operation that is ordered for the device", async () => {
		await bench.call("POST", `${device}/operations`, { type: "listProfiles" });
		expect(await bench.store.nextJobAt()).toBeUndefined();
		await bench.call("PATCH", device, { inject: { url, certificate } });
		for (const job of await bench.store.claimDueJobs(5, Date.now() + 1000, Date.now() + 2000)) {
			await bench.store.completeJob(job.id, Date.now());
		}
		await bench.call("POST", `${device}/operations`, { type: "listProfiles" });
		expect(await bench.store.claimDueJobs(5, Date.now() + 1000, Date.now() + 2000)).toMatchObject([
			{ kind: "packageInjection", reference: eid },
		]);
	});

	it.each([
		[{ url: "http://device", certificate }, "body.inject.url"],
		[{ url: "https://device/path", certificate }, "body.inject.url"],
		[{ url }, "body.inject.certificate"],
		[{ url, certificate: "hello" }, "body.inject.certificate"],
		[{ url, certificate: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" }, "body.inject.certificate"],
		[{ url, certificate, binding: "coap" }, "body.inject.binding"],
		[{ url: "coap://device" }, "body.inject.url"],
		[{ url: "coaps://device", certificate, binding: "json" }, "body.inject.binding"],
	])("is refused by the field that is wrong: %j", async (inject, field) => {
		const { status, body } = await bench.call("PATCH", device, { inject });
		expect([status, body.code]).toEqual([400, "API_REQUEST_INVALID"]);
		expect(body.detail).toContain(field);
	});
});
