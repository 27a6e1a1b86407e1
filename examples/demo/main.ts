/** `npm run demo`: the main job end to end, every part a process of its own. */

import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { pause } from "./faces.ts";
import { Parts } from "./parts.ts";
import { type DemoCurve, type DemoPlan, type DemoTransport, isTransport, makePlan, TRANSPORTS } from "./plan.ts";
import { type Reporter, Steps, silentReporter, textReporter } from "./steps.ts";
import { makeCast, tellStory } from "./story.ts";

const USAGE = `usage: npm run demo -- [--keep] [--json] [--direct] [--transport https|coap|coaps+tcp|mqtt] [--curve P-256|brainpool]
                           [--profile FILE.der]

  --keep      leave all running and print where to look; ends with Ctrl-C
  --json      print one report object {ok, steps: [{name, ok, ms}]}; with npm, npm run -s demo -- --json
  --direct    five steps more: the device downloads from the SM-DP+ itself, which an SM-DS has named to it
  --transport what carries messages between device and eIM: coap is over DTLS, which needs its native part; coaps+tcp is
              CoAP over TLS; mqtt brings a broker of its own
  --curve     curve of every key and certificate (P-256)
  --profile   profile package (UPP, DER) to download instead of the demo's own
  --help      print this`;

interface Options {
	readonly keep: boolean;
	readonly json: boolean;
	readonly direct: boolean;
	readonly transport: DemoTransport;
	readonly curve: DemoCurve;
	readonly profile: string | undefined;
	readonly help: boolean;
}

function readOptions(): Options {
	const { values } = parseArgs({
		options: {
			keep: { type: "boolean", default: false },
			json: { type: "boolean", default: false },
			direct: { type: "boolean", default: false },
			transport: { type: "string", default: "https" },
			curve: { type: "string", default: "P-256" },
			profile: { type: "string" },
			help: { type: "boolean", short: "h", default: false },
		},
	});
	const { keep, json, direct, transport, curve, profile, help } = values;
	if (!isTransport(transport)) throw new Error(`--transport is ${TRANSPORTS.join(", ")}, not "${transport}"`);
	if (curve !== "P-256" && curve !== "brainpool") throw new Error(`--curve is P-256 or brainpool, not "${curve}"`);
	return { keep, json, direct, transport, curve, profile, help };
}

function addresses({ plan, apiKey }: Parts) {
	return {
		api: `http://127.0.0.1:${plan.ports.api}`,
		apiKey,
		eid: plan.eid,
		network: `http://127.0.0.1:${plan.ports.control}`,
		smdpBench: `http://127.0.0.1:${plan.ports.smdpBench}`,
		smdsBench: `http://127.0.0.1:${plan.ports.smdsBench}`,
		folder: plan.folder,
	};
}

function whereToLook(parts: Parts): string {
	const { api, apiKey, eid, network, smdpBench, smdsBench, folder } = addresses(parts);
	return `
All parts are running. Where to look:
  eIM API      ${api}/api/v1/openapi.json
               other paths need the header Authorization: Bearer ${apiKey}
  network      ${network}/bench/v1/status and ${network}/bench/v1/events
  SM-DP+       ${smdpBench}/bench/v1/profiles
  SM-DS        ${smdsBench}/bench/v1/events (${parts.plan.smdsName}: order-profile.sh with SMDS=${parts.plan.smdsName})
  logs, state  ${folder}
In a second terminal, in this folder:
  export EIM_URL=${api}
  export EIM_API_KEY=${apiKey}
  export SMDP_BENCH=${smdpBench}
  npm run -s eim -- device show ${eid}
  npm run -s ipa -- status --config ${parts.in("ipa.yaml")}
Ctrl-C ends all.`;
}

/** Made before anything starts: a wrong option leaves nothing behind. */
async function prepare(options: Options): Promise<DemoPlan> {
	let folder: string;
	try {
		folder = mkdtempSync(path.join(tmpdir(), "iot-esim-demo-"));
	} catch (cause) {
		throw new Error(`no folder can be made in ${tmpdir()}: set TMPDIR to one that can be written`, { cause });
	}
	try {
		return await makePlan({ folder, curve: options.curve, transport: options.transport, profileFile: options.profile });
	} catch (error) {
		rmSync(folder, { recursive: true, force: true });
		throw error;
	}
}

/** Resolves with the first signal that ends the demo; a terminal and npm may both send it, so later ones count nothing. */
function untilStopped(): Promise<NodeJS.Signals> {
	return new Promise((resolve) => {
		for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve(signal));
		// Whoever read the output has gone, as `head` does.
		process.stdout.on("error", () => resolve("SIGHUP"));
	});
}

async function main(options: Options): Promise<number> {
	const stopped = untilStopped();
	let stop: NodeJS.Signals | undefined;
	void stopped.then((signal) => {
		stop = signal;
	});
	const plan = await prepare(options);
	const say = options.json ? () => {} : (text: string) => void process.stdout.write(`${text}\n`);
	const steps = new Steps(whileNot(() => stop, options.json ? silentReporter : textReporter(process.stdout)));
	const parts = new Parts(plan);
	const started = performance.now();
	let failure: Error | undefined;
	try {
		await Promise.race([tellStory(makeCast(parts, steps), options.direct), stopped]);
		if (!stop) {
			const [count, seconds] = [steps.reports.length, (performance.now() - started) / 1000];
			say(`\n${count} of ${count} steps passed in ${seconds.toFixed(1)} s.`);
			if (options.keep) {
				if (!options.direct) await parts.startSmds();
				if (options.json) print({ ok: true, steps: steps.reports, running: addresses(parts) });
				else say(whereToLook(parts));
				await stopped;
				say(`\nEnded. Logs and state are still in ${plan.folder}`);
				return 0;
			}
		}
	} catch (error) {
		failure = error as Error;
		// Ctrl-C reaches the parts as well: what fails because of it is no failure.
		await Promise.race([stopped, pause(100)]);
	} finally {
		await parts.stopAll();
	}
	if (stop) say(`\nStopped by ${stop} after ${steps.reports.filter((step) => step.ok).length} steps.`);
	else if (failure) say(`\nThe demo failed. Logs of all parts: ${parts.in("logs")}`);
	if (stop || !failure) rmSync(plan.folder, { recursive: true, force: true });
	const error = stop ? `stopped by ${stop}` : failure?.message;
	const logs = failure && !stop ? { logs: parts.in("logs") } : {};
	if (options.json) print({ ok: error === undefined, steps: steps.reports, ...(error ? { error } : {}), ...logs });
	if (stop) return 128 + constants.signals[stop];
	return failure ? 1 : 0;
}

function print(report: object): void {
	process.stdout.write(`${JSON.stringify(report)}\n`);
}

/** Says nothing any more when the demo was stopped, although its story may fail a little later. */
function whileNot(isOver: () => unknown, reporter: Reporter): Reporter {
	return {
		chapter: (title) => void (isOver() || reporter.chapter(title)),
		started: (name) => void (isOver() || reporter.started(name)),
		ended: (step) => void (isOver() || reporter.ended(step)),
	};
}

async function run(): Promise<number> {
	let options: Options;
	try {
		options = readOptions();
	} catch (error) {
		console.error(`demo: ${(error as Error).message}\n\n${USAGE}`);
		return 2;
	}
	if (options.help) {
		console.log(USAGE);
		return 0;
	}
	try {
		return await main(options);
	} catch (error) {
		console.error(`demo: ${(error as Error).message}`);
		return 2;
	}
}

const code = await run();
// A stopped story may still wait for something: it is left alone once all is written.
process.stdout.write("", () => process.exit(code));
