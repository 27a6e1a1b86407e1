/** `npm run demo`: the main job end to end, every part a process of its own. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Parts } from "./parts.ts";
import { type DemoCurve, makePlan } from "./plan.ts";
import { Steps, silentReporter, textReporter } from "./steps.ts";
import { makeCast, tellStory } from "./story.ts";

const USAGE = `usage: npm run demo -- [--keep] [--json] [--curve P-256|brainpool] [--profile FILE.der]

  --keep      leave all running and print where to look; ends with Ctrl-C
  --json      print one report object {ok, steps: [{name, ok, ms}]}
  --curve     curve of every key and certificate (P-256)
  --profile   profile package (UPP, DER) to download instead of the demo's own`;

interface Options {
	readonly keep: boolean;
	readonly json: boolean;
	readonly curve: DemoCurve;
	readonly profile: string | undefined;
}

function readOptions(): Options | undefined {
	try {
		const { values } = parseArgs({
			options: {
				keep: { type: "boolean", default: false },
				json: { type: "boolean", default: false },
				curve: { type: "string", default: "P-256" },
				profile: { type: "string" },
			},
		});
		if (values.curve !== "P-256" && values.curve !== "brainpool") throw new Error("--curve is P-256 or brainpool");
		return { keep: values.keep, json: values.json, curve: values.curve, profile: values.profile };
	} catch (error) {
		console.error(`${(error as Error).message}\n\n${USAGE}`);
		return undefined;
	}
}

function whereToLook(parts: Parts): string {
	const { plan } = parts;
	return `
All parts are running. Where to look:
  eIM API      http://127.0.0.1:${plan.ports.api}/api/v1/openapi.json   (Authorization: Bearer ${parts.apiKey})
  eIM CLI      EIM_URL=http://127.0.0.1:${plan.ports.api} EIM_API_KEY=${parts.apiKey} npm run eim -- device show ${plan.eid}
  network      http://127.0.0.1:${plan.ports.control}/bench/v1/status   and /bench/v1/events
  SM-DP+       http://127.0.0.1:${plan.ports.smdpBench}/bench/v1/profiles
  IPA          npm run ipa -- status --config ${parts.in("ipa.yaml")}
  logs, state  ${plan.folder}
The scripts of examples/operations take:
  export EIM_URL=http://127.0.0.1:${plan.ports.api} EIM_API_KEY=${parts.apiKey} SMDP_BENCH=http://127.0.0.1:${plan.ports.smdpBench}
Ctrl-C ends all.`;
}

async function main(options: Options): Promise<number> {
	const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-demo-"));
	const steps = new Steps(options.json ? silentReporter : textReporter(process.stdout));
	const started = performance.now();
	const plan = await makePlan({ folder, curve: options.curve, profileFile: options.profile });
	const parts = new Parts(plan);
	const stopped = new Promise<void>((resolve) => {
		for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
	});
	let ok = true;
	try {
		const told = tellStory(makeCast(parts, steps));
		await Promise.race([told, stopped.then(() => Promise.reject(new Error("stopped")))]);
		if (options.keep) {
			if (!options.json) console.log(whereToLook(parts));
			await stopped;
		}
	} catch (error) {
		ok = false;
		if (!options.json) console.error(`\n${(error as Error).message}\nLogs of all parts: ${parts.in("logs")}`);
	} finally {
		await parts.stopAll();
	}
	const report = { ok, steps: steps.reports };
	if (options.json) console.log(JSON.stringify(report));
	else if (ok) {
		const seconds = ((performance.now() - started) / 1000).toFixed(1);
		console.log(`\n${steps.reports.length} of ${steps.reports.length} steps passed in ${seconds} s.`);
	} else console.log(`\n${steps.reports.filter((step) => step.ok).length} steps passed, then one failed.`);
	if (ok && !options.keep) rmSync(folder, { recursive: true, force: true });
	return ok ? 0 : 1;
}

const options = readOptions();
process.exitCode = options ? await main(options) : 2;
