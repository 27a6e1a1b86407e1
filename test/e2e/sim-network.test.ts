import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { parseHostPort } from "@iot-esim/shared/transport/tcp";
import { keepVpcdCardConnected } from "@iot-esim/shared/transport/vpcd";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TinyCard, type TinyProfile } from "../support/tiny-card.ts";

const PROGRAM = fileURLToPath(new URL("../../sim/dist/network/main.js", import.meta.url));
const PROFILE: TinyProfile = {
	iccid: "8988280666000000014",
	imsi: "999701234567890",
	mncLength: 2,
	k: hex`000102030405060708090A0B0C0D0E0F`,
	opc: hex`101112131415161718191A1B1C1D1E1F`,
};

let folder: string;
const children: ChildProcess[] = [];
const cards: { stop(): Promise<void> }[] = [];
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "sim-network-"));
	const { iccid, imsi, k, opc } = PROFILE;
	writeFileSync(path.join(folder, "home.der"), buildProfilePackage({ iccid, imsi, ki: toHex(k), opc: toHex(opc) }));
});
afterEach(async () => {
	await Promise.all(cards.splice(0).map((card) => card.stop()));
	for (const child of children.splice(0)) child.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

function start(...args: string[]) {
	expect(existsSync(PROGRAM), `${PROGRAM} is missing: run "npm run build"`).toBe(true);
	const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder, env: { PATH: process.env.PATH } });
	children.push(child);
	let output = "";
	let errors = "";
	child.stdout.on("data", (chunk) => {
		output += chunk;
	});
	child.stderr.on("data", (chunk) => {
		errors += chunk;
	});
	const exited = once(child, "close").then(([code, signal]) => ({ code, signal, output, errors }));
	const listening = async () => {
		await expect.poll(() => output + errors, { timeout: 15_000 }).toContain("\n");
		return JSON.parse(output.split("\n")[0] ?? "").listening;
	};
	return { child, exited, listening };
}

async function attached(
	listening: { control: string; devices: Record<string, { card: string }> },
	card = new TinyCard(PROFILE),
) {
	const address = parseHostPort(listening.devices.device?.card ?? "");
	cards.push(keepVpcdCardConnected({ address, card, clock: systemClock }));
	const status = async () =>
		(await (await fetch(`${listening.control}/bench/v1/status`)).json()) as { attached: boolean };
	await expect.poll(async () => (await status()).attached, { timeout: 10_000 }).toBe(true);
}

describe("the program sim-network", () => {
	test("prints one line when it listens, attaches a card, and ends with 0 on SIGTERM", async () => {
		writeFileSync(path.join(folder, "net.yaml"), "hss: { uppFiles: [home.der], stateFile: state/hss.json }\n");
		const { child, exited, listening } = start("run", "--config", "net.yaml");
		await attached(await listening());
		child.kill("SIGTERM");
		const { code, output } = await exited;
		expect(code).toBe(0);
		expect(output.trim().split("\n")).toHaveLength(1);
		expect(existsSync(path.join(folder, "state/hss.json"))).toBe(true);
	});

	test("goes on with its sequence numbers after kill -9", async () => {
		const flags = ["run", "--hss-upp-files", "home.der", "--hss-state-file", "hss.json"];
		const first = start(...flags);
		const card = new TinyCard(PROFILE);
		await attached(await first.listening(), card);
		await cards.pop()?.stop();
		first.child.kill("SIGKILL");
		await first.exited;
		const second = start(...flags);
		const listening = await second.listening();
		await attached(listening, card);
		const events = await (await fetch(`${listening.control}/bench/v1/events`)).text();
		expect(events).toContain('"authenticated"');
		expect(events).not.toContain('"resynchronised"');
	});

	test("a wrong setting ends it with 2 and one sentence that names it", async () => {
		const { exited } = start("run", "--modem-pol-interval", "5s");
		const { code, errors } = await exited;
		expect(code).toBe(2);
		expect(errors).toContain("did you mean --modem-poll-interval?");
		const file = start("run", "--config", "none.yaml");
		expect(await file.exited).toMatchObject({ code: 2, errors: expect.stringContaining("none.yaml cannot be read") });
	});

	test("a file that is no profile ends it with 1 and names the file", async () => {
		writeFileSync(path.join(folder, "bad.der"), "x");
		const { code, errors } = await start("run", "--hss-upp-files", "bad.der").exited;
		expect(code).toBe(1);
		expect(errors).toContain("bad.der");
	});
});
