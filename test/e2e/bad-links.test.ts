/** The procedures of a device over bad links (`docs/wire.md`), with DTLS and CoAP as they are, on a fake clock. */

import { dtlsAvailable } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { BOOTSTRAP_ICCID, OTHER_ICCID } from "../procedures/ipa-rooms-bench.ts";
import { requireExternal } from "../support/externals.ts";
import type { RelayConditions } from "../support/relay.ts";
import { PROFILE_OCTETS, performAll, switchTo } from "./bad-links-procedures.ts";
import { BadLinkScene } from "./bad-links-scene.ts";

const isThere = await requireExternal("the DTLS addon (a C++ compiler)", () =>
	dtlsAvailable().available ? true : undefined,
);

describe.skipIf(!isThere)("a device on a bad link", () => {
	let scene: BadLinkScene;
	afterEach(() => scene?.close());

	const links: readonly (readonly [string, RelayConditions])[] = [
		["that loses 30 % of the datagrams", { seed: 1, loss: 0.3, delay: Seconds(0.1) }],
		["with 10 s of latency each way", { seed: 2, delay: Seconds(10) }],
		[
			"of 1 kB/s that doubles and reorders",
			{ seed: 3, rate: 1000, delay: Seconds(0.5), duplicates: 0.2, reorder: 0.2, reorderBy: Seconds(2) },
		],
	];
	it.each(links)("%s reads, downloads, switches and deletes, and nothing is done twice", async (_name, conditions) => {
		scene = await BadLinkScene.open(conditions);
		const outcomes = await performAll(scene);
		for (const [procedure, { state }] of Object.entries(outcomes))
			expect([procedure, state]).toEqual([procedure, "succeeded"]);
		scene.relay.expectHarm();
		expect(await scene.rooms.iccids()).toEqual([OTHER_ICCID]);
		const told = scene.rooms.smdp.notifications();
		expect(told.every(({ isVerified }) => isVerified)).toBe(true);
		expect(told.map(({ event }) => event).sort()).toEqual(["enable", "install"]);
	});

	it("goes on with a download after an outage of 60 s in the midst of it, and after its NAT has forgotten it", async () => {
		scene = await BadLinkScene.open({ seed: 4, delay: Seconds(0.5) });
		await scene.poll();
		scene.after(Seconds(8), () => scene.relay.cut());
		scene.after(Seconds(68), () => scene.relay.mend());
		scene.after(Seconds(90), () => scene.network.rebind());
		const { state, took } = await scene.download(OTHER_ICCID, PROFILE_OCTETS);
		expect(state).toBe("succeeded");
		expect(took).toBeGreaterThan(Seconds(60));
		expect(scene.relay.counts.droppedInOutage).toBeGreaterThan(0);
	});

	it("without a link for half an hour in the midst of a download fails round after round, and ends it when the link is back", async () => {
		scene = await BadLinkScene.open({ seed: 5, delay: Seconds(0.5) });
		await scene.poll();
		scene.after(Seconds(8), () => scene.relay.cut());
		scene.after(Minutes(30), () => scene.relay.mend());
		const { state, took, failures } = await scene.download(OTHER_ICCID, PROFILE_OCTETS);
		expect(state).toBe("succeeded");
		expect(failures).toBeGreaterThan(2);
		expect(took).toBeGreaterThan(Minutes(29));
		expect(await scene.rooms.iccids()).toEqual([BOOTSTRAP_ICCID, OTHER_ICCID]);
	});

	it("whose new profile leads nowhere goes back to the old one, says so, and switches when it is asked again", async () => {
		scene = await BadLinkScene.open({ seed: 6, delay: Seconds(0.5) });
		await scene.download(OTHER_ICCID, PROFILE_OCTETS);
		scene.onEvent("refresh-started", () => scene.relay.cut());
		scene.onEvent("rollback-started", () => scene.relay.mend());
		expect(await scene.perform(switchTo(OTHER_ICCID))).toMatchObject({ state: "rolled-back" });
		expect(await scene.rooms.enabledIccid()).toBe(BOOTSTRAP_ICCID);
		expect(await scene.perform(switchTo(OTHER_ICCID))).toMatchObject({ state: "succeeded" });
		expect(await scene.rooms.enabledIccid()).toBe(OTHER_ICCID);
	});
});
