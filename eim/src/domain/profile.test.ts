import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { expect, it } from "vitest";
import { newDevice } from "./device.ts";
import type { OperationOrder } from "./operation.ts";
import { warningsOf } from "./operation-warnings.ts";
import { applyProfileChange, type Profile } from "./profile.ts";

const eid = Eid.withCheckDigits("890490320000000000000000000001");
const [one, two] = [Iccid("8949000000000000001"), Iccid("8949000000000000002")];
const profile = (iccid: Iccid, state: Profile["state"]): Profile => ({
	eid,
	iccid,
	state,
	profileClass: "operational",
	updatedAt: 1,
});
const both = [profile(one, "enabled"), profile(two, "disabled")];
const states = (profiles: readonly Profile[]) => profiles.map(({ iccid, state }) => [iccid, state]);

it("disables the profile that was enabled when another is", () => {
	const after = applyProfileChange(both, { kind: "enabled", iccid: two }, eid, 9);
	expect(states(after)).toEqual([
		[one, "disabled"],
		[two, "enabled"],
	]);
	expect(after.map(({ updatedAt }) => updatedAt)).toEqual([9, 9]);
});

it("changes nothing, not even a time, when what is told is known", () => {
	expect(applyProfileChange(both, { kind: "enabled", iccid: one }, eid, 9)).toEqual(both);
	expect(applyProfileChange(both, { kind: "disabled", iccid: two }, eid, 9)).toEqual(both);
});

it("learns of a profile that it did not know from what happened to it", () => {
	expect(states(applyProfileChange([], { kind: "enabled", iccid: one }, eid, 9))).toEqual([[one, "enabled"]]);
	expect(applyProfileChange([], { kind: "deleted", iccid: one }, eid, 9)).toEqual([]);
});

it("believes a new list alone", () => {
	expect(applyProfileChange(both, { kind: "listed", profiles: [] }, eid, 9)).toEqual([]);
});

it("keeps of a list with few members or of some profiles what it did not ask for", () => {
	const known = { ...profile(two, "disabled"), nickname: "two", isFallback: true };
	const listed = [{ eid, iccid: two, state: "enabled" as const, updatedAt: 9 }];
	const all = applyProfileChange([profile(one, "disabled"), known], { kind: "listed", profiles: listed }, eid, 9);
	expect(all).toEqual([{ ...known, state: "enabled", updatedAt: 9 }]);
	const search = { iccid: two };
	const some = applyProfileChange(both, { kind: "listed", profiles: [], search }, eid, 9);
	expect(some).toEqual([both[0]]);
	const tests = { profileClass: "test" as const };
	expect(applyProfileChange(both, { kind: "listed", profiles: [], search: tests }, eid, 9)).toEqual(both);
});

it("has one fallback profile at most", () => {
	const isFallback = (profiles: readonly Profile[]) => profiles.map((profile) => profile.isFallback ?? false);
	const set = applyProfileChange(both, { kind: "fallbackSet", iccid: one }, eid, 9);
	const moved = applyProfileChange(set, { kind: "fallbackSet", iccid: two }, eid, 9);
	expect([isFallback(set), isFallback(moved)]).toEqual([
		[true, false],
		[false, true],
	]);
	expect(isFallback(applyProfileChange(moved, { kind: "fallbackUnset" }, eid, 9))).toEqual([false, false]);
});

it("replaces a profile that is installed again", () => {
	const again = { ...profile(two, "disabled"), profileName: "again" };
	expect(applyProfileChange(both, { kind: "installed", profile: again }, eid, 9)).toEqual([both[0], again]);
});

it("warns of what may cut a device off, and of nothing when all is well", () => {
	const device = { ...newDevice({ eid, at: 1 }), lastPollAt: 5 };
	const warnings = (order: OperationOrder, profiles = both) => warningsOf(order, device, profiles, "eim").join(" ");
	expect(warnings({ type: "enable", parameters: { iccid: two, rollback: true } })).toBe("");
	expect(warnings({ type: "enable", parameters: { iccid: two, rollback: false } })).toContain(
		"Rollback is not granted",
	);
	expect(warnings({ type: "enable", parameters: { iccid: one, rollback: true } })).toContain("enabled already");
	expect(warnings({ type: "disable", parameters: { iccid: one } })).toContain("no way back");
	expect(warnings({ type: "delete", parameters: { iccid: one } })).toContain("disabled profiles only");
	expect(warnings({ type: "delete", parameters: { iccid: two } })).toBe("");
	const swap: OperationOrder = {
		type: "euiccPackage",
		parameters: {
			commands: [
				{ type: "disable", parameters: { iccid: one } },
				{ type: "enable", parameters: { iccid: two, rollback: true } },
				{ type: "delete", parameters: { iccid: one } },
			],
		},
	};
	expect(warnings(swap)).toBe("");
	const old = { ...device, dialect: { ...device.dialect, version: "1.0" as const } };
	expect(warningsOf({ type: "setFallbackAttribute", parameters: { iccid: one } }, old, both, "eim").join()).toContain(
		"version 1.0, which has no setFallbackAttribute",
	);
	// Without any knowledge of the profiles there is nothing to warn of.
	expect(warnings({ type: "disable", parameters: { iccid: one } }, [])).toBe("");
});
