import { createSocket, type Socket } from "node:dgram";
import { type Clock, systemClock } from "@iot-esim/shared/runtime/clock";
import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { DataPath } from "./data-path.ts";
import { bearersOf, DatagramRelay } from "./datagram-relay.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

function socket(): Promise<Socket> {
	const made = createSocket("udp4");
	closers.push(() => new Promise<void>((resolve) => made.close(() => resolve())));
	return new Promise((resolve) => made.bind(0, "127.0.0.1", () => resolve(made)));
}

/** A server that says back what it gets, with the port that it came from. */
async function bench(allow: readonly string[] = ["eim.example.com"], clock: Clock = systemClock) {
	const server = await socket();
	const seen: number[] = [];
	server.on("message", (datagram, from) => {
		seen.push(from.port);
		server.send(datagram, from.port, from.address);
	});
	const hosts = { "eim.example.com:5684": `127.0.0.1:${server.address().port}` };
	const relay = new DatagramRelay({
		address: { host: "127.0.0.1", port: 0 },
		destination: { host: "eim.example.com", port: 5684 },
		path: new DataPath({ allow, hosts }),
		clock,
		bindingLifetime: Minutes(1),
	});
	closers.push(() => relay.close());
	const device = await socket();
	const got: string[] = [];
	device.on("message", (datagram) => got.push(`${datagram}`));
	return { relay, seen, got, device };
}

const until = async (isSo: () => boolean) => {
	for (let turn = 0; turn < 1500 && !isSo(); turn++) await new Promise((resolve) => setTimeout(resolve, 10));
	return isSo();
};

it("passes datagrams both ways while the device is attached, from another address after each attach", async () => {
	const { relay, seen, got, device } = await bench();
	const { port } = await relay.listen();
	const send = (text: string) => device.send(text, port, "127.0.0.1");
	send("before");
	expect(await until(() => relay.lost === 1)).toBe(true);
	await relay.open();
	send("a");
	expect(await until(() => got.length === 1)).toBe(true);
	send("b");
	expect(await until(() => got.length === 2)).toBe(true);
	expect(relay.shut()).toBe(1);
	send("lost");
	expect(await until(() => relay.lost === 2)).toBe(true);
	await relay.open();
	send("c");
	expect(await until(() => got.length === 3)).toBe(true);
	expect(got).toEqual(["a", "b", "c"]);
	expect(seen[0]).toBe(seen[1]);
	expect(new Set(seen).size).toBe(2);
});

it("forgets a device that was silent, as NATs do, and leads only where the network allows", async () => {
	const clock = new FakeClock();
	const { relay, seen, got, device } = await bench(["eim.example.com"], clock);
	const { port } = await relay.listen();
	await relay.open();
	device.send("a", port, "127.0.0.1");
	expect(await until(() => got.length === 1)).toBe(true);
	await clock.advance(Minutes(1));
	expect(relay.shut()).toBe(0);
	await relay.open();
	device.send("b", port, "127.0.0.1");
	expect(await until(() => got.length === 2)).toBe(true);
	expect(new Set(seen).size).toBe(2);
	const forbidden = await bench(["other.example.com"]);
	await expect(forbidden.relay.listen()).rejects.toMatchObject({ code: "NETWORK_DESTINATION_REFUSED" });
});

it("is opened and shut together with the other ways of the device", async () => {
	const done: string[] = [];
	const one = (name: string, broken: number) => ({
		open: async () => void done.push(`open ${name}`),
		shut: () => {
			done.push(`shut ${name}`);
			return broken;
		},
	});
	const both = bearersOf(one("a", 1), one("b", 2));
	await both.open();
	expect(both.shut()).toBe(3);
	expect(done).toEqual(["open a", "open b", "shut a", "shut b"]);
});
