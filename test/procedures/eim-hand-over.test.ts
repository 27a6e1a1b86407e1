/**
 * A device goes from one eIM to another, and an eIM goes from one signing key to another: real eIMs, a real IPA, a
 * simulated card (SGP.32 sections 2.11.1.1 and 3.4).
 */

import { SigningKeys } from "@iot-esim/eim/esipa/signing-keys";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { describe, expect, it } from "vitest";
import { shows } from "../conformance/claim.ts";
import { newSigner } from "../support/eims.ts";
import { EIM_ID, esipaBench, poll } from "../support/esipa-bench.ts";
import { BINDINGS_AND_CURVES } from "../support/esipa-face-client.ts";
import { BOOTSTRAP } from "../support/whole-chain.ts";
import { handedChain, NEXT_ID, secondEim } from "./hand-over-bench.ts";

const bootstrap = Iccid(BOOTSTRAP);

describe.each(BINDINGS_AND_CURVES)("hand-over of a device from one eIM to another, in %s on %s", (binding, curve) => {
	it("the first removes itself as its last word: the device is released, and nothing is sent to it any more", async () => {
		const parts = await handedChain(binding, curve);
		const { eim, eid, ipa, peers } = parts;
		const { bench: next, given } = await secondEim(parts);
		peers.set(NEXT_ID, next.face);
		const { eimId, configuration } = given;
		await eim.store.changeDevice(eid, eim.known);
		const leave = await eim.order(eid, {
			type: "euiccPackage",
			parameters: {
				commands: [
					{ type: "addEim", parameters: { eimId, configuration } },
					{ type: "deleteEim", parameters: { eimId: EIM_ID } },
				],
			},
		});
		const behind = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await ipa.pollOnce();
		expect(await eim.state(leave)).toBe("succeeded");
		const released = await eim.store.loadDevice(eid);
		expect(released?.releasedAt).toBeDefined();
		// A stray poll of the device gets nothing, whatever waits.
		await eim.ask(poll(eid));
		expect(await eim.store.loadOperation(behind)).toMatchObject({
			state: "failed",
			reason: { code: "DEVICE_RELEASED" },
		});

		await next.register(eid, { associationToken: 2 });
		const list = await next.order(eid, { type: "listProfiles", parameters: {} });
		await ipa.pollOnce();
		expect(await next.state(list)).toBe("succeeded");
		expect(await next.store.listProfiles(eid)).toMatchObject([{ iccid: bootstrap, state: "enabled" }]);
	});

	it("the last eIM of a card may remove itself: lastEimDeleted is a success", async () => {
		const { eim, eid, ipa } = await handedChain(binding, curve);
		const early = await eim.order(eid, { type: "deleteEim", parameters: { eimId: EIM_ID } });
		await ipa.pollOnce();
		// Nobody could verify its result later: the device would ask this eIM for nothing any more.
		expect(await eim.store.loadOperation(early)).toMatchObject({
			state: "failed",
			reason: { code: "DEVICE_CERTIFICATES_UNKNOWN" },
		});
		await eim.order(eid, { type: "readEuiccData", parameters: {} });
		const leave = await eim.order(eid, { type: "deleteEim", parameters: { eimId: EIM_ID } });
		await ipa.pollOnce();
		expect(await eim.store.loadOperation(leave)).toMatchObject({ state: "succeeded", outcome: { wasLast: true } });
		expect((await eim.store.loadDevice(eid))?.releasedAt).toBeDefined();
	});
});

describe.each(BINDINGS_AND_CURVES)("roll-over of the eIM's signing key, in %s on %s", (binding, curve) => {
	/** The eIM after a restart with a new key; the card knows the old one. */
	async function restarted(parts: Awaited<ReturnType<typeof handedChain>>) {
		const { eim, eid, peers } = parts;
		const signer = newSigner();
		const keys = new SigningKeys(signer, [eim.deps.signer]);
		const [current = "", former = ""] = keys.ids;
		await eim.store.noteEimKeys({ signingKeyId: former, tlsTrustId: undefined });
		const bench = await esipaBench({ pki: eim.pki, store: eim.store, signer, formerSigners: [eim.deps.signer] });
		peers.set(EIM_ID, bench.face);
		return { bench, current, former, knows: async () => (await bench.store.loadDevice(eid))?.signingKeyId };
	}

	it("each device is signed for with the key that its card knows, until its own update is verified", async (context) => {
		const parts = await handedChain(binding, curve);
		const { eid, ipa } = parts;
		const { bench, current, former, knows } = await restarted(parts);
		const before = await bench.order(eid, { type: "listProfiles", parameters: {} });
		await ipa.pollOnce();
		expect([await bench.state(before), await knows()]).toEqual(["succeeded", former]);
		expect(await bench.store.countEimKeys()).toEqual([{ signingKeyId: former, devices: 1, updating: 0 }]);
		const wanted = { signingKeyId: current, tlsTrustId: undefined };
		expect(await bench.store.listOutdatedDevices(wanted, 10)).toHaveLength(1);

		const update = await bench.order(eid, { type: "updateEim", parameters: {} });
		expect(await bench.store.listOutdatedDevices(wanted, 10)).toEqual([]);
		const after = await bench.order(eid, { type: "listProfiles", parameters: {} });
		await ipa.pollOnce();
		expect([await bench.state(update), await bench.state(after), await knows()]).toEqual([
			"succeeded",
			"succeeded",
			current,
		]);
		expect(await bench.store.countEimKeys()).toEqual([{ signingKeyId: current, devices: 1, updating: 0 }]);
		shows(context, { interface: "eIM packages", functions: ["eIM key roll-over"], binding, curve });
	});

	it("an eIM whose database is older than the roll-over finds the key that the card knows", async () => {
		const parts = await handedChain(binding, curve);
		const { eid, ipa } = parts;
		const { bench, current, former, knows } = await restarted(parts);
		await bench.order(eid, { type: "updateEim", parameters: {} });
		await ipa.pollOnce();
		await bench.store.changeDevice(eid, { signingKeyId: former });
		const list = await bench.order(eid, { type: "listProfiles", parameters: {} });
		await ipa.pollOnce();
		expect([await bench.state(list), await knows()]).toEqual(["succeeded", current]);
	});
});
