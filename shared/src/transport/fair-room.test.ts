import { expect, it } from "vitest";
import { FairRoom } from "./fair-room.ts";

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
