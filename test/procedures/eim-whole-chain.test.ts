/**
 * The eIM, the IPA, the eUICC and the SM-DP+ in one process, by the octets of ESipa, ES10 and ES9+: nothing here is
 * scripted, and no part knows that the others are not far away.
 */

import { Iccid } from "@iot-esim/shared/ids/iccid";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { testPki } from "../support/esipa-bench.ts";
import { BINDINGS_AND_CURVES } from "../support/esipa-face-client.ts";
import { SMDP } from "../support/smdp-bench.ts";
import { BOOTSTRAP, type ChainOptions, TARGET, wholeChain } from "../support/whole-chain.ts";

const bootstrap = Iccid(BOOTSTRAP);
const target = Iccid(TARGET);
const { eid } = testPki();

let closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
	for (const close of closing.reverse()) await close();
	closing = [];
});

async function chain(given: ChainOptions = {}) {
	const parts = await wholeChain(given);
	closing.push(() => parts.close());
	return parts;
}

describe.each(BINDINGS_AND_CURVES)("the whole chain with ESipa in %s on %s", (binding, curve) => {
	it("downloads, delivers the notification, enables, lists and deletes", async () => {
		// ES9+ in the other form, so that both are seen on both curves.
		const encoding = binding === "asn1" ? "json" : "asn1";
		const { eim, smdp, line, round, profiles, release } = await chain({ binding, curve, encoding });
		const matchingId = await release();
		const download = await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		expect(await round()).toBeGreaterThan(0);
		expect(await eim.store.loadOperation(download)).toMatchObject({ state: "succeeded", outcome: { iccid: target } });
		expect(await profiles()).toEqual({ [target]: "disabled" });
		expect(await eim.jobs.runDue()).toBe(1);
		expect(smdp.notifications()).toMatchObject([{ event: "install", result: "success", isVerified: true }]);
		expect(line.paths.length).toBeGreaterThanOrEqual(4);

		const enable = await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: true } });
		await round();
		expect(await eim.store.loadOperation(enable)).toMatchObject({ state: "succeeded" });
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await round();
		expect(await eim.state(list)).toBe("succeeded");
		expect(await profiles()).toEqual({ [target]: "enabled", [bootstrap]: "disabled" });

		const remove = await eim.order(eid, { type: "delete", parameters: { iccid: bootstrap } });
		await round();
		expect(await eim.state(remove)).toBe("succeeded");
		expect(await profiles()).toEqual({ [target]: "enabled" });
	});
});

describe("the whole chain", () => {
	it("rolls back when the eIM cannot be reached over the new profile, and the eIM learns what is enabled", async () => {
		const { eim, device, round, profiles, events, cutUntilRollback, release } = await chain();
		const matchingId = await release();
		await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		await round();
		const enable = await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: true } });
		cutUntilRollback();
		await round();
		expect(events).toContain("result-waiting");
		expect(device.errors).toEqual([]);
		expect(await eim.store.loadOperation(enable)).toMatchObject({
			state: "rolled-back",
			reason: { code: "rollback: ok(0)" },
		});
		expect(await profiles()).toEqual({ [target]: "disabled", [bootstrap]: "enabled" });
	});

	it("leaves nothing on the card that was acknowledged, and acknowledges nothing else", async () => {
		const { eim, smdp, device, round, release } = await chain();
		const matchingId = await release();
		await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		await round();
		await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: false } });
		await round();
		await round();
		await device.restart();
		expect(await device.ask("BF2B00")).toBe("BF2B02A000");
		expect(await device.ask("BF2B04A0028200")).toMatch(/^BF2B02A[02]00$/);
		const seqNumbers = (await eim.store.listNotifications(eid, { limit: 20 })).items.map((one) => one.seqNumber);
		expect(new Set(seqNumbers).size).toBe(seqNumbers.length);
		expect(await eim.jobs.runDue()).toBe(seqNumbers.length);
		expect(
			smdp
				.notifications()
				.map((one) => one.event)
				.sort(),
		).toEqual(
			["disable", "enable", "install"].filter((event) => smdp.notifications().some((one) => one.event === event)),
		);
		expect(smdp.notifications()).toHaveLength(seqNumbers.length);
	});

	it("keeps the notification until the SM-DP+ can be reached again", async () => {
		const { eim, smdp, line, round, release } = await chain();
		const matchingId = await release();
		await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		await round();
		const { handler } = line;
		line.handler = undefined;
		expect(await eim.jobs.runDue()).toBe(1);
		expect(smdp.notifications()).toEqual([]);
		const waiting = (await eim.store.listNotifications(eid, { limit: 1 })).items[0];
		expect(waiting).toMatchObject({ attempts: 1, lastError: expect.stringContaining("ES9PLUS_UNREACHABLE") });
		expect(await eim.jobs.runDue()).toBe(0);
		line.handler = handler;
		await eim.clock.advance(Seconds(6));
		expect(await eim.jobs.runDue()).toBe(1);
		expect(smdp.notifications()).toHaveLength(1);
	});

	it("fails a download in the SM-DP+'s code when it refuses the matching id", async () => {
		const { eim, round, release } = await chain();
		await release();
		const parameters = { smdpAddress: SMDP, matchingId: "NOT-THERE" };
		const download = await eim.order(eid, { type: "download", parameters });
		await round();
		expect(await eim.store.loadOperation(download)).toMatchObject({ state: "failed", reason: { code: "8.2.6/3.8" } });
	});

	it("says why when the SM-DP+ could not be reached and the device gave up", async () => {
		const { eim, line, ipa, release } = await chain();
		const matchingId = await release();
		line.handler = undefined;
		const download = await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		await ipa.pollOnce();
		expect(await eim.store.loadOperation(download)).toMatchObject({
			state: "failed",
			reason: { code: "ES9PLUS_UNREACHABLE", text: expect.stringContaining(SMDP) },
		});
	});
});
