import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type PartName, Parts } from "../../examples/demo/parts.ts";
import { makePlan } from "../../examples/demo/plan.ts";
import { root } from "../../examples/demo/program.ts";
import { Steps, silentReporter } from "../../examples/demo/steps.ts";
import { associate, download as downloadProfile, makeCast, setUp } from "../../examples/demo/story.ts";
import { type BenchReport, figure } from "./bench.ts";
import { cpuTime } from "./cpu-time.ts";

const PARTS: readonly PartName[] = ["smdp", "eim", "network", "card", "ipa"];
const TS48 = path.resolve(root, "../shared/data/upp");

/** A TS.48 profile where `../shared` is there, the demo's own otherwise. */
function profileFile(): string | undefined {
	if (!existsSync(TS48)) return undefined;
	const newest = readdirSync(TS48)
		.filter((name) => name.endsWith(".der"))
		.sort()
		.at(-1);
	return newest === undefined ? undefined : path.join(TS48, newest);
}

/** One indirect download through all parts, each a process: wall time, and CPU by part. No reference, so no ratio. */
export async function download(): Promise<BenchReport> {
	const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-bench-"));
	const file = profileFile();
	const plan = await makePlan({ folder, curve: "P-256", profileFile: file });
	const parts = new Parts(plan);
	const steps = new Steps(silentReporter);
	try {
		const cast = makeCast(parts, steps);
		await setUp(cast);
		await associate(cast);
		const before = new Map(PARTS.map((name) => [name, cpuTime(parts.get(name).pid)]));
		await downloadProfile(cast, plan.target);
		const cpu = PARTS.map((name) => [`cpuMs_${name}`, cpuTime(parts.get(name).pid) - (before.get(name) ?? 0)] as const);
		const step = steps.reports.find((report) => report.name.startsWith("indirect download"));
		return {
			name: "download",
			figures: {
				profile: file === undefined ? "the demo's own (no ../shared)" : path.basename(file),
				wallMs: figure(step?.ms ?? Number.NaN),
				...Object.fromEntries(cpu),
			},
		};
	} finally {
		await parts.stopAll();
		rmSync(folder, { recursive: true, force: true });
	}
}
