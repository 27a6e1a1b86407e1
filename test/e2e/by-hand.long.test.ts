import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../../examples/demo/faces.ts";
import { projectRoot } from "../support/compose.ts";
import { requireExternal } from "../support/externals.ts";
import { findProgram } from "../support/find-program.ts";

/** The page names its ports, so that it runs in a network of its own, where nobody else has them. */
const needs =
	"root on Linux, unshare, ip, curl, openssl and mosquitto (apt-get install iproute2 curl openssl mosquitto)";
const isThere = await requireExternal(needs, () => {
	const programs = ["unshare", "ip", "curl", "openssl", "mosquitto"];
	return process.getuid?.() === 0 && programs.every((name) => findProgram(name) !== undefined) ? true : undefined;
});

const EID = "89049032123451234512345678901235";
let folder: string;
let run: ByHand | undefined;

beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "iot-esim-by-hand-"));
	// Mosquitto goes through it as another user.
	chmodSync(folder, 0o755);
});
afterEach(async () => {
	await run?.end();
	rmSync(folder, { recursive: true, force: true });
});

/** examples/by-hand.sh, the leader of a group that all it starts belongs to. */
class ByHand {
	readonly #child: ChildProcess;
	readonly ended: Promise<number | null>;
	out = "";
	/** The commands themselves, as `set -v` shows them, and what complains. */
	shown = "";

	constructor() {
		const script = 'ip link set lo up && exec "$0"';
		this.#child = spawn("unshare", ["--net", "sh", "-c", script, path.join(projectRoot, "examples/by-hand.sh")], {
			detached: true,
			env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: folder },
			stdio: ["ignore", "pipe", "pipe"],
		});
		this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
			this.out += text;
		});
		this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
			this.shown += text;
		});
		this.ended = new Promise((resolve, reject) => {
			this.#child.once("error", reject);
			this.#child.once("exit", resolve);
		});
	}

	/** Whether anything that it has started still runs. */
	get isRunning(): boolean {
		return this.signal(0, "group");
	}

	signal(signal: NodeJS.Signals | 0, to: "script" | "group"): boolean {
		const { pid } = this.#child;
		if (pid === undefined) return false;
		try {
			return process.kill(to === "group" ? -pid : pid, signal);
		} catch {
			return false;
		}
	}

	/** Whatever has gone wrong, nothing of it stays. */
	async end(): Promise<void> {
		this.signal("SIGKILL", "group");
		await until("all that was started by hand has ended", async () => (this.isRunning ? undefined : true), 10_000);
	}
}

/** The commands of the page, without its comments. */
function commands(): string[] {
	const page = readFileSync(path.join(projectRoot, "docs/operations/by-hand.md"), "utf8");
	const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
	return blocks.flatMap((block) => block.split("\n")).filter((line) => line !== "" && !line.startsWith("#"));
}

describe.skipIf(!isThere)("examples/by-hand.sh", () => {
	it("runs every command of the page, over each link, and leaves nothing behind", { timeout: 300_000 }, async () => {
		run = new ByHand();
		expect(await run.ended, `${run.out}\n${run.shown}`).toBe(0);
		const { out, shown } = run;
		const lines = commands();
		expect(lines.length).toBeGreaterThan(70);
		expect(lines.filter((line) => !shown.includes(line))).toEqual([]);
		const done = [...out.matchAll(/^type +(\w+)\n(?:parameters .*\n)?state +(\w+)$/gm)];
		expect(done.map(([, type, state]) => `${type} ${state}`)).toEqual([
			...["listProfiles succeeded", "download succeeded", "enable succeeded"],
			...["listProfiles succeeded", "listProfiles succeeded", "listProfiles succeeded"],
		]);
		// The network has authenticated the keys of the profile that was downloaded.
		expect(out).toMatch(/"attached":true,"plmn":"00102",.*"imsi":"001020000000101"/);
		for (const link of ["coap", "mqtt"]) expect(out).toMatch(new RegExp(`^${EID} +meter .* ${link} `, "m"));
		expect(run.isRunning).toBe(false);
		expect(readdirSync(folder)).toEqual([]);
	});

	it("ends what it has started when it is told to end", { timeout: 120_000 }, async () => {
		const started = new ByHand();
		run = started;
		const isThere = async () => (started.out.includes("registered") ? true : undefined);
		await until("the eIM of the page works", isThere, 90_000);
		started.signal("SIGTERM", "script");
		expect(await started.ended).not.toBe(0);
		await until("nothing of it runs", async () => (started.isRunning ? undefined : true), 20_000);
	});
});
