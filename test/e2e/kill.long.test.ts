import Database from "libsql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Es2Plus, until } from "../../examples/demo/faces.ts";
import type { PartName } from "../../examples/demo/parts.ts";
import type { DemoProfile } from "../../examples/demo/plan.ts";
import { type Kill, KillScene, PHASES, type Phase } from "./kill-scene.ts";

const PARTS = ["eim", "ipa", "card", "smdp"] as const satisfies readonly PartName[];
const ROUNDS = 16;
/** A delivery that a killed eIM had begun is due again when the lease of its job ends: es9plus.timeout and 10 s. */
const DELIVERY_LEASE_MS = 20_000;
const SEED = Number(process.env.KILL_SEED ?? 20_261_122);

/** xorshift32: the moments within the BPP load come from the seed. */
function generator(seed: number): (below: number) => number {
	let state = seed | 0 || 1;
	return (below) => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % below;
	};
}

interface Report {
	readonly profiles: readonly { readonly iccid: string; readonly state: string }[];
	readonly eims: readonly { readonly counter: number }[];
	readonly notifications: readonly unknown[];
	readonly packageResults: readonly unknown[];
	readonly isLoadInProgress: boolean;
}

let scene: KillScene;
const hits: Kill[] = [];

beforeAll(async () => {
	scene = await KillScene.open();
}, 120_000);
afterAll(() => scene?.close());

async function armed(kill: Kill, order: () => Promise<string>): Promise<void> {
	const { api } = scene.cast;
	scene.arm(kill);
	const id = await order();
	kill.operationId = id;
	const ended = await api.finished(id, 120_000);
	expect({ phase: kill.phase, part: kill.part, state: ended.state, reason: ended.reason }).toMatchObject({
		state: "succeeded",
	});
	await until(`the kill of ${kill.part} (${kill.phase}) strikes`, async () => (kill.hit ? true : undefined), 20_000);
	hits.push(kill);
}

async function orderDownload(profile: DemoProfile): Promise<string> {
	const { plan } = scene.parts;
	const es2plus = new Es2Plus(plan, scene.parts.in("trust", "ci.pem"));
	try {
		const matchingId = await es2plus.order(profile.iccid, plan.eid);
		return await scene.cast.api.order(plan.eid, { type: "download", smdpAddress: plan.smdpName, matchingId });
	} finally {
		es2plus.close();
	}
}

async function cardReport(): Promise<Report> {
	const { execFileSync } = await import("node:child_process");
	const { root } = await import("../../examples/demo/program.ts");
	const printed = execFileSync(process.execPath, [
		`${root}/sim/dist/euicc/main.js`,
		"show",
		"--dir",
		scene.parts.in("card"),
	]);
	return JSON.parse(printed.toString("utf8")) as Report;
}

/** Card memory, eIM database and SM-DP+ order tell the same story, and nothing is left over. */
async function expectAgreement(profile: DemoProfile): Promise<void> {
	const { api, bench } = scene.cast;
	const { plan } = scene.parts;
	await api.succeeded(await api.order(plan.eid, { type: "listProfiles" }));
	const report = await until("the card has handed over all it had to tell", async () => {
		const seen = await cardReport();
		return seen.notifications.length + seen.packageResults.length === 0 ? seen : undefined;
	});
	const onCard = report.profiles.map(({ iccid, state }) => ({ iccid: nibbles(iccid), state }));
	expect(onCard).toEqual([{ iccid: plan.bootstrap.iccid, state: "enabled" }]);
	expect((await api.profiles(plan.eid)).map(({ iccid, state }) => ({ iccid, state }))).toEqual(onCard);
	expect(report.isLoadInProgress).toBe(false);
	// A load that was cut off has its own notification of "install", which tells of a failure: the success comes apart.
	const told = await until(
		"the SM-DP+ has every notification",
		async () => {
			const of = (await bench.smdpNotifications()).filter((n) => n.iccid === profile.iccid && n.isVerified === true);
			const isInstalled = of.some(({ event, result }) => event === "install" && result === "success");
			const events = of.map((notification) => String(notification.event));
			return isInstalled && ["enable", "disable", "delete"].every((event) => events.includes(event)) ? of : undefined;
		},
		DELIVERY_LEASE_MS + 60_000,
	);
	expect((await bench.smdpProfile(profile.iccid)).state).toBe("installed");
	expect(new Set(told.map(({ seqNumber }) => seqNumber)).size).toBe(told.length);
	expectCountersOnce(report.eims[0]?.counter ?? -1);
}

function nibbles(swapped: string): string {
	return swapped.replace(/(.)(.)/g, "$2$1").replace(/F$/, "");
}

function expectCountersOnce(onCard: number): void {
	const database = new Database(scene.parts.in("eim", "eim.db"), { readonly: true });
	try {
		const rows = database.prepare("SELECT counter FROM packages WHERE counter IS NOT NULL").all() as {
			counter: number;
		}[];
		const counters = rows.map((row) => Number(row.counter));
		expect(new Set(counters).size).toBe(counters.length);
		expect(Math.max(...counters)).toBe(onCard);
	} finally {
		database.close();
	}
}

describe(`kill -9 during the demo's flow (KILL_SEED=${SEED})`, () => {
	const random = generator(SEED);

	it.each(Array.from({ length: ROUNDS }, (_, round) => round))(
		"round %i: each phase, another part each",
		async (round) => {
			const { api } = scene.cast;
			const { eid, bootstrap } = scene.parts.plan;
			const kill = (phase: Phase): Kill => ({
				phase,
				part: PARTS[(round + PHASES.indexOf(phase)) % PARTS.length] as PartName,
				afterBlocks: 1 + random(14),
				operationId: "",
				hit: false,
			});
			const profile = await scene.newProfile(round);
			await armed(kill(PHASES[0]), () => orderDownload(profile));
			await armed(kill(PHASES[1]), () => api.order(eid, { type: "enable", iccid: profile.iccid, rollback: true }));
			await armed(kill(PHASES[2]), () => api.order(eid, { type: "enable", iccid: bootstrap.iccid, rollback: true }));
			await armed(kill(PHASES[3]), () => api.order(eid, { type: "delete", iccid: profile.iccid }));
			await expectAgreement(profile);
		},
	);

	it("struck each part at least 15 times and each phase at least 10 times", () => {
		for (const part of PARTS) expect(hits.filter((kill) => kill.part === part).length).toBeGreaterThanOrEqual(15);
		for (const phase of PHASES) expect(hits.filter((kill) => kill.phase === phase).length).toBeGreaterThanOrEqual(10);
	});
});
