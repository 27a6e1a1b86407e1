import { writeFileSync } from "node:fs";
import { BenchFaces, Es2Plus, OperatorApi, until } from "./faces.ts";
import type { Parts } from "./parts.ts";
import type { DemoProfile } from "./plan.ts";
import type { Steps } from "./steps.ts";

/** What the story's chapters share. */
export interface Cast {
	readonly parts: Parts;
	readonly steps: Steps;
	readonly api: OperatorApi;
	readonly bench: BenchFaces;
}

export function makeCast(parts: Parts, steps: Steps): Cast {
	return { parts, steps, api: new OperatorApi(parts.plan, () => parts.apiKey), bench: new BenchFaces(parts.plan) };
}

/** Certificates, and every part a process of its own. */
export async function setUp({ parts, steps, bench }: Cast): Promise<void> {
	const { plan } = parts;
	steps.chapter("The parts");
	await steps.step("make a PKI: CI, EUM, eUICC, SM-DP+", async (saw) => {
		await parts.makePki();
		saw(plan.curve);
	});
	await steps.step("start the SM-DP+ and fill its inventory", async (saw) => {
		await parts.startSmdp();
		await bench.importProfile(plan.target.file);
		await bench.importProfile(plan.unreachable.file);
		saw(`${plan.smdpName}, profiles ${plan.target.iccid} and ${plan.unreachable.iccid}`);
	});
	await steps.step("start the eIM", async (saw) => {
		await parts.startEim();
		saw(plan.eimName);
	});
	await steps.step("make a card with a bootstrap profile, start modem and network", async (saw) => {
		await parts.makeCard();
		await parts.startNetwork();
		await parts.startCard();
		saw(`EID ${plan.eid}`);
	});
	await steps.step("the network authenticates the bootstrap profile", async (saw) => {
		const { plmn, imsi } = await bench.attached(plan.bootstrap.imsi);
		saw(`IMSI ${imsi} attached at ${plmn}`);
	});
}

/** The one way in which a device comes to belong to an eIM. */
export async function associate({ parts, steps, api }: Cast): Promise<void> {
	const { plan } = parts;
	steps.chapter("Association");
	await steps.step("register the device at the eIM", async () => {
		await api.json("POST", "/api/v1/devices", { eid: plan.eid, name: "demo device" });
	});
	await steps.step("give the eIM's configuration to the card (ES10b.AddInitialEim)", async (saw) => {
		const der = await (await api.call("GET", "/api/v1/eim-configuration?format=der")).arrayBuffer();
		const file = parts.in("eim-configuration.der");
		writeFileSync(file, new Uint8Array(der));
		const [printed] = await parts.ipaCard("add-eim", file);
		const [added] = (printed?.added ?? []) as { eimId: string; associationToken?: number }[];
		if (added === undefined) throw new Error("ipa card add-eim printed no eIM");
		saw(`eIM ${added.eimId}, association token ${added.associationToken ?? "none"}`);
	});
	await steps.step("start the IPA; it polls the eIM through the modem", async (saw) => {
		await parts.startIpa();
		const device = await until("the eIM sees the device", async () => {
			const seen = await api.json<{ lastPollAt?: string; lastLink?: string }>("GET", `/api/v1/devices/${plan.eid}`);
			return seen.lastPollAt === undefined ? undefined : seen;
		});
		saw(`first poll ${device.lastPollAt}, over ${device.lastLink ?? "an unknown link"}`);
	});
}

/** Order at the SM-DP+ and Indirect Profile Download through the eIM. */
export async function download({ parts, steps, api, bench }: Cast, profile: DemoProfile): Promise<void> {
	const { plan } = parts;
	const matchingId = await steps.step("order the profile (ES2+ downloadOrder, confirmOrder)", async (saw) => {
		const es2plus = new Es2Plus(plan, parts.in("trust", "ci.pem"));
		try {
			const id = await es2plus.order(profile.iccid, plan.eid);
			saw(`matching id ${id}`);
			return id;
		} finally {
			es2plus.close();
		}
	});
	await steps.step("indirect download: SM-DP+ → eIM → IPA → eUICC", async (saw) => {
		const order = { type: "download", smdpAddress: plan.smdpName, matchingId, mode: "indirect" };
		const operation = await api.succeeded(await api.order(plan.eid, order));
		if (operation.outcome?.iccid !== profile.iccid) {
			throw new Error(`the eUICC installed ${String(operation.outcome?.iccid)}, not ${profile.iccid}`);
		}
		saw(`ICCID ${profile.iccid} installed, result signed by the eUICC and verified`);
	});
	await resultAtSmdp({ steps, bench }, profile);
}

function resultAtSmdp({ steps, bench }: Pick<Cast, "steps" | "bench">, profile: DemoProfile): Promise<void> {
	return steps.step("the SM-DP+ has the installation result", async (saw) => {
		const state = await until("the SM-DP+ is told", async () => {
			const seen = await bench.smdpProfile(profile.iccid);
			return seen.state === "installed" ? seen.state : undefined;
		});
		saw(`order is ${state}`);
	});
}

/** The device goes to the SM-DP+ itself, which an SM-DS names to it; the eIM only says that there is something. */
export async function downloadDirectly({ parts, steps, api, bench }: Cast, profile: DemoProfile): Promise<void> {
	const { plan } = parts;
	await steps.step("start an SM-DS; the IPA starts anew, without indirect downloads", async (saw) => {
		await bench.importProfile(profile.file);
		await parts.startSmds();
		await parts.get("ipa").stop();
		await parts.startIpa("direct");
		saw(`${plan.smdsName}, profile ${profile.iccid}`);
	});
	await steps.step("order the profile, with an event at the SM-DS (ES2+ confirmOrder, ES12)", async (saw) => {
		const es2plus = new Es2Plus(plan, parts.in("trust", "ci.pem"));
		try {
			await es2plus.order(profile.iccid, plan.eid, plan.smdsName);
		} finally {
			es2plus.close();
		}
		await until("the SM-DS has the event", async () =>
			(await bench.smdsEvents(plan.eid)).length > 0 ? true : undefined,
		);
		saw(`${plan.smdsName} has an event for the eUICC`);
	});
	await steps.step("direct download: SM-DS → IPA, then SM-DP+ → IPA → eUICC", async (saw) => {
		const before = (await bench.events()).at(-1)?.id ?? 0;
		const order = { type: "download", contactSmds: { smdsAddress: plan.smdsName }, mode: "direct" };
		const operation = await api.succeeded(await api.order(plan.eid, order));
		if (operation.outcome?.iccid !== profile.iccid) {
			throw new Error(`the eUICC installed ${String(operation.outcome?.iccid)}, not ${profile.iccid}`);
		}
		const destinations = await bench.destinations(before);
		for (const needed of [plan.smdsName, plan.smdpName]) {
			if (!destinations.includes(needed)) throw new Error(`the device has not spoken to ${needed}`);
		}
		saw(`ICCID ${profile.iccid} installed, the device spoke to ${plan.smdsName} and ${plan.smdpName} itself`);
	});
	await resultAtSmdp({ steps, bench }, profile);
	await steps.step("list the profiles; the new one is there", async (saw) => {
		await api.succeeded(await api.order(plan.eid, { type: "listProfiles" }));
		const profiles = await api.profiles(plan.eid);
		if (!profiles.some((one) => one.iccid === profile.iccid)) throw new Error(`${profile.iccid} is not on the card`);
		saw(profiles.map((one) => `${one.iccid} ${one.state}`).join(", "));
	});
}

/** The switch that succeeds: result verified, SIM authenticated by its new network. */
export async function enable({ parts, steps, api, bench }: Cast, profile: DemoProfile): Promise<void> {
	const { plan } = parts;
	const before = (await bench.events()).at(-1)?.id ?? 0;
	await steps.step("enable it with rollback granted; the eIM verifies the signed result", async (saw) => {
		const id = await api.order(plan.eid, { type: "enable", iccid: profile.iccid, rollback: true });
		const operation = await api.succeeded(id);
		saw(operation.reason ?? "verified");
	});
	await steps.step("REFRESH, new SIM read, network authentication with the new keys", async (saw) => {
		await bench.attached(profile.imsi);
		const events = (await bench.events(before)).map((event) => event.type);
		for (const needed of ["refreshed", "authenticated", "attached"]) {
			if (!events.includes(needed)) throw new Error(`the network saw no "${needed}" event`);
		}
		saw(`IMSI ${profile.imsi} authenticated by network ${profile.plmn}`);
	});
	await steps.step("list the profiles; the card and the eIM agree", async (saw) => {
		await api.succeeded(await api.order(plan.eid, { type: "listProfiles" }));
		const profiles = await api.profiles(plan.eid);
		const enabled = profiles.filter((one) => one.state === "enabled").map((one) => one.iccid);
		if (enabled.join() !== profile.iccid) throw new Error(`enabled is ${enabled.join(", ") || "nothing"}`);
		saw(profiles.map((one) => `${one.iccid} ${one.state}`).join(", "));
	});
}

/** The switch that must fail: no coverage, so the IPA rolls back and the device is there again. */
export async function enableAndRollBack(
	{ parts, steps, api, bench }: Cast,
	profile: DemoProfile,
	back: DemoProfile,
): Promise<void> {
	const { plan } = parts;
	const before = (await bench.events()).at(-1)?.id ?? 0;
	const id = await steps.step("enable it with rollback granted; the device goes off the air", async (saw) => {
		const ordered = await api.order(plan.eid, { type: "enable", iccid: profile.iccid, rollback: true });
		const refused = ["no-coverage", "rejected"];
		await until("the device finds no network", async () => {
			const events = await bench.events(before);
			return events.some((e) => refused.includes(e.type) && e.imsi === profile.imsi) ? true : undefined;
		});
		saw(`IMSI ${profile.imsi} finds no network`);
		return ordered;
	});
	await steps.step("the IPA rolls back, the old profile attaches again", async (saw) => {
		await bench.attached(back.imsi, 60_000);
		saw(`IMSI ${back.imsi} attached`);
	});
	await steps.step("the eIM verifies the rollback's result", async (saw) => {
		const operation = await api.finished(id);
		if (operation.state !== "rolled-back") throw new Error(`the operation is ${operation.state}: ${operation.reason}`);
		saw(operation.reason ?? operation.state);
	});
	await steps.step("list the profiles; the old one is enabled", async (saw) => {
		await api.succeeded(await api.order(plan.eid, { type: "listProfiles" }));
		const profiles = await api.profiles(plan.eid);
		const enabled = profiles.filter((one) => one.state === "enabled").map((one) => one.iccid);
		if (enabled.join() !== back.iccid) throw new Error(`enabled is ${enabled.join(", ") || "nothing"}`);
		saw(profiles.map((one) => `${one.iccid} ${one.state}`).join(", "));
	});
}

/** The whole demo; with a direct download as its last chapter when that is wanted. */
export async function tellStory(cast: Cast, isDirectToo = false): Promise<void> {
	const { target, unreachable, direct } = cast.parts.plan;
	await setUp(cast);
	await associate(cast);
	cast.steps.chapter("A profile of a network that is there");
	await download(cast, target);
	await enable(cast, target);
	cast.steps.chapter("A profile without coverage");
	await download(cast, unreachable);
	await enableAndRollBack(cast, unreachable, target);
	if (!isDirectToo) return;
	cast.steps.chapter("A profile that the device fetches by itself");
	await downloadDirectly(cast, direct);
}
