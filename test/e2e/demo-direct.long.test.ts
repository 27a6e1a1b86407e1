import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { root } from "../architecture/source-files.ts";

const demo = path.join(root, "dist/examples/demo/main.js");

it.each(["P-256", "brainpool"])(
	"the demo with --direct: the main job, then a download that the device does itself, on %s",
	{ timeout: 300_000 },
	async (curve) => {
		const words = [demo, "--json", "--direct", "--curve", curve];
		const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root });
		const { ok, steps } = JSON.parse(stdout) as { ok: boolean; steps: readonly { name: string; ok: boolean }[] };
		expect(steps.filter((step) => !step.ok)).toEqual([]);
		expect(ok).toBe(true);
		expect(steps.map(({ name }) => name)).toContainEqual(expect.stringMatching(/^direct download: SM-DS/));
		expect(steps.at(-1)?.name).toBe("list the profiles; the new one is there");
	},
);
