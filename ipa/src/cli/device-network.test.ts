import { Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { deviceNetwork, type NetworkInterfaces } from "./device-network.ts";

const address = (text: string, internal = false) => [{ address: text, internal }];

function network(interfaces: () => NetworkInterfaces, meteredInterfaces: readonly string[] = ["wwan0"]) {
	const clock = new FakeClock();
	const options = { interfaces, clock, watchInterval: Seconds(10), isAlwaysMetered: false, meteredInterfaces };
	return { clock, device: deviceNetwork(options) };
}

it.each([
	["only the metered one leads outside", { lo: address("127.0.0.1", true), wwan0: address("10.0.0.2") }, true],
	["another one does too", { eth0: address("192.0.2.1"), wwan0: address("10.0.0.2") }, false],
	["none does", { lo: address("127.0.0.1", true) }, false],
	["the metered one has no address", { eth0: address("192.0.2.1"), wwan0: [] }, false],
])("a link is metered when %s", (_what, interfaces, expected) => {
	expect(network(() => interfaces).device.isMetered()).toBe(expected);
});

it("tells of another address, once and whether one is gone, until nobody listens any more", async () => {
	let interfaces: NetworkInterfaces = { wwan0: address("10.0.0.2") };
	const { clock, device } = network(() => interfaces);
	const lost: (boolean | undefined)[] = [];
	const end = device.onChange((isAddressLost) => lost.push(isAddressLost));
	await clock.advance(Seconds(60));
	expect(lost).toEqual([]);
	interfaces = { wwan0: address("10.0.0.3") };
	await clock.advance(Seconds(60));
	expect(lost).toEqual([true]);
	interfaces = { ...interfaces, eth0: address("192.0.2.1") };
	await clock.advance(Seconds(60));
	expect(lost).toEqual([true, false]);
	end();
	interfaces = {};
	await clock.advance(Seconds(60));
	expect(lost).toEqual([true, false]);
});
