import { describe, expect, it } from "vitest";
import { DatagramLine } from "../../../../test/support/datagram-line.ts";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../../test/support/seeded-random.ts";
import { utf8 } from "../../util/bytes.ts";
import { Seconds } from "../../util/duration.ts";
import { DatagramChannel } from "./datagram-channel.ts";
import { CoapEndpoint } from "./endpoint.ts";
import { RoundTrips } from "./round-trips.ts";
import { createCoapServer } from "./server.ts";

describe("a path that is slower than the waits of RFC 7252", () => {
	it("has its first message sent several times, and soon each message once", async () => {
		const clock = new FakeClock();
		const random = new SeededRandom(7);
		const line = new DatagramLine(clock);
		line.rule = () => [Seconds(10)];
		const server = createCoapServer({ clock, random, handler: () => ({ code: "2.04", payload: utf8("yes") }) });
		server.accept(line.server);
		const client = new CoapEndpoint(new DatagramChannel(line.client, { clock, random }), { clock, random });
		const transmissions: number[] = [];
		for (let turn = 0; turn < 4; turn++) {
			const before = line.from("client").length;
			await clock.until(client.request({ method: "POST", path: ["e"], payload: utf8("?") }));
			transmissions.push(line.from("client").length - before);
		}
		expect(transmissions[0]).toBeGreaterThan(2);
		expect(transmissions.slice(2)).toEqual([1, 1]);
	});

	it("that is lost is given up before the peer has forgotten its messages", async () => {
		const clock = new FakeClock();
		const random = new SeededRandom(7);
		const line = new DatagramLine(clock);
		line.rule = () => [Seconds(10)];
		createCoapServer({ clock, random, handler: () => ({ code: "2.04" }) }).accept(line.server);
		const client = new CoapEndpoint(new DatagramChannel(line.client, { clock, random }), { clock, random });
		const request = { method: "POST", path: ["e"], payload: utf8("?") } as const;
		for (let turn = 0; turn < 3; turn++) await clock.until(client.request(request));
		let last = 0;
		const began = clock.now();
		line.rule = () => {
			last = clock.now() - began;
			return [];
		};
		await expect(clock.until(client.request(request))).rejects.toMatchObject({ code: "TRANSPORT_TIMEOUT" });
		expect(last).toBeLessThan(Seconds(247 - 20));
	});
});

describe("the time there and back", () => {
	it("is not learnt from a message that was sent again, unless it is acknowledged again", () => {
		const trips = new RoundTrips();
		trips.acknowledged(1, 2700, 2);
		trips.acknowledged(2, 200, 1);
		trips.acknowledgedAgain(1);
		expect(trips.patience).toBeLessThan(300);
		trips.acknowledged(3, 8000, 3);
		trips.acknowledgedAgain(3);
		expect(trips.patience).toBeGreaterThan(8000);
	});
});
