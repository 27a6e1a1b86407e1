/** Programs over bad links for real: namespaces, the kernel's UDP and TCP, real clocks. */

import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { mosquitto } from "../interop/mosquitto-broker.ts";
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

	/** Downloads a profile, switches to it, deletes the old one, and lets the card say what it has. */
	async function download(running: BadLinkPrograms): Promise<void> {
		await succeeds(running, await running.orderDownload(6_000));
	}
	async function switchAndDelete(running: BadLinkPrograms): Promise<void> {
		await succeeds(running, await running.order({ type: "enable", iccid: TARGET }));
		await succeeds(running, await running.order({ type: "delete", iccid: BOOTSTRAP }));
		await list(running, { [TARGET]: "enabled" });
	}
	async function list(running: BadLinkPrograms, profiles: Readonly<Record<string, string>>): Promise<void> {
		await succeeds(running, await running.order({ type: "listProfiles" }));
		expect(await running.profiles()).toEqual(profiles);
	}
	async function succeeds(running: BadLinkPrograms, order: string): Promise<void> {
		expect(await running.finished(order, LONGEST)).toBe("succeeded");
	}

	const losses = { loss: 0.15, delay: Milliseconds(300), duplicates: 0.1 };
	it.each([
		["https", { ...losses, seed: 1, reorder: 0.2 }],
		["coap", { ...losses, seed: 2 }],
		["coaps+tcp", { ...losses, seed: 3, reorder: 0.2 }],
	] as const)("download, switch and delete over %s through losses and copies", async (transport, conditions) => {
		const running = await start(transport, conditions);
		await download(running);
		await switchAndDelete(running);
		running.link.relay.expectHarm();
	});

	it.skipIf(!mosquitto)("download, switch and delete over MQTT through losses, copies and disorder", async () => {
		const running = await start("mqtt", { ...losses, seed: 7, reorder: 0.2 });
		await download(running);
		await switchAndDelete(running);
		running.link.relay.expectHarm();
	});

	it("download, switch and delete over CoAP and DTLS where 30 % is lost and a fifth comes in disorder", async () => {
		const running = await start("coap", { seed: 8, loss: 0.3, reorder: 0.2, delay: Milliseconds(50) });
		await download(running);
		await switchAndDelete(running);
		running.link.relay.expectHarm();
	});

	it("begin a session, poll and tell the eIM of their eUICC over CoAP and DTLS with 10 s of latency each way", async () => {
		const running = await start("coap", { seed: 9, delay: Seconds(10) });
		await succeeds(running, await running.order({ type: "readEuiccData" }));
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

	it("download, switch and delete over CoAP and DTLS with 2 s of latency each way at 1 kB/s", async () => {
		const running = await start("coap", { seed: 5, delay: Seconds(2), rate: 1000 });
		await download(running);
		await switchAndDelete(running);
		running.link.relay.expectHarm();
	});

	it.each(["https", "coap", "coaps+tcp"] as const)(
		"go on over %s when their NAT gives them another port",
		async (transport) => {
			const running = await start(transport, { seed: 6, delay: Milliseconds(50) });
			await running.event("polled", LONGEST);
			for (let turn = 0; turn < 2; turn++) {
				const before = running.link.portsAtEim();
				const [first, last] = running.link.rebind();
				const isNew = (port: number) => port >= first && port <= last;
				expect([before.length > 0, before.some(isNew)]).toEqual([true, false]);
				await list(running, { [BOOTSTRAP]: "enabled" });
				expect(running.link.portsAtEim().some(isNew)).toBe(true);
			}
		},
	);
});
