import { Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { deviceNetwork, type NetworkInterfaces } from "./device-network.ts";

const address = (text: string, internal = false) => [{ address: text, internal }];
const addresses = (...texts: string[]) => texts.flatMap((text) => address(text));

function network(interfaces: () => NetworkInterfaces, meteredInterfaces: readonly string[] = ["wwan0"]) {
	const clock = new FakeClock();
	const options = { interfaces, clock, watchInterval: Seconds(10), isAlwaysMetered: false, meteredInterfaces };
	return { clock, device: deviceNetwork(options) };
}

it.each([
	["only the metered one leads outside", { lo: address("127.0.0.1", true), wwan0: address("10.0.0.2") }, true],
	["another one does too", { eth0: address("192.0.2.1"), wwan0: address("10.0.0.2") }, false],
	["none does", { lo: address("127.0.0.1", true) }, false],
	[
		"others have link-local addresses alone",
		{ eth0: addresses("fe80::1", "169.254.1.1"), wwan0: address("10.0.0.2") },
		true,
	],
	["others lead to containers alone", { docker0: address("172.17.0.1"), wwan0: address("10.0.0.2") }, true],
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

it.each([
	[
		"a privacy address of IPv6 has ended",
		addresses("2001:db8::1", "2001:db8::aaaa"),
		addresses("2001:db8::1"),
		[false],
	],
	[
		"a new one has followed it",
		addresses("2001:db8::1", "2001:db8::a"),
		addresses("2001:db8::1", "2001:db8::b"),
		[false],
	],
	["all of IPv6 is gone", addresses("192.0.2.1", "2001:db8::1"), addresses("192.0.2.1"), [true]],
	["the prefix is another one", addresses("2001:db8:1::1", "fe80::1"), addresses("2001:db8:2::1", "fe80::1"), [true]],
	["a link-local address is gone", addresses("192.0.2.1", "fe80::1"), addresses("192.0.2.1"), []],
	["nothing is left", addresses("192.0.2.1"), [], [true]],
])("where %s, links are opened anew only if none can be left", async (_what, before, after, expected) => {
	let eth0 = before;
	const { clock, device } = network(() => ({ eth0 }));
	const lost: (boolean | undefined)[] = [];
	device.onChange((isAddressLost) => lost.push(isAddressLost));
	eth0 = after;
	await clock.advance(Seconds(60));
	expect(lost).toEqual(expected);
});

it("tells nothing of containers and virtual machines that come and go", async () => {
	const eth0 = address("192.0.2.1");
	const virtual = {
		docker0: address("172.17.0.1"),
		"br-0f3a5b7c9d1e": address("172.18.0.1"),
		veth12ab34c: address("fe80::1"),
	};
	let interfaces: NetworkInterfaces = { eth0, ...virtual, virbr0: address("192.168.122.1") };
	const { clock, device } = network(() => interfaces);
	const lost: (boolean | undefined)[] = [];
	device.onChange((isAddressLost) => lost.push(isAddressLost));
	interfaces = { eth0 };
	await clock.advance(Seconds(60));
	interfaces = { eth0, "br-lan": address("192.168.1.1") };
	await clock.advance(Seconds(60));
	interfaces = { eth0 };
	await clock.advance(Seconds(60));
	expect(lost).toEqual([false, true]);
});
