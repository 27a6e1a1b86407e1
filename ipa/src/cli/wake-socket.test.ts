import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { openWakeSocket, wakeAgent } from "./wake-socket.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "ipa-wake-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function listening(file: string) {
	const clock = new FakeClock();
	const log = memoryLogger().logger("ipa.main");
	let polls = 0;
	let tell: () => void = () => undefined;
	const pollSoon = () => {
		polls++;
		tell();
	};
	const socket = await openWakeSocket(file, { pollSoon }, { clock, log, interval: Seconds(30) });
	const nextPoll = () =>
		new Promise<void>((resolve) => {
			tell = resolve;
		});
	return { clock, socket, nextPoll, polls: () => polls };
}

describe("the wake socket of the agent", () => {
	it("ends the pause at once, and after that once in its interval, however often it is asked", async () => {
		const file = path.join(folder, "wake.sock");
		const { clock, socket, nextPoll, polls } = await listening(file);
		expect(statSync(file).mode & 0o777).toBe(0o660);
		const first = nextPoll();
		await wakeAgent(file);
		await first;
		for (let i = 0; i < 5; i++) await wakeAgent(file);
		await expect.poll(() => clock.pending).toBe(1);
		expect(polls()).toBe(1);
		await clock.advance(Seconds(30));
		expect(polls()).toBe(2);
		await socket.close();
		await expect(wakeAgent(file)).rejects.toMatchObject({ code: "IPA_WAKE_SOCKET_UNUSABLE" });
	});

	it("takes the place of a socket that a killed agent has left, and not that of one in use", async () => {
		const file = path.join(folder, "wake.sock");
		const held = net.createServer((socket) => socket.destroy());
		await new Promise<void>((resolve) => held.listen(file, resolve));
		await expect(listening(file)).rejects.toMatchObject({ code: "IPA_WAKE_SOCKET_UNUSABLE" });
		await new Promise((resolve) => held.close(resolve));
		const left = path.join(folder, "left.sock");
		const dying =
			"require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
		spawnSync(process.execPath, ["-e", dying, left]);
		expect(statSync(left).isSocket()).toBe(true);
		const { socket } = await listening(left);
		await socket.close();
		const notes = path.join(folder, "notes.txt");
		writeFileSync(notes, "not a socket");
		await expect(listening(notes)).rejects.toMatchObject({ code: "IPA_WAKE_SOCKET_UNUSABLE" });
		expect(readFileSync(notes, "utf8")).toBe("not a socket");
	});
});
