import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultyDisk } from "../faults.ts";
import { FileDisk, MemoryDisk } from "./disk.ts";
import { decodeJson, encodeJson } from "./json.ts";
import { Nvm } from "./nvm.ts";

const contents = (nvm: Nvm) => Object.fromEntries(nvm.keys("").map((key) => [key, toHex(nvm.get(key) as Uint8Array)]));

/** Five transactions that put, overwrite and delete; returns the state after each, the empty one first. */
function fill(nvm: Nvm): Record<string, string>[] {
	const states = [contents(nvm)];
	const steps = [
		() => {
			nvm.put("a", hex`01`);
			nvm.put("b", hex`0203`);
		},
		() => nvm.put("a", hex`FFFFFFFF`),
		() => {
			nvm.delete("b");
			nvm.put("c", new Uint8Array(40).fill(0xcc));
		},
		() => nvm.put("d", new Uint8Array(0)),
		() => nvm.delete("a"),
	];
	for (const step of steps) {
		step();
		nvm.commit();
		states.push(contents(nvm));
	}
	return states;
}

describe("the non-volatile memory", () => {
	it("gives back after reopening what was committed, and nothing that was not", () => {
		const disk = new MemoryDisk();
		const nvm = new Nvm(disk);
		const states = fill(nvm);
		nvm.put("never", hex`00`);
		expect(contents(new Nvm(disk))).toEqual(states.at(-1));
	});

	it("takes back an uncommitted change", () => {
		const nvm = new Nvm(new MemoryDisk());
		nvm.put("kept", hex`01`);
		nvm.commit();
		nvm.put("kept", hex`02`);
		nvm.put("new", hex`03`);
		nvm.rollback();
		expect(contents(nvm)).toEqual({ kept: "01" });
		const used = nvm.usedOctets;
		expect(used).toBe("kept".length + 1);
	});

	it("holds a whole state whatever octet the file was cut at", () => {
		const disk = new MemoryDisk();
		const states = fill(new Nvm(disk)).map((state) => JSON.stringify(state));
		const journal = disk.read() as Uint8Array;
		let reached = 0;
		for (let length = 0; length <= journal.length; length++) {
			const cut = new MemoryDisk(journal.slice(0, length));
			const reopened = new Nvm(cut);
			const state = states.indexOf(JSON.stringify(contents(reopened)));
			expect(state, `cut at ${length}`).toBeGreaterThanOrEqual(reached);
			reached = state;
			reopened.put("after", hex`01`);
			reopened.commit();
			expect(new Nvm(cut).get("after"), `written again after a cut at ${length}`).toEqual(hex`01`);
		}
		expect(reached).toBe(states.length - 1);
	});

	it("ignores a last record whose octets did not all reach the medium", () => {
		const disk = new MemoryDisk();
		const states = fill(new Nvm(disk));
		const journal = disk.read() as Uint8Array;
		journal[journal.length - 1] = (journal.at(-1) as number) ^ 0xff;
		expect(contents(new Nvm(new MemoryDisk(journal)))).toEqual(states.at(-2));
	});

	it("refuses a memory that is damaged before its end, and a file of another kind", () => {
		const disk = new MemoryDisk();
		fill(new Nvm(disk));
		const journal = disk.read() as Uint8Array;
		journal[25] = (journal[25] as number) ^ 0xff;
		expect(() => new Nvm(new MemoryDisk(journal))).toThrow(/damaged at octet 12/);
		expect(() => new Nvm(new MemoryDisk(utf8("something else, long enough")))).toThrow(/damaged/);
		expect(() => new Nvm(new MemoryDisk(utf8("X")))).toThrow(/damaged/);
	});

	it("compacts into one record, and a power cut around it loses nothing", () => {
		const big = (seed: number) => new Uint8Array(300_000).fill(seed);
		for (const octets of [0, 10, 100_000_000]) {
			const disk = new FaultyDisk(new MemoryDisk());
			const nvm = new Nvm(disk);
			const lengths: number[] = [];
			for (let i = 1; i <= 3; i++) {
				nvm.put("big", big(i));
				nvm.commit();
				lengths.push((disk.read() as Uint8Array).length);
			}
			expect(lengths[2]).toBeGreaterThan(900_000);
			disk.cutPower({ write: 1, octets });
			nvm.put("big", big(4));
			expect(() => nvm.commit()).toThrow(/power/);
			disk.restore();
			const value = new Nvm(disk).get("big") as Uint8Array;
			expect(value[0]).toBe(octets > 1_000_000 ? 4 : 3);
			expect(value.length).toBe(300_000);
		}
	});

	it("keeps journals as small as it is told", () => {
		const disk = new MemoryDisk();
		const nvm = new Nvm(disk, 4096);
		for (let i = 0; i < 200; i++) {
			nvm.put("x", new Uint8Array(500).fill(i));
			nvm.commit();
			expect((disk.read() as Uint8Array).length).toBeLessThanOrEqual(4096);
		}
		expect(new Nvm(disk).get("x")?.[0]).toBe(199);
	});

	it("goes on after a write that failed half way, as on a full disk", () => {
		const disk = new MemoryDisk();
		const full = { isFull: false };
		const limited = {
			read: () => disk.read(),
			append: (bytes: Uint8Array) => {
				disk.append(full.isFull ? bytes.subarray(0, 5) : bytes);
				if (full.isFull) throw new Error("ENOSPC");
			},
			truncate: (length: number) => disk.truncate(length),
			replace: (bytes: Uint8Array) => disk.replace(bytes),
			close: () => undefined,
		};
		const nvm = new Nvm(limited);
		full.isFull = true;
		nvm.put("a", hex`01`);
		expect(() => nvm.commit()).toThrow("ENOSPC");
		nvm.rollback();
		full.isFull = false;
		nvm.put("b", hex`02`);
		nvm.commit();
		expect(contents(new Nvm(disk))).toEqual({ b: "02" });
	});

	it("keeps octets in records apart from text", () => {
		const record = { iccid: hex`89`, name: "x", list: [{ bytes: hex`` }], none: null };
		expect(decodeJson(encodeJson(record))).toEqual(record);
	});
});

describe("the memory in a file", () => {
	let directory: string;
	beforeAll(() => {
		directory = mkdtempSync(join(tmpdir(), "nvm-"));
	});
	afterAll(() => rmSync(directory, { recursive: true, force: true }));

	it("survives a cut at every octet of the real file and a forgotten replacement", () => {
		const nvm = new Nvm(new FileDisk(directory));
		const states = fill(nvm).map((state) => JSON.stringify(state));
		nvm.close();
		const path = join(directory, "nvm.bin");
		const journal = readFileSync(path);
		for (let length = 0; length <= journal.length; length += 3) {
			writeFileSync(path, journal.subarray(0, length));
			writeFileSync(`${path}.new`, "half a replacement");
			const reopened = new Nvm(new FileDisk(directory));
			expect(states).toContain(JSON.stringify(contents(reopened)));
			reopened.close();
		}
		writeFileSync(path, journal);
		const again = new Nvm(new FileDisk(directory));
		expect(JSON.stringify(contents(again))).toBe(states.at(-1));
		for (let i = 0; i < 12; i++) {
			again.put("big", new Uint8Array(200_000).fill(i));
			again.commit();
		}
		again.close();
		expect(readFileSync(path).length).toBeLessThan(1_300_000);
		expect(new Nvm(new FileDisk(directory)).get("big")?.[0]).toBe(11);
	});
});
