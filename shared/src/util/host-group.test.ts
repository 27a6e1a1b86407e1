import { expect, it } from "vitest";
import { hostGroup } from "./host-group.ts";

it("whoever has one address of a network of IPv6 has all of them", () => {
	const same = ["2001:db8::1", "2001:DB8:0:0:ffff::", "2001:0db8:0000::5%eth0", "2001:db8::7:8:192.0.2.1"];
	expect(new Set(same.map(hostGroup))).toEqual(new Set(["2001:db8:0:0"]));
	expect(hostGroup("2001:db8:0:1::1")).toBe("2001:db8:0:1");
	expect(hostGroup("::1")).toBe("0:0:0:0");
	expect([hostGroup("192.0.2.1"), hostGroup("::ffff:192.0.2.1")]).toEqual(["192.0.2.1", "192.0.2.1"]);
	expect(hostGroup("192.0.2.2")).not.toBe(hostGroup("192.0.2.1"));
});
