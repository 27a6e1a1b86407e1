/** The eIM asks an SM-DS by itself, for a device that has it do so (SGP.32 §3.2.3.2). */

import { Hours } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { BINDINGS_AND_CURVES } from "../support/esipa-face-client.ts";
import { TARGET } from "../support/whole-chain.ts";
import { downloadChain, expectInstalled, SMDS, withEvent } from "./download-forms.ts";

describe.each(BINDINGS_AND_CURVES)("an SM-DS that the eIM polls, with ESipa in %s on %s", (binding, curve) => {
	it("each event is downloaded once", async () => {
		const chain = await downloadChain({ binding, curve });
		await withEvent(chain);
		const { eim, eid } = chain;
		const smdsPolling = { address: SMDS, every: Hours(6), since: chain.now() };
		await eim.store.changeDevice(eid, { smdsPolling });
		const questions = async () =>
			(await eim.store.listOperations({ eid, types: ["download"], limit: 9 })).items.map(
				({ origin, state, outcome }) => ({
					origin,
					state,
					outcome,
				}),
			);
		await eim.jobs.runDue();
		await chain.round();
		const [first] = (await eim.store.listOperations({ eid, types: ["download"], limit: 1 })).items;
		await expectInstalled(chain, first?.id ?? "");
		// This SM-DS goes on naming the event of what is on the card.
		await eim.clock.advance(Hours(7));
		await eim.jobs.runDue();
		await chain.round();
		expect(await questions()).toEqual([
			{ origin: "eim", state: "succeeded", outcome: { events: 0 } },
			{ origin: "eim", state: "succeeded", outcome: { iccid: TARGET } },
		]);
	});
});
