import { Eid } from "@iot-esim/shared/ids/eid";
import { expect, it } from "vitest";
import { changeDevice, LAST_COUNTER, newDevice, nextCounter, RESERVED_COUNTERS } from "./device.ts";
import { setDialect } from "./dialect.ts";
import { mayEnrol } from "./enrolment.ts";
import type { OperationOrder } from "./operation.ts";

const device = newDevice({ eid: Eid.withCheckDigits("890490320000000000000000000001"), at: 1 });

const list: OperationOrder = { type: "listProfiles", parameters: {} };

it("begins with the counter that the card is told, so that the first package has a greater one", () => {
	expect(nextCounter(device, list)).toBe(2);
});

it("keeps the last counter values for commands on eIMs, and has none after the last that an eUICC takes", () => {
	const removal: OperationOrder = { type: "deleteEim", parameters: { eimId: "eim" } };
	const last = LAST_COUNTER - RESERVED_COUNTERS;
	expect(nextCounter({ ...device, counter: last - 1 }, list)).toBe(last);
	expect(nextCounter({ ...device, counter: last }, list)).toMatchObject({ code: "DEVICE_COUNTER_EXHAUSTED" });
	expect(nextCounter({ ...device, counter: LAST_COUNTER - 1 }, removal)).toBe(LAST_COUNTER);
	const spent = { ...device, counter: LAST_COUNTER };
	expect(nextCounter(spent, removal)).toMatchObject({ code: "DEVICE_COUNTER_EXHAUSTED" });
	expect(nextCounter(spent, { type: "readEuiccData", parameters: {} })).not.toBeInstanceOf(Error);
});

it("counts anew only under a new association token", () => {
	const used = { ...device, counter: 900, associationToken: 1 };
	expect(changeDevice(used, { counter: 1 })).toMatchObject({ code: "DEVICE_COUNTER_SPENT" });
	expect(changeDevice(used, { counter: 1, associationToken: 2 })).toMatchObject({ counter: 1, associationToken: 2 });
	expect(changeDevice(used, { counter: 901 })).toMatchObject({ counter: 901 });
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

it("learns a version into the dialect that it has by then, and never over an operator's word", () => {
	const seenVersion = { of: "version", version: "1.0", from: "GetEimPackage" } as const;
	const [free, fixed] = [setDialect({ nestedCertificateArms: true }), setDialect({ version: "1.2" })];
	expect(changeDevice({ ...device, dialect: free }, { seenVersion })).toEqual({
		...device,
		dialect: { ...free, version: "1.0", versionFrom: "GetEimPackage" },
	});
	expect(changeDevice({ ...device, dialect: fixed }, { seenVersion })).toEqual({ ...device, dialect: fixed });
});

it("enrols itself only within a range, both ends included, and never without one", () => {
	const { eid } = device;
	expect(mayEnrol(eid, [])).toBe(false);
	expect(mayEnrol(eid, [{ from: "89049032", to: "89049032" }])).toBe(true);
	expect(mayEnrol(eid, [{ from: "89049031", to: "89049032" }])).toBe(true);
	expect(mayEnrol(eid, [{ from: "89049033", to: "89049039" }])).toBe(false);
	expect(mayEnrol(eid, [{ from: eid, to: eid }])).toBe(true);
});
