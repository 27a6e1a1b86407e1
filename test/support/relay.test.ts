import { Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { FakeClock } from "./fake-clock.ts";
import { missingHarm, Relay, type RelayConditions } from "./relay.ts";
import { RelayNetwork, SERVER } from "./relay-network.ts";

/** A server that sends everything back, and a device of its network; what arrived at either side, in order. */
async function echo(conditions: RelayConditions) {
	const clock = new FakeClock();
	const relay = new Relay(conditions, clock);
	const network = new RelayNetwork(relay);
	const [atServer, atClient, ports]: [number[], number[], number[]] = [[], [], []];
	const server = await network.server.open(SERVER, (bytes, from) => {
		atServer.push(bytes[0] ?? -1);
		ports.push(from.port);
		server.send(bytes, from);
	});
	const device = await network.device.open({ host: "", port: 0 }, ([number = -1]) => atClient.push(number));
	const send = (number: number) => device.send(Uint8Array.of(number, ...new Uint8Array(99)), SERVER);
	return { clock, relay, network, send, atServer, atClient, ports };
}

/** A hundred numbered datagrams, one every 100 ms. */
async function hundred(conditions: RelayConditions) {
	const { clock, relay, send, atServer, atClient } = await echo(conditions);
	for (let number = 0; number < 100; number++) {
		send(number);
		await clock.advance(100);
	}
	await clock.advance(Seconds(3600));
	return { relay, atServer, atClient, counts: relay.counts };
}

const inOrder = (numbers: readonly number[]) =>
	numbers.every((number, index) => index === 0 || number >= (numbers[index - 1] ?? 0));

describe("a relay", () => {
	it("without conditions loses, delays and doubles nothing", async () => {
		const { atServer, atClient, counts } = await hundred({ seed: 1 });
		expect(atServer).toHaveLength(100);
		expect(atClient).toEqual(atServer);
		expect(counts).toMatchObject({ came: 200, delivered: 200, dropped: 0, delayed: 0, duplicated: 0, reordered: 0 });
	});

	it("loses its share by its seed, the same every time, and counts what is lost", async () => {
		const first = await hundred({ seed: 7, loss: 0.3 });
		const again = await hundred({ seed: 7, loss: 0.3 });
		const other = await hundred({ seed: 8, loss: 0.3 });
		expect(again.atClient).toEqual(first.atClient);
		expect(other.atClient).not.toEqual(first.atClient);
		expect(first.counts.dropped).toBe(first.counts.came - first.counts.delivered);
		expect(first.atServer.length + first.counts.dropped + first.atClient.length).toBe(first.counts.came);
		first.relay.expectHarm();
	});

	it("delays, doubles and reorders", async () => {
		const conditions = { seed: 3, delay: Seconds(2), duplicates: 0.1, reorder: 0.2 };
		const { relay, atServer, atClient, counts } = await hundred(conditions);
		relay.expectHarm();
		expect(new Set(atServer).size).toBe(100);
		expect(atServer.length).toBeGreaterThan(100);
		expect(inOrder(atServer)).toBe(false);
		expect(counts.shortestDelay).toBe(2000);
		expect(atClient.length - atServer.length + 100).toBeGreaterThan(100);
	});

	it("lets a rate through and drops what its queue does not hold", async () => {
		const { counts } = await hundred({ seed: 3, rate: 500, queue: 1000 });
		// 1,000 octets a second come, half of it goes on: 10 s of traffic, and a queue of 2 s behind it.
		expect(counts.droppedByQueue).toBeGreaterThan(35);
		expect(counts.droppedByQueue).toBeLessThan(45);
		expect(counts.longestDelay).toBeLessThanOrEqual(2000);
	});

	it("has no link in an outage", async () => {
		const { atServer, counts, relay } = await hundred({ seed: 3, outages: [{ after: Seconds(2), lasts: Seconds(3) }] });
		expect(counts.droppedInOutage).toBe(30);
		expect(atServer).toHaveLength(70);
		relay.expectHarm();
	});

	it("that has done nothing of what was asked of it fails the test", async () => {
		const { counts } = await hundred({ seed: 1 });
		const asked: readonly Omit<RelayConditions, "seed">[] = [
			{ loss: 0.05 },
			{ delay: Seconds(1) },
			{ jitter: Seconds(1) },
			{ rate: 1000 },
			{ duplicates: 0.1 },
			{ reorder: 0.1 },
			{ outages: [{ after: Seconds(1), lasts: Seconds(1) }] },
		];
		for (const harm of asked) expect(missingHarm({ seed: 1, ...harm }, counts), JSON.stringify(harm)).not.toEqual([]);
		expect(missingHarm({ seed: 1 }, counts)).toEqual([]);
	});

	it("behind a NAT that forgets: the server hears the device from another port, and reaches nobody at the old one", async () => {
		const { clock, network, send, ports, atClient } = await echo({ seed: 1, delay: Seconds(1) });
		send(1);
		await clock.advance(1500);
		network.rebind();
		await clock.advance(1000);
		send(2);
		await clock.advance(5000);
		expect(new Set(ports).size).toBe(2);
		expect(atClient).toEqual([2]);
	});
});
