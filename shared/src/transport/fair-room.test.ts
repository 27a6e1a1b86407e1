import { expect, it } from "vitest";
import { FairRoom } from "./fair-room.ts";

it("of whoever has more than half of the places the one touched longest ago goes, or else of all", () => {
	const room = new FairRoom<string>();
	room.put("a1", "a", 1);
	room.put("b1", "b", 2);
	room.put("b2", "b", 3);
	expect(room.longestSilent(4)).toBeUndefined();
	expect([room.crowd(3)?.owner, room.longestSilent(3)]).toEqual(["b", "b1"]);
	room.touch("b1", 4);
	expect(room.longestSilent(3)).toBe("b2");
	room.put("a2", "a", 5);
	expect([room.crowd(4), room.longestSilent(4)]).toEqual([undefined, "a1"]);
	room.touch("a1", 6);
	expect(room.longestSilent(4)).toBe("b2");
	expect([room.delete("b2"), room.delete("b2"), room.size]).toEqual([true, false, 3]);
	expect([room.first(), room.crowd(3)?.owner]).toEqual([{ member: "b1", since: 4 }, "a"]);
	room.touch("b2", 7);
	expect(room.all()).toEqual(["b1", "a2", "a1"]);
});

it("a newcomer takes the newest place of the largest other owner, where that has an eighth and twice as many", () => {
	const room = new FairRoom<string>();
	for (const owner of ["a", "b"]) for (let one = 1; one <= 4; one++) room.put(`${owner}${one}`, owner, 0);
	expect(room.newestOfTooMany(8, "c")).toBe("a4");
	expect([room.newestOfTooMany(8, "a"), room.newestOfTooMany(8, "b")]).toEqual([undefined, undefined]);
	room.put("c1", "c", 0);
	expect(room.newestOfTooMany(8, "c")).toBeUndefined();
	expect([room.newestOfTooMany(32, "d"), room.newestOfTooMany(31, "d")]).toEqual([undefined, "a4"]);
	const alone = new FairRoom<string>();
	for (const owner of ["a", "b", "c"]) alone.put(owner, owner, 0);
	expect(alone.newestOfTooMany(3, "d")).toBeUndefined();
});
