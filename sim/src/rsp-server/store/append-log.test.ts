import { expect, it } from "vitest";
import { AppendLog } from "./append-log.ts";
import type { StateDisk } from "./state-disk.ts";

/** A disk in memory that has room for so many octets. */
function smallDisk(room: number): StateDisk & { room: number; text(): string } {
	let contents = Buffer.alloc(0);
	const unused = () => {
		throw new Error("not for this test");
	};
	const disk = {
		room,
		text: () => contents.toString(),
		read: () => new Uint8Array(contents),
		truncate: (_path: string, length: number) => {
			contents = contents.subarray(0, length);
		},
		openAppend: () => ({
			append(bytes: Uint8Array) {
				const fits = bytes.subarray(0, Math.max(0, disk.room - contents.length));
				contents = Buffer.concat([contents, fits]);
				if (fits.length < bytes.length) throw new Error("ENOSPC");
			},
			close: () => undefined,
		}),
		makeFolder: unused,
		list: unused,
		replace: unused,
		remove: unused,
	};
	return disk;
}

it("an entry that a full disk took half of leaves the log as it was, and the next one has a line of its own", () => {
	const disk = smallDisk(12);
	const log = new AppendLog<number>("log", disk);
	log.append(1);
	expect(() => log.append(12345678901234)).toThrow("ENOSPC");
	expect([disk.text(), log.entries]).toEqual(["1\n", [1]]);
	disk.room = 100;
	log.append(2);
	expect(new AppendLog<number>("log", disk).entries).toEqual([1, 2]);
});
