import { expect, it } from "vitest";
import { FairRoom, hostGroup } from "./fair-room.ts";

it("the host with the most gives up its first; among equals the one whose first waits longest", () => {
	const room = new FairRoom<string>();
	room.put("a1", "192.0.2.1", 1);
	room.put("b1", "192.0.2.2", 2);
	room.put("b2", "192.0.2.2", 3);
	expect(room.surplus(3)).toBeUndefined();
	expect(room.surplus(2)).toBe("b1");
	room.put("b1", "192.0.2.2", 4);
	expect(room.surplus(2)).toBe("b2");
	room.delete("b2");
	expect(room.surplus(1)).toBe("a1");
	room.put("a1", "192.0.2.1", 5);
	expect(room.surplus(1)).toBe("b1");
	expect(room.first()).toEqual({ member: "b1", since: 4 });
	expect([room.delete("b1"), room.delete("b1"), room.size]).toEqual([true, false, 1]);
});

it("whoever has one address of a network of IPv6 has all of them", () => {
	const same = ["2001:db8::1", "2001:DB8:0:0:ffff::", "2001:0db8:0000::5%eth0", "2001:db8::7:8:192.0.2.1"];
	expect(new Set(same.map(hostGroup))).toEqual(new Set(["2001:db8:0:0"]));
	expect(hostGroup("2001:db8:0:1::1")).toBe("2001:db8:0:1");
	expect(hostGroup("::1")).toBe("0:0:0:0");
	expect([hostGroup("192.0.2.1"), hostGroup("::ffff:192.0.2.1")]).toEqual(["192.0.2.1", "192.0.2.1"]);
	expect(hostGroup("192.0.2.2")).not.toBe(hostGroup("192.0.2.1"));
});
