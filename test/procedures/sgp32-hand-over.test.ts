/** A device goes from one eIM to another (SGP.32 sections 2.11.1.1 and 3.4). */

import { expect } from "vitest";
import { EIM_ID } from "../support/esipa-bench.ts";
import { procedure } from "../support/procedure.ts";
import { handedChain, NEXT_ID, secondEim } from "./hand-over-bench.ts";

procedure("Hand-over of a device to another eIM", async (where) => {
	// The first adds the second, which registers the device with the card's token and then removes the first.
	const parts = await handedChain(where.binding, where.curve);
	const { eim, eid, ipa, peers } = parts;
	const { bench: next, given } = await secondEim(parts);
	peers.set(NEXT_ID, next.face);
	const { eimId, configuration, counterValue } = given;
	const add = await eim.order(eid, { type: "addEim", parameters: { eimId, configuration } });
	await ipa.pollOnce();
	const { outcome } = (await eim.store.loadOperation(add)) ?? {};
	expect(outcome).toMatchObject({ eimId: NEXT_ID, associationToken: 2 });

	const associationToken = Number(outcome?.associationToken);
	await next.register(eid, { associationToken, ...(counterValue === undefined ? {} : { counter: counterValue }) });
	const list = await next.order(eid, { type: "listProfiles", parameters: {} });
	await ipa.pollOnce();
	expect(await next.state(list)).toBe("succeeded");
	const remove = await next.order(eid, { type: "deleteEim", parameters: { eimId: EIM_ID } });
	await ipa.pollOnce();
	expect(await next.store.loadOperation(remove)).toMatchObject({ state: "succeeded", outcome: { eimId: EIM_ID } });
	expect((await next.store.loadDevice(eid))?.releasedAt).toBeUndefined();

	// Both eIMs had the device at once, each with its own counter; now the second has it alone.
	const late = await eim.order(eid, { type: "listProfiles", parameters: {} });
	await ipa.pollOnce();
	expect(await eim.state(late)).toBe("queued");
	where.shows({ interface: "eIM packages", functions: ["hand-over to another eIM"] });
});
