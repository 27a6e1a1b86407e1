import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { VpcdReaderSide } from "@iot-esim/shared/transport/vpcd";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { savePki } from "../pki/pki-directory.ts";
import { Card } from "./card.ts";
import type { CardReport } from "./card-report.ts";
import { profileFileSystems } from "./file-system/profile-file-systems.ts";
import { FileDisk } from "./nvm/disk.ts";
import { lockMemory } from "./nvm/lock.ts";
import { Nvm } from "./nvm/nvm.ts";
import { simEuiccProgram } from "./program.ts";
import { testPki } from "./testing/card-bench.ts";

const DESCRIPTION = {
	iccid: "89000000000000000011",
	imsi: "001010000000011",
	algorithm: "milenage",
	ki: "00112233445566778899AABBCCDDEEFF",
	opc: "0123456789ABCDEF0123456789ABCDEF",
};

let directory: string;
const printed: string[] = [];
let stop = () => {};

function program() {
	return simEuiccProgram({
		clock: systemClock,
		print: (line) => printed.push(line),
		logger: silentLogger,
		crash: () => printed.push("crashed"),
		untilStopped: () => new Promise((resolve) => (stop = () => resolve())),
	}).exitOverride();
}

const run = (...args: string[]) => program().parseAsync(["node", "sim-euicc", ...args]);

beforeAll(() => {
	directory = mkdtempSync(join(tmpdir(), "sim-euicc-"));
	savePki(join(directory, "nist"), testPki());
	savePki(join(directory, "brainpool"), testPki("brainpoolP256r1"));
	writeFileSync(join(directory, "bootstrap.der"), buildProfilePackage(DESCRIPTION));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function shown(dir: string): Promise<CardReport> {
	return run("show", "--dir", dir).then(() => JSON.parse(printed.at(-1) ?? "") as CardReport);
}

describe("sim-euicc", () => {
	it("makes a card with a bootstrap profile and both curves, and shows what it holds", async () => {
		const dir = join(directory, "card");
		const pkis = ["--pki", join(directory, "nist"), join(directory, "brainpool")];
		await run(
			"init",
			"--dir",
			dir,
			...pkis,
			"--bootstrap",
			join(directory, "bootstrap.der"),
			"--bootstrap-name",
			"First",
		);
		expect(await shown(dir)).toMatchObject({
			eid: testPki().eid,
			mode: "iot",
			profiles: [{ iccid: "98000000000000000011", state: "enabled", name: "First" }],
			eims: [],
		});
		await expect(run("init", "--dir", dir, ...pkis)).rejects.toThrow(/already/);
	});

	it("leaves nothing behind when a card cannot be made", async () => {
		const dir = join(directory, "broken");
		writeFileSync(join(directory, "broken.der"), buildProfilePackage(DESCRIPTION).subarray(0, 600));
		const init = run(
			"init",
			"--dir",
			dir,
			"--pki",
			join(directory, "nist"),
			"--bootstrap",
			join(directory, "broken.der"),
		);
		await expect(init).rejects.toThrow();
		expect(existsSync(dir)).toBe(false);
	});

	it("crashes at the write of its memory that it is told, and the write has not happened", async () => {
		const dir = join(directory, "cut");
		await run("init", "--dir", dir, "--pki", join(directory, "nist"), "--bootstrap", join(directory, "bootstrap.der"));
		let arrived = (_card: VpcdReaderSide) => {};
		const reader = new Promise<VpcdReaderSide>((resolve) => (arrived = resolve));
		const options = { clock: systemClock, timeout: Seconds(5) };
		const listener = await VpcdReaderSide.listen({ host: "127.0.0.1", port: 0 }, options, (card) => arrived(card));
		const connect = `127.0.0.1:${listener.address.port}`;
		const running = run("run", "--dir", dir, "--connect", connect, "--cut-power", "2:9");
		const card = await reader;
		await card.powerOn();
		await card.transmit(fromHex("00A4040010A0000005591010FFFFFFFF8900000100"));
		await card.transmit(fromHex("80E2910012BF290F5A0A98000000000000000011900141"));
		await expect(card.transmit(fromHex("80E2910012BF290F5A0A98000000000000000011900142"))).rejects.toThrow();
		expect(printed).toEqual(expect.arrayContaining(["power cut at write 2 after 9 octets", "crashed"]));
		stop();
		await running;
		await listener.close();
		expect((await shown(dir)).profiles[0]).toMatchObject({ nickname: "A" });
	});

	it("says what is wrong with its options", async () => {
		const dir = join(directory, "none");
		await expect(run("show", "--dir", dir)).rejects.toThrow(/holds no card/);
		await expect(run("run", "--dir", dir, "--connect", "127.0.0.1:1")).rejects.toThrow(/holds no card/);
		await expect(run("run", "--dir", dir, "--connect", "h:1", "--cut-power", "0")).rejects.toThrow(/--cut-power/);
		await expect(run("run", "--dir", dir, "--connect", "nowhere")).rejects.toThrow(/--connect/);
		const init = (...more: string[]) => run("init", "--dir", dir, "--pki", join(directory, "nist"), ...more);
		await expect(init("--memory", "much")).rejects.toThrow(/number of octets/);
		await expect(init("--eid", "89049032000000000000000000000260")).rejects.toThrow(/no certificate euicc/);
		expect(existsSync(dir)).toBe(false);
	});

	it("makes a card with the quirks of real ones", async () => {
		const dir = join(directory, "quirks");
		await run("init", "--dir", dir, "--pki", join(directory, "nist"), "--quirk", "needs-terminal-capability");
		const nvm = new Nvm(new FileDisk(dir));
		const card = new Card({ nvm, fileSystems: profileFileSystems() });
		await card.powerOn();
		const selectIsdr = fromHex("00A4040010A0000005591010FFFFFFFF8900000100");
		expect(toHex(await card.transmit(selectIsdr))).toBe("6A82");
		await card.transmit(fromHex("80AA000005A903830107"));
		expect(toHex(await card.transmit(selectIsdr))).toMatch(/^61/);
		nvm.close();
	});

	it("takes over the memory of a killed process, not of a running one", () => {
		const dir = join(directory, "lock");
		mkdirSync(dir);
		for (const stale of ["4194304", "", "no number", `${process.ppid} 1`]) {
			writeFileSync(join(dir, "lock"), stale);
			lockMemory(dir)();
			expect(readdirSync(dir)).toEqual([]);
		}
		writeFileSync(join(dir, "lock"), String(process.ppid));
		expect(() => lockMemory(dir)).toThrow(new RegExp(`process ${process.ppid} uses`));
		rmSync(join(dir, "lock"));
		const unlock = lockMemory(dir);
		expect(() => lockMemory(dir)).toThrow(/uses the card/);
		unlock();
	});

	it("serves the card to a reader over TCP, alone, until it is stopped, and keeps what changed", async () => {
		const dir = join(directory, "run");
		await run("init", "--dir", dir, "--pki", join(directory, "nist"), "--bootstrap", join(directory, "bootstrap.der"));
		let arrived = (_card: VpcdReaderSide) => {};
		const reader = new Promise<VpcdReaderSide>((resolve) => (arrived = resolve));
		const options = { clock: systemClock, timeout: Seconds(5) };
		const listener = await VpcdReaderSide.listen({ host: "127.0.0.1", port: 0 }, options, (card) => arrived(card));
		const running = run("run", "--dir", dir, "--connect", `127.0.0.1:${listener.address.port}`);
		const card = await reader;
		expect(toHex(await card.powerOn())).toMatch(/^3B/);
		const send = async (apdu: string) => toHex(await card.transmit(fromHex(apdu)));
		expect(await send("00A40004022FE2")).toMatch(/^61/);
		expect(await send("00B000000A")).toBe("980000000000000000119000");
		expect(await send("00A4040010A0000005591010FFFFFFFF8900000100")).toMatch(/^61/);
		expect(await send("80E2910012BF290F5A0A98000000000000000011900142")).toBe("6106");
		await expect(run("run", "--dir", dir, "--connect", "127.0.0.1:1")).rejects.toThrow(/process/);
		stop();
		await running;
		expect(readdirSync(dir)).toEqual(["nvm.bin"]);
		expect((await shown(dir)).profiles[0]).toMatchObject({ nickname: "B" });
		await listener.close();
	});

	it("runs the IPA inside of the card when a terminal offers it channels", async () => {
		const dir = join(directory, "ipae");
		await run("init", "--dir", dir, "--pki", join(directory, "nist"), "--ipae", "active");
		expect(await shown(dir)).toMatchObject({ ipae: "active" });
		let arrived = (_card: VpcdReaderSide) => {};
		const reader = new Promise<VpcdReaderSide>((resolve) => (arrived = resolve));
		const options = { clock: systemClock, timeout: Seconds(5) };
		const listener = await VpcdReaderSide.listen({ host: "127.0.0.1", port: 0 }, options, (card) => arrived(card));
		const running = run("run", "--dir", dir, "--connect", `127.0.0.1:${listener.address.port}`, "--dns", "10.0.0.1");
		const card = await reader;
		await card.powerOn();
		const send = async (apdu: string) => toHex(await card.transmit(fromHex(apdu)));
		expect(await send("8010000011 0100E800010C00000000001FE200000003")).toBe("910F");
		expect(await send("801200000F")).toBe("D00D8103010500820281829902090A9000");
		expect(await send("801400000C 810301050082028281830100")).toBe("910F");
		expect(await send("801200000F")).toBe("D00D8103010300820281828402010A9000");
		stop();
		await running;
		await listener.close();
	});
});
