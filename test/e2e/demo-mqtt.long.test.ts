import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { root } from "../architecture/source-files.ts";

const demo = path.join(root, "dist/examples/demo/main.js");

it.each(["P-256", "brainpool"])(
	"the main job runs end to end over MQTT, on %s",
	{ timeout: 300_000 },
	async (curve) => {
		const words = [demo, "--json", "--transport", "mqtt", "--curve", curve];
		const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root });
		const { ok, steps } = JSON.parse(stdout) as { ok: boolean; steps: readonly { ok: boolean }[] };
		expect([ok, steps.filter((step) => step.ok).length]).toEqual([true, 21]);
	},
);
