import { Eid } from "@iot-esim/shared/ids/eid";
import { Minutes } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { newDevice } from "../domain/device.ts";
import { type DeviceLink, linkOf } from "../domain/device-link.ts";
import { openStore } from "../storage/open-store.ts";
import { noteLink } from "./seen-link.ts";

const eid = Eid("89049032123451234512345678901235");
const audit = { at: 0, actor: "test", action: "test", subject: eid, facts: {} };

describe("the link of a result", () => {
	it("is noted when the poll came over another one, and else only after some minutes", async () => {
		const clock = new FakeClock();
		const store = await openStore({ file: ":memory:" });
		await store.registerDevice(newDevice({ eid, at: clock.now() }), audit);
		const poll = { eid, at: clock.now(), link: "coap" } as const;
		await store.takeNextPackage(poll, () => ({ kind: "unbuildable", text: "nothing waits" }));
		const seen = async (link: DeviceLink | undefined) => {
			const device = await store.loadDevice(eid);
			if (device !== undefined) await noteLink({ store, clock }, device, link);
			const { lastLink, lastLinkAt = 0 } = (await store.loadDevice(eid)) ?? {};
			return [lastLink, clock.now() - lastLinkAt];
		};
		await clock.advance(Minutes(1));
		expect(await seen("coap")).toEqual(["coap", Minutes(1)]);
		expect(await seen(undefined)).toEqual(["coap", Minutes(1)]);
		expect(await seen("https-asn1")).toEqual(["https-asn1", 0]);
		await clock.advance(Minutes(5));
		expect(await seen("https-asn1")).toEqual(["https-asn1", 0]);
		await store.close();
	});

	it.each([
		["https://device.example.com:8444", "json", "https-json"],
		["https://device.example.com:8444", "asn1", "https-asn1"],
		["coaps://device.example.com", "asn1", "coap"],
		["mqtt:", "asn1", "mqtt"],
		["lwm2m:", "asn1", "lwm2m"],
	] as const)("of a package brought to %s in %s is %s", (url, binding, link) => {
		expect(linkOf({ url, binding })).toBe(link);
	});
});
