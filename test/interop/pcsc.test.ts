import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../examples/demo/free-ports.ts";
import { root } from "../architecture/source-files.ts";
import { requireExternal } from "../support/externals.ts";

const VPCD = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const SOCKET = "/run/pcscd/pcscd.comm";

async function hasPcsc(): Promise<true | undefined> {
	if (!existsSync("/usr/sbin/pcscd") || !existsSync(VPCD) || process.getuid?.() !== 0) return undefined;
	try {
		await import("smartcard" as string);
		return true;
	} catch {
		return undefined;
	}
}

const found = await requireExternal(
	"PC/SC (as root: apt-get install pcscd vsmartcard-vpcd libpcsclite-dev; npm install --no-save smartcard)",
	hasPcsc,
);

function isRunning(program: string): boolean {
	return spawnSync("pgrep", ["-x", program]).status === 0;
}

/** pcscd has one socket for the whole machine; a daemon that runs already is left alone. */
describe.skipIf(!found)("the card in a PC/SC reader (pcscd with vpcd)", () => {
	const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-pcsc-"));
	const programs: ChildProcess[] = [];
	const start = (command: string, args: string[]) => {
		const program = spawn(command, args, { stdio: "ignore" });
		programs.push(program);
	};
	const sim = (part: string, ...args: string[]) =>
		execFileSync(process.execPath, [path.join(root, `sim/dist/${part}/main.js`), ...args], { encoding: "utf8" });

	beforeAll(async () => {
		if (isRunning("pcscd")) throw new Error("a pcscd runs already: stop it, since the test needs its own reader");
		rmSync(SOCKET, { force: true });
		const port = await freePort();
		const readers = path.join(folder, "reader.conf.d");
		mkdirSync(readers);
		const channel = `0x${port.toString(16)}`;
		const reader = [
			'FRIENDLYNAME "iot-esim test"',
			`DEVICENAME /dev/null:${channel}`,
			`LIBPATH ${VPCD}`,
			`CHANNELID ${channel}`,
		];
		writeFileSync(path.join(readers, "vpcd"), `${reader.join("\n")}\n`);
		start("/usr/sbin/pcscd", ["--foreground", "--config", readers]);
		const upp = path.join(folder, "bootstrap.der");
		writeFileSync(
			upp,
			buildProfilePackage({
				iccid: "8900101000000000015",
				imsi: "001019000000001",
				algorithm: "milenage",
				ki: "465B5CE8B199B49FAA5F0A2EE238A6BC",
				op: "CDC202D5123E20F62B6D676AC72CB318",
			}),
		);
		sim("pki", "init", "--dir", path.join(folder, "pki"));
		sim("euicc", "init", "--dir", path.join(folder, "card"), "--pki", path.join(folder, "pki"), "--bootstrap", upp);
		const card = [path.join(root, "sim/dist/euicc/main.js"), "run", "--dir", path.join(folder, "card")];
		start(process.execPath, [...card, "--connect", `127.0.0.1:${port}`]);
	}, 60_000);

	afterAll(() => {
		for (const program of programs) program.kill("SIGKILL");
		rmSync(folder, { recursive: true, force: true });
	});

	const ipa = (...args: string[]): Record<string, unknown> => {
		const main = path.join(root, "ipa/dist/main.js");
		const card = ["--card", "pcsc:iot-esim test", "--json"];
		return JSON.parse(
			execFileSync(process.execPath, [main, "card", ...args, ...card], { encoding: "utf8", stdio: "pipe" }),
		);
	};

	it("answers `ipa card info`, `profiles` and `apdu`", async () => {
		const ready = () => {
			try {
				return ipa("info");
			} catch {
				return undefined;
			}
		};
		await expect
			.poll(ready, { timeout: 20_000, interval: 200 })
			.toMatchObject({ eid: expect.stringMatching(/^89049032/) });
		expect(ipa("profiles").profiles).toMatchObject([{ iccid: "8900101000000000015", state: "enabled" }]);
		expect(String(ipa("apdu", "00A4000C023F00").response)).toBe("9000");
	});
});
