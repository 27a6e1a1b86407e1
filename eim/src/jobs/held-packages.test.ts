import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { deviceChain } from "../../../test/support/whole-chain.ts";
import type { AwakeRule } from "../domain/awake.ts";
import type { Job } from "../domain/job.ts";
import { esipaContext } from "../esipa/handler.ts";
import { jobWork } from "./job-work.ts";

const audit = { at: 0, actor: "test", action: "test", subject: "test", facts: {} };
const noServers = { request: () => Promise.reject(new Error("no SM-DP+ in this test")) };

it("packages for a device that sleeps are held until it is expected, and brought while it is awake", async () => {
	const { eim, eid, ipa, close } = await deviceChain({ http: noServers });
	let brought = 0;
	const injector = {
		transfer: (_address: unknown, message: Uint8Array) => {
			brought++;
			return ipa.transferEimPackage(message, () => true);
		},
	};
	const { packageInjection: bring } = jobWork(esipaContext(eim.deps), injector);
	const job = { kind: "packageInjection", reference: eid } as unknown as Job;
	const awake: AwakeRule = { by: "psm", every: Minutes(30), for: Seconds(20) };
	await eim.store.changeDevice(eid, { inject: { url: "mqtt:", binding: "asn1" }, awake }, audit);
	await ipa.pollOnce();
	const asked = (await eim.store.loadDevice(eid))?.lastPollAt ?? 0;
	await eim.clock.advance(Seconds(30));
	const order = await eim.order(eid, { type: "listProfiles", parameters: {} });
	const expected = new Date(asked + Minutes(30)).toISOString();
	expect(await bring(job)).toEqual({
		runAgainAt: asked + Minutes(30),
		error: `waiting for device, expected at ${expected}`,
	});
	expect([await eim.state(order), brought]).toEqual(["queued", 0]);
	await eim.clock.advance(asked + Minutes(30) - eim.clock.now());
	expect(await bring(job)).toBeUndefined();
	expect(await eim.state(order)).toBe("succeeded");
	expect(brought).toBeGreaterThan(0);
	await close();
});

it("what an injection leaves held is brought when that is over", async () => {
	const { eim, eid, close } = await deviceChain({ http: noServers });
	const { packageInjection: bring } = jobWork(esipaContext(eim.deps), {
		transfer: () => Promise.reject(new Error("nothing may be brought")),
	});
	const job = { kind: "packageInjection", reference: eid } as unknown as Job;
	await eim.store.changeDevice(eid, { inject: { url: "mqtt:", binding: "asn1" } }, audit);
	const order = await eim.order(eid, { type: "listProfiles", parameters: {} });
	await expect(bring(job)).rejects.toThrow("nothing may be brought");
	const at = eim.clock.now();
	const drop = { kind: "packageDropped", at, reason: { text: "later" }, heldUntil: at + Minutes(15) } as const;
	await eim.store.moveOperation(order, drop);
	expect(await bring(job)).toEqual({ runAgainAt: at + Minutes(15), error: "what waits is held" });
	await eim.clock.advance(Minutes(15));
	await expect(bring(job)).rejects.toThrow("nothing may be brought");
	await close();
});
