import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type DeviceEvent, type DeviceState, INITIAL_STATE, nextState } from "./device-state.ts";
import { openJournal } from "./journal.ts";
import { fileJournalStorage, memoryJournalStorage } from "./journal-storage.ts";

const FACTS = {
	eimId: "eim.example",
	packageHash: "AB",
	eimTransactionIdHex: "0102",
	counterValue: 5,
	rollbackGranted: true,
	enablesHex: "9822",
	enabledBeforeHex: "9811",
};
const FLOW: readonly DeviceEvent[] = [
	{ type: "card-seen", eid: "89049032123451234512345678901235" },
	{ type: "package-received", ...FACTS },
	{ type: "package-executed", resultHex: "BF51", rollback: { state: "armed", deliverBefore: 1000 } },
	{ type: "rollback-started" },
	{ type: "rollback-executed", resultHex: "BF5100" },
	{ type: "result-acknowledged", acknowledged: [3, 4] },
	{ type: "result-settled" },
	{ type: "state-changed", cause: 0, tell: ["other.example"] },
];

const folders: string[] = [];
afterEach(() => {
	for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function newFile(): string {
	const folder = mkdtempSync(path.join(tmpdir(), "ipa-journal-"));
	folders.push(folder);
	return path.join(folder, "state", "journal.log");
}

/** A record as the first release of the agent wrote it: state members of today are missing. */
const OLD_RECORD = [
	'{"event":"download-step","state":{"eid":"89049032123451234512345678901235","work":{"phase":"downloading",',
	'"eimId":"eim.example","step":"ES10b.PrepareDownload"},"stateChanges":{"other.example":0},"hasWaitingResults":true}}',
];

describe("the journal", () => {
	it("reads what an earlier release has written, and goes on from there", async () => {
		const json = OLD_RECORD.join("");
		const sum = createHash("sha256").update(json).digest("hex").slice(0, 16);
		const file = newFile();
		mkdirSync(path.dirname(file));
		writeFileSync(file, `${sum} ${json}\n`);
		const journal = await openJournal(fileJournalStorage(file));
		expect(journal.isNew).toBe(false);
		expect(journal.state.work).toEqual({ phase: "downloading", eimId: "eim.example", step: "ES10b.PrepareDownload" });
		expect(journal.state.fallback).toEqual({ state: "home", returns: 0 });
		await journal.note({ type: "download-ended" });
		await journal.note({
			type: "card-seen",
			eid: "89049032123451234512345678901235",
			device: "35",
			eimIds: ["eim.example"],
		});
		const { work, stateChanges, device } = (await openJournal(fileJournalStorage(file))).state;
		expect({ work, stateChanges, device }).toEqual({
			work: { phase: "idle" },
			stateChanges: { "other.example": 0 },
			device: "35",
		});
	});

	it("gives back the last state after it is opened again", async () => {
		const file = newFile();
		const journal = await openJournal(fileJournalStorage(file));
		expect(journal.isNew).toBe(true);
		for (const event of FLOW) await journal.note(event);
		const again = await openJournal(fileJournalStorage(file));
		expect(again.state).toEqual(journal.state);
		expect(again.isNew).toBe(false);
		expect(again.state.lastResult).toEqual({ packageHash: "AB", resultHex: "BF5100" });
	});

	it("cut off at every single octet opens with the last whole record and goes on from there", async () => {
		const storage = memoryJournalStorage();
		const journal = await openJournal(storage);
		const states: { end: number; state: DeviceState }[] = [{ end: 0, state: INITIAL_STATE }];
		for (const event of FLOW) states.push({ state: await journal.note(event), end: (await storage.read()).length });
		const whole = await storage.read();
		for (let cut = 0; cut <= whole.length; cut++) {
			const torn = memoryJournalStorage(whole.slice(0, cut));
			const opened = await openJournal(torn);
			const expected = states.filter(({ end }) => end <= cut).at(-1);
			expect(opened.state, `cut at ${cut}`).toEqual(expected?.state);
			await opened.note({ type: "state-changed", cause: 3, tell: ["x"] });
			const reopened = await openJournal(torn);
			expect(reopened.state.stateChanges.x, `cut at ${cut}`).toBe(3);
		}
	});

	it("with any octet changed opens with a state that was once noted", async () => {
		const storage = memoryJournalStorage();
		const journal = await openJournal(storage);
		const noted = [JSON.stringify(INITIAL_STATE)];
		for (const event of FLOW) noted.push(JSON.stringify({ ...INITIAL_STATE, ...(await journal.note(event)) }));
		const whole = await storage.read();
		await fc.assert(
			fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
				const damaged = whole.slice();
				damaged[at] = (damaged[at] as number) ^ flip;
				const { state } = await openJournal(memoryJournalStorage(damaged));
				expect(noted).toContain(JSON.stringify({ ...INITIAL_STATE, ...state }));
			}),
			{ numRuns: 200 },
		);
	});

	it("does not glue a record to what a failed write has left", async () => {
		const memory = memoryJournalStorage();
		let fails = false;
		const storage = {
			...memory,
			append: async (bytes: Uint8Array) => {
				if (!fails) return memory.append(bytes);
				fails = false;
				await memory.append(bytes.slice(0, 10));
				throw new Error("no space left on device");
			},
		};
		const journal = await openJournal(storage);
		await journal.note({ type: "card-seen", eid: "1" });
		fails = true;
		await expect(journal.note({ type: "package-received", ...FACTS })).rejects.toThrow("no space");
		expect(journal.state.work.phase).toBe("idle");
		await journal.note({ type: "package-received", ...FACTS });
		expect((await openJournal(memory)).state.work.phase).toBe("package-received");
	});

	it("is rewritten before it grows without bound", async () => {
		const storage = memoryJournalStorage();
		const journal = await openJournal(storage);
		for (let round = 0; round < 600; round++) {
			await journal.note({ type: "download-step", eimId: "e".repeat(100), step: `step ${round}` });
			await journal.note({ type: "download-ended" });
		}
		expect((await storage.read()).length).toBeLessThan(140 * 1024);
		expect((await openJournal(storage)).state).toEqual(journal.state);
	});

	it("says what is wrong when its place cannot be used", async () => {
		const file = newFile();
		writeFileSync(path.dirname(path.dirname(file)).concat("/blocker"), "");
		const blocked = path.join(path.dirname(path.dirname(file)), "blocker", "journal.log");
		await expect(openJournal(fileJournalStorage(blocked))).rejects.toMatchObject({ code: "JOURNAL_UNREADABLE" });
	});

	it("keeps its lines readable for people", async () => {
		const file = newFile();
		const journal = await openJournal(fileJournalStorage(file));
		await journal.note({ type: "card-seen", eid: "89" });
		expect(readFileSync(file, "utf8")).toMatch(/^[0-9a-f]{16} \{"event":"card-seen","state":\{"eid":"89"/);
	});
});

describe("the state of the device", () => {
	it("forgets what belongs to another card", () => {
		const before = FLOW.slice(0, 3).reduce(nextState, INITIAL_STATE);
		expect(nextState(before, { type: "card-seen", eid: "other" })).toEqual({
			...INITIAL_STATE,
			eid: "other",
			hasWaitingResults: true,
		});
		expect(nextState(before, { type: "card-seen", eid: FLOW[0]?.type === "card-seen" ? FLOW[0].eid : "" })).toBe(
			before,
		);
	});

	it("allows one rollback for one package", () => {
		const spent = FLOW.slice(0, 5).reduce(nextState, INITIAL_STATE);
		expect(spent.work).toMatchObject({ phase: "package-executed", rollback: { state: "spent" } });
	});

	it("refuses a package while the result of another is not delivered", () => {
		const waiting = FLOW.slice(0, 3).reduce(nextState, INITIAL_STATE);
		expect(() => nextState(waiting, { type: "package-received", ...FACTS })).toThrow("cannot follow");
	});
});
