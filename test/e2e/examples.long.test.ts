import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BenchFaces, OperatorApi, until } from "../../examples/demo/faces.ts";
import { Parts } from "../../examples/demo/parts.ts";
import { makePlan } from "../../examples/demo/plan.ts";
import { Program } from "../../examples/demo/program.ts";
import { Steps, silentReporter } from "../../examples/demo/steps.ts";
import { associate, makeCast, setUp } from "../../examples/demo/story.ts";
import { projectRoot } from "../support/compose.ts";
import { requireExternal } from "../support/externals.ts";

/** The scripts of examples/operations, one after the other, against the parts of the demo. */
const SCRIPTS = path.join(projectRoot, "examples/operations");
const FIRST = "8900102000000001016";
const SECOND = "8900102000000001024";
const OTHER_EID = "89049032123451234567890123456888";
const hasRun = new Set<string>();
let parts: Parts | undefined;

const curl = await requireExternal("curl (apt-get install curl)", () => {
	try {
		return execFileSync("curl", ["--version"], { encoding: "utf8" });
	} catch {
		return undefined;
	}
});
const withCurl = it.skipIf(curl === undefined);

beforeAll(async () => {
	const plan = await makePlan({ folder: mkdtempSync(path.join(tmpdir(), "examples-")), curve: "P-256" });
	parts = new Parts(plan);
	const cast = makeCast(parts, new Steps(silentReporter));
	await setUp(cast);
	await associate(cast);
}, 120_000);

afterAll(async () => {
	await parts?.stopAll();
	if (parts) rmSync(parts.plan.folder, { recursive: true, force: true });
});

interface Ended {
	readonly code: number;
	readonly out: string;
	readonly errors: string;
}

function script(name: string, args: readonly string[] = [], timeout = 60): Promise<Ended> {
	hasRun.add(name);
	const { plan, apiKey } = parts as Parts;
	const env = {
		PATH: process.env.PATH,
		EIM_URL: `http://127.0.0.1:${plan.ports.api}`,
		EIM_API_KEY: apiKey,
		EID: plan.eid,
		SMDP_BENCH: `http://127.0.0.1:${plan.ports.smdpBench}`,
		TIMEOUT: String(timeout),
	};
	return new Promise((resolve) => {
		execFile(path.join(SCRIPTS, name), [...args], { env, cwd: tmpdir() }, (error, out, errors) => {
			resolve({ code: error === null ? 0 : Number(error.code), out, errors });
		});
	});
}

async function succeeds(name: string, ...args: string[]): Promise<string> {
	const { code, out, errors } = await script(name, args);
	expect(code, `${name}: ${out}\n${errors}`).toBe(0);
	return out;
}

/** Orders and downloads a profile of deploy/profiles. */
async function download(profile: string): Promise<string> {
	const code = await succeeds("order-profile.sh", path.join(projectRoot, "deploy/profiles", profile));
	expect(code).toMatch(/^1\$smdp\.example\.com\$[A-Z0-9-]+\n$/);
	return succeeds("download.sh", code.trim());
}

withCurl("register-device.sh registers a device, and only once", async () => {
	expect(await succeeds("register-device.sh", OTHER_EID, "meter")).toMatch(/name +meter/);
	const again = await script("register-device.sh", [OTHER_EID, "meter"]);
	expect(again.code).toBe(22); // curl: the server refused
});

withCurl("eim-configuration.sh writes what a card takes", async () => {
	const file = (parts as Parts).in("from-script.der");
	expect(await succeeds("eim-configuration.sh", file)).toContain("-----BEGIN EIM CONFIGURATION DATA-----");
	expect(readFileSync(file).subarray(0, 2).toString("hex")).toBe("bf57");
});

withCurl("order-profile.sh and download.sh bring a profile into the eUICC", { timeout: 120_000 }, async () => {
	expect(await download("operator-1.yaml")).toMatch(new RegExp(`state +succeeded\\noutcome +iccid=${FIRST}`));
	const again = await script("order-profile.sh", [FIRST]);
	expect(again.code, "a profile that is installed cannot be ordered again").toBe(1);
});

withCurl("enable.sh switches to it, list-profiles.sh shows it", { timeout: 120_000 }, async () => {
	expect(await succeeds("enable.sh", FIRST)).toMatch(/state +succeeded/);
	expect(await succeeds("list-profiles.sh")).toMatch(new RegExp(`${FIRST} +enabled`));
});

withCurl("delete.sh deletes a disabled profile and tells its operator", { timeout: 120_000 }, async () => {
	await download("operator-2.yaml");
	expect(await succeeds("delete.sh", SECOND)).toMatch(new RegExp(`delete +${SECOND} +smdp\\.example\\.com`));
	const again = await script("delete.sh", [SECOND]);
	expect(again.code).toBe(1);
	expect(again.errors).toContain("iccidOrAidNotFound(1)");
});

withCurl("read-euicc-data.sh and events.sh show what is known and what happened", async () => {
	const data = JSON.parse(await succeeds("read-euicc-data.sh")) as { outcome: unknown };
	expect(data.outcome).toMatchObject({ hasCertificates: true });
	const events = await succeeds("events.sh", "1");
	expect(events).toMatch(/operationSucceeded {2}89\d{30} {2}op_\w+ {2}type=enable/);
	expect(events).toMatch(/^event: operationSucceeded$/m);
});

it("ipa-library.ts takes the place of the agent and does what was ordered", { timeout: 120_000 }, async () => {
	const { plan, apiKey } = parts as Parts;
	const api = new OperatorApi(plan, () => apiKey);
	await (parts as Parts).get("ipa").stop();
	const id = await api.order(plan.eid, { type: "listProfiles" });
	const library = new Program({
		name: "ipa-library",
		script: "dist/examples/ipa-library.js",
		args: [`vpcd://127.0.0.1:${plan.ports.ipa}`, (parts as Parts).in("ipa"), `http://127.0.0.1:${plan.ports.proxy}`],
		logFolder: (parts as Parts).in("logs"),
	});
	try {
		await api.succeeded(id, 60_000);
		await until("the library says so", async () => {
			return readFileSync(library.logFile, "utf8").includes("result delivered to eim.example.com") ? true : undefined;
		});
	} finally {
		await library.stop();
	}
	expect(await library.exit(), "it ends by itself on SIGTERM").toBe(0);
	await (parts as Parts).startIpa();
});

withCurl(
	"fallback.sh, default-smdp.sh, policy-rules.sh and package.sh order what they say",
	{ timeout: 120_000 },
	async () => {
		const { bootstrap } = (parts as Parts).plan;
		// A profile of an operator may become the fallback profile only where its metadata says so.
		const refused = await script("fallback.sh", [FIRST]);
		expect([refused.code, refused.errors]).toEqual([1, expect.stringContaining("fallbackNotAllowed(2)")]);
		expect(await succeeds("fallback.sh", bootstrap.iccid)).toMatch(new RegExp(`${bootstrap.iccid} .* yes`));
		expect(await succeeds("fallback.sh", "--none")).not.toMatch(/ yes/);
		expect(await succeeds("default-smdp.sh", "smdp.example.com")).toMatch(/2 +configureImmediateEnable +succeeded/);
		expect(await succeeds("default-smdp.sh", "--none")).toMatch(/1 +setDefaultDpAddress +succeeded/);
		expect(await succeeds("policy-rules.sh")).toMatch(/outcome +rules=\[/);
		expect(await succeeds("package.sh", FIRST, bootstrap.iccid, "--keep")).toMatch(/2 +enable +succeeded/);
		expect(await succeeds("package.sh", bootstrap.iccid, FIRST, "--keep")).toMatch(/2 +enable +succeeded/);
	},
);

withCurl(
	"list-eims.sh, key-roll-over.sh and hand-over.sh show and change whom the eUICC obeys",
	{ timeout: 120_000 },
	async () => {
		const { plan } = parts as Parts;
		expect(await succeeds("list-eims.sh")).toMatch(new RegExp(`eIMs on the card +${plan.eimName}`));
		expect(await succeeds("key-roll-over.sh", "5")).toContain("all devices know the current keys");
		const next = new Program({
			name: "next-eim",
			script: "eim/dist/main.js",
			args: [
				...["--data-folder", (parts as Parts).in("next-eim"), "--api-port", "0", "--esipa-port", "0"],
				...["--eim-fqdn", "next.example.com"],
			],
			logFolder: (parts as Parts).in("logs"),
		});
		try {
			const ready = await next.line("it listens", (line) => ("listening" in line ? line : undefined));
			const { api } = ready.listening as { api: string };
			const out = await succeeds("hand-over.sh", api, String(ready.firstApiKey));
			expect(out).toMatch(/the eUICC knows next\.example\.com by the association token \d+/);
			expect(out).toContain(`order delete-eim ${plan.eid} ${plan.eimName}`);
			// The device cannot reach it from here: this eIM takes it off the card again.
			const operator = new OperatorApi(plan, () => (parts as Parts).apiKey);
			await operator.succeeded(
				await operator.order(plan.eid, { type: "deleteEim", eimId: "next.example.com" }),
				60_000,
			);
		} finally {
			await next.stop();
		}
	},
);

withCurl("disable.sh warns, and takes the device off the network", { timeout: 120_000 }, async () => {
	const ended = await script("disable.sh", [FIRST], 10);
	expect(ended.errors).toContain("warning: Afterwards no profile is enabled");
	expect(ended.errors).toMatch(/still sent after 10 s/);
	expect(ended.code).toBe(1);
	const bench = new BenchFaces((parts as Parts).plan);
	await until(
		"the device is off the network",
		async () => ((await bench.status()).attached ? undefined : true),
		10_000,
	);
});

withCurl("every script has been run, can be executed and says how it is used", async () => {
	const scripts = readdirSync(SCRIPTS).filter((name) => name.endsWith(".sh") && name !== "common.sh");
	expect(scripts.sort()).toEqual([...hasRun].sort());
	for (const name of scripts) {
		const text = readFileSync(path.join(SCRIPTS, name), "utf8");
		expect(text.startsWith("#!/usr/bin/env bash\n# "), name).toBe(true);
		expect(text, `${name} shows how it is called`).toMatch(new RegExp(`^# {2,}.*${name.replace(".", "\\.")}`, "m"));
		expect(text.split("\n").length, name).toBeLessThan(40);
	}
	const unset = await new Promise<string>((resolve) => {
		execFile(path.join(SCRIPTS, "list-profiles.sh"), { env: { PATH: process.env.PATH } }, (_e, _o, err) =>
			resolve(err),
		);
	});
	expect(unset).toContain("set EIM_URL");
	expect(existsSync(path.join(projectRoot, "eim/dist/cli/eim.js"))).toBe(true);
});
