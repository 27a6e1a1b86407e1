/** Programs over bad links for real: namespaces, the kernel's UDP and TCP, real clocks. */

import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { namespaces } from "../support/netns.ts";
import type { RelayConditions } from "../support/relay.ts";
import { BadLinkPrograms, BOOTSTRAP, TARGET, type Transport } from "./bad-links-programs.ts";

const isThere = await namespaces();
const LONGEST = 240_000;

describe.skipIf(!isThere)("programs on a bad link", () => {
	let programs: BadLinkPrograms | undefined;
	afterEach(() => programs?.close());

	async function start(transport: Transport, conditions: RelayConditions): Promise<BadLinkPrograms> {
		programs = await BadLinkPrograms.start(transport, conditions);
		return programs;
	}

	/** Downloads a profile, switches to it, and lets the card say what it has. */
	async function download(running: BadLinkPrograms): Promise<void> {
		expect(await running.finished(await running.orderDownload(6_000), LONGEST)).toBe("succeeded");
	}
	async function switchAndList(running: BadLinkPrograms): Promise<void> {
		const enable = await running.order({ type: "enable", iccid: TARGET });
		expect(await running.finished(enable, LONGEST)).toBe("succeeded");
		expect(await running.finished(await running.order({ type: "listProfiles" }), LONGEST)).toBe("succeeded");
		expect(await running.profiles()).toEqual({ [TARGET]: "enabled", [BOOTSTRAP]: "disabled" });
	}

	const losses = { loss: 0.15, delay: Milliseconds(300), duplicates: 0.1 };
	it.each([
		["https", { ...losses, seed: 1, reorder: 0.2 }],
		["coap", { ...losses, seed: 2 }],
		["coaps+tcp", { ...losses, seed: 3, reorder: 0.2 }],
	] as const)("download and switch over %s through losses and copies", async (transport, conditions) => {
		const running = await start(transport, conditions);
		await download(running);
		await switchAndList(running);
		running.link.relay.expectHarm();
	});

	it("download over CoAP and DTLS through an outage of 60 s, after which their NAT has forgotten them", async () => {
		const running = await start("coap", { seed: 4, delay: Milliseconds(200) });
		const order = await running.orderDownload(6_000);
		await running.event("download-step", LONGEST);
		running.link.relay.cut();
		await new Promise((resolve) => setTimeout(resolve, Seconds(60)));
		running.link.rebind();
		running.link.relay.mend();
		expect(await running.finished(order, LONGEST)).toBe("succeeded");
		expect(running.link.relay.counts.droppedInOutage).toBeGreaterThan(2);
	});

	it("switch over CoAP and DTLS with 2 s of latency each way at 1 kB/s", async () => {
		const running = await start("coap", { seed: 5, delay: Seconds(2), rate: 1000 });
		await download(running);
		await switchAndList(running);
		running.link.relay.expectHarm();
	});

	it.each(["https", "coap", "coaps+tcp"] as const)(
		"go on over %s when their NAT gives them another port",
		async (transport) => {
			const running = await start(transport, { seed: 6, delay: Milliseconds(50) });
			await running.event("polled", LONGEST);
			for (let turn = 0; turn < 2; turn++) {
				running.link.rebind();
				const list = await running.order({ type: "listProfiles" });
				expect(await running.finished(list, LONGEST)).toBe("succeeded");
			}
		},
	);
});
