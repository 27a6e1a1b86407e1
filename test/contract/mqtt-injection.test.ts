/** ESipa.TransferEimPackage over MQTT, from the eIM's database to the eUICC and back (SGP.32 §5.14.4). */

import { esipaContext } from "@iot-esim/eim/esipa/handler";
import { injectPackages } from "@iot-esim/eim/esipa/inject-packages";
import { afterEach, expect, it } from "vitest";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryBroker } from "../support/mqtt-broker.ts";
import { deviceChain } from "../support/whole-chain.ts";
import { closeAll, faceOf, linkOf, NOTHING, pollOf } from "./mqtt-bench.ts";

afterEach(closeAll);

const audit = { at: 0, actor: "test", action: "test", subject: "test", facts: {} };
const noServers = { request: () => Promise.reject(new Error("no SM-DP+ in this test")) };

/** A device of the address `mqtt:` that listens at a broker, and the eIM's way to it. */
async function scene() {
	const chain = await deviceChain({ http: noServers });
	const { eim, eid, ipa } = chain;
	const broker = new MemoryBroker();
	const clock = new FakeClock();
	const face = faceOf(broker.opener(), { clock, handler: { handle: async () => NOTHING } });
	face.start();
	const taken: Uint8Array[] = [];
	const link = linkOf(broker.opener("3.1.1"), {
		eid,
		onTransfer: (message) => {
			taken.push(message);
			return ipa.transferEimPackage(message, () => true);
		},
	});
	await face.connected();
	await link.exchange(pollOf(eid));
	const device = await eim.store.changeDevice(eid, { inject: { url: "mqtt:", binding: "asn1" } }, audit);
	if (device === undefined || device instanceof Error) throw new Error("no device");
	return { ...chain, broker, clock, taken, bring: () => injectPackages(esipaContext(eim.deps), face, device) };
}

it("brings packages one after the other, has their results and brings the acknowledgements", async () => {
	const { eim, eid, bring, taken, close } = await scene();
	const orders = [
		await eim.order(eid, { type: "listProfiles", parameters: {} }),
		await eim.order(eid, { type: "getRat", parameters: {} }),
	];
	await bring();
	expect(await Promise.all(orders.map((id) => eim.state(id)))).toEqual(["succeeded", "succeeded"]);
	// The second members: EuiccPackageRequest and EimAcknowledgements in turn, and what the eIM asked for itself.
	expect(taken.length).toBeGreaterThanOrEqual(4);
	await close();
});

it("a package that comes twice is executed once; a lost answer is had with the next attempt", async () => {
	const { eim, eid, bring, broker, clock, ipa, close } = await scene();
	broker.copies = 2;
	let executed = 0;
	ipa.events.on("package-executed", ({ outcome }) => {
		if (outcome === "signed-result") executed++;
	});
	const order = await eim.order(eid, { type: "listProfiles", parameters: {} });
	let isLost = true;
	broker.passes = ({ topic }) => !(isLost && topic.includes("/u/"));
	const lost = bring();
	lost.catch(() => undefined);
	await expect.poll(() => broker.seen.some(({ topic }) => topic.includes(`/u/${eid}/t/`))).toBe(true);
	await clock.advance(60_000);
	await expect(lost).rejects.toMatchObject({ code: "INJECT_UNREACHABLE" });
	expect(await eim.state(order)).toBe("sent");
	isLost = false;
	await bring();
	expect(await eim.state(order)).toBe("succeeded");
	expect(executed).toBe(1);
	await close();
});
