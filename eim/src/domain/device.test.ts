import { Eid } from "@iot-esim/shared/ids/eid";
import { expect, it } from "vitest";
import { changeDevice, LAST_COUNTER, newDevice, nextCounter } from "./device.ts";
import { mayEnrol } from "./enrolment.ts";

const device = newDevice({ eid: Eid.withCheckDigits("890490320000000000000000000001"), at: 1 });

it("begins with the counter that the card is told, so that the first package has a greater one", () => {
	expect(nextCounter(device)).toBe(2);
});

it("has no counter after the last one that an eUICC takes", () => {
	expect(nextCounter({ ...device, counter: LAST_COUNTER - 1 })).toBe(LAST_COUNTER);
	expect(nextCounter({ ...device, counter: LAST_COUNTER })).toMatchObject({ code: "DEVICE_COUNTER_EXHAUSTED" });
});

it("accepts unverified results only in a named lab mode, and not any more when it has left it", () => {
	expect(changeDevice(device, { acceptUnverified: true })).toMatchObject({ code: "DEVICE_LAB_MODE_REQUIRED" });
	expect(changeDevice(device, { acceptUnverified: true, labMode: "" })).toMatchObject({
		code: "DEVICE_LAB_MODE_REQUIRED",
	});
	const inLab = changeDevice(device, { acceptUnverified: true, labMode: "bench" });
	if (inLab instanceof Error) throw inLab;
	expect(inLab).toMatchObject({ acceptUnverified: true, labMode: "bench" });
	const left = changeDevice(inLab, { labMode: null });
	expect(left).toMatchObject({ acceptUnverified: false });
	expect(left).not.toHaveProperty("labMode");
});

it("leaves alone what a change does not name", () => {
	const changed = changeDevice({ ...device, associationToken: 4 }, { name: "pump", lastRplmn: undefined });
	expect(changed).toEqual({ ...device, associationToken: 4, name: "pump" });
});

it("enrols itself only within a range, both ends included, and never without one", () => {
	const { eid } = device;
	expect(mayEnrol(eid, [])).toBe(false);
	expect(mayEnrol(eid, [{ from: "89049032", to: "89049032" }])).toBe(true);
	expect(mayEnrol(eid, [{ from: "89049031", to: "89049032" }])).toBe(true);
	expect(mayEnrol(eid, [{ from: "89049033", to: "89049039" }])).toBe(false);
	expect(mayEnrol(eid, [{ from: eid, to: eid }])).toBe(true);
});
