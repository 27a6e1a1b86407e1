/**
 * The eIM, the IPA, the eUICC and the SM-DP+ in one process, by the octets of ESipa, ES10 and ES9+: nothing here is
 * scripted, and no part knows that the others are not far away.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Es9PlusHttp } from "@iot-esim/eim/es9plus/http";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { loadPki, savePki } from "@iot-esim/sim/pki/pki-directory";
import { makeTestPki, type TestPki } from "@iot-esim/sim/pki/test-pki";
import { credentialsOf } from "@iot-esim/sim/smdp/credentials";
import { profileFromFile } from "@iot-esim/sim/smdp/orders/import-profile";
import { createSmdp, type Smdp } from "@iot-esim/sim/smdp/smdp";
import { afterEach, describe, expect, it } from "vitest";
import { testPki } from "../support/esipa-bench.ts";
import { BOOTSTRAP, profileDescription, wholeChain } from "../support/whole-chain.ts";

const SMDP = "smdp.example.com";
const bootstrap = Iccid(BOOTSTRAP);
const target = Iccid("8900101000000000026");
const { eid } = testPki();

let closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
	for (const close of closing.reverse()) await close();
	closing = [];
});

/** ES9+ straight into the handlers of SM-DP+; a switch cuts the line. */
class Line implements Es9PlusHttp {
	handler: HttpHandler | undefined;
	readonly paths: string[] = [];

	async request({ url, headers, body }: { url: string; headers: Readonly<Record<string, string>>; body: Uint8Array }) {
		const { pathname, hostname } = new URL(url);
		this.paths.push(pathname);
		if (this.handler === undefined || hostname !== SMDP) throw new EsimError("TRANSPORT_UNREACHABLE", "no line");
		const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
		const { signal } = new AbortController();
		const request = { method: "POST", path: pathname, headers: lower, body, remoteAddress: "192.0.2.2", signal };
		const answer = await this.handler(request);
		const sent = answer.body ?? new Uint8Array();
		if (typeof sent !== "string" && !(sent instanceof Uint8Array)) throw new Error("a whole body is expected");
		return { status: answer.status, body: typeof sent === "string" ? new TextEncoder().encode(sent) : sent };
	}
}

function makeSmdp(now: () => number, pki: TestPki): Smdp {
	const folder = mkdtempSync(path.join(tmpdir(), "whole-chain-"));
	savePki(path.join(folder, "pki"), pki);
	const smdp = createSmdp({
		stateFolder: path.join(folder, "state"),
		credentials: [credentialsOf(loadPki(path.join(folder, "pki")))],
		addresses: [SMDP],
		clock: { now, schedule: (delay, task) => systemClock.schedule(delay, task) },
		random: systemRandom,
		logger: memoryLogger().logger,
	});
	closing.push(() => {
		smdp.stop();
		rmSync(folder, { recursive: true, force: true });
	});
	return smdp;
}

async function chain(given: { readonly encoding?: "json" | "asn1"; readonly pki?: TestPki } = {}) {
	const line = new Line();
	const parts = await wholeChain({ http: line, ...given });
	closing.push(() => parts.close());
	const smdp = makeSmdp(() => parts.eim.clock.now(), given.pki ?? testPki());
	line.handler = smdp.handle;
	return { ...parts, line, smdp };
}

/** Imports and releases a profile; the matching id. */
async function order(smdp: Smdp): Promise<string> {
	smdp.importProfile(
		profileFromFile({ fileName: "p.yaml", contents: utf8(profileDescription(target)), smdpAddress: SMDP }),
	);
	const call = async (name: string, members: object) => {
		const body = new TextEncoder().encode(
			JSON.stringify({
				header: { functionRequesterIdentifier: "op", functionCallIdentifier: "1" },
				iccid: target,
				...members,
			}),
		);
		const answer = await smdp.handle({
			method: "POST",
			path: `/gsma/rsp2/es2plus/${name}`,
			headers: { "content-type": "application/json" },
			body,
			remoteAddress: "127.0.0.1",
			signal: new AbortController().signal,
		});
		return JSON.parse(String(answer.body instanceof Uint8Array ? new TextDecoder().decode(answer.body) : answer.body));
	};
	await call("downloadOrder", {});
	const { matchingId } = await call("confirmOrder", { releaseFlag: true });
	return matchingId as string;
}

const brainpool = () => makeTestPki({ curve: "brainpoolP256r1", random: systemRandom, now: Date.UTC(2026, 0, 1) });

describe.each([
	["json", "P-256", testPki],
	["asn1", "P-256", testPki],
	["json", "brainpoolP256r1", brainpool],
] as const)("the whole chain with ES9+ in %s on %s", (encoding, _curve, makePki) => {
	it("downloads, delivers the notification, enables, lists and deletes", async () => {
		const { eim, smdp, line, round, profiles } = await chain({ encoding, pki: makePki() });
		const matchingId = await order(smdp);
		const download = await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		expect(await round()).toBeGreaterThan(0);
		expect(await eim.store.loadOperation(download)).toMatchObject({ state: "succeeded", outcome: { iccid: target } });
		expect(await profiles()).toEqual({ [target]: "disabled" });
		expect(await eim.jobs.runDue()).toBe(1);
		expect(smdp.notifications()).toMatchObject([{ event: "install", result: "success", isVerified: true }]);
		expect(line.paths.length).toBeGreaterThanOrEqual(4);

		const enable = await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: true } });
		await round();
		expect(await eim.store.loadOperation(enable)).toMatchObject({ state: "succeeded" });
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await round();
		expect(await eim.state(list)).toBe("succeeded");
		expect(await profiles()).toEqual({ [target]: "enabled", [bootstrap]: "disabled" });

		const remove = await eim.order(eid, { type: "delete", parameters: { iccid: bootstrap } });
		await round();
		expect(await eim.state(remove)).toBe("succeeded");
		expect(await profiles()).toEqual({ [target]: "enabled" });
	});
});

describe("the whole chain", () => {
	it("rolls back when the eIM cannot be reached over the new profile, and the eIM learns what is enabled", async () => {
		const { eim, smdp, device, round, profiles, events, cutUntilRollback } = await chain();
		const matchingId = await order(smdp);
		await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		await round();
		const enable = await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: true } });
		cutUntilRollback();
		await round();
		expect(events).toContain("result-waiting");
		expect(device.errors).toEqual([]);
		expect(await eim.store.loadOperation(enable)).toMatchObject({
			state: "rolled-back",
			reason: { code: "rollback: ok(0)" },
		});
		expect(await profiles()).toEqual({ [target]: "disabled", [bootstrap]: "enabled" });
	});

	it("leaves nothing on the card that was acknowledged, and acknowledges nothing else", async () => {
		const { eim, smdp, device, round } = await chain();
		const matchingId = await order(smdp);
		await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		await round();
		await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: false } });
		await round();
		await round();
		await device.restart();
		expect(await device.ask("BF2B00")).toBe("BF2B02A000");
		expect(await device.ask("BF2B04A0028200")).toMatch(/^BF2B02A[02]00$/);
		const seqNumbers = (await eim.store.listNotifications(eid, { limit: 20 })).items.map((one) => one.seqNumber);
		expect(new Set(seqNumbers).size).toBe(seqNumbers.length);
		expect(await eim.jobs.runDue()).toBe(seqNumbers.length);
		expect(
			smdp
				.notifications()
				.map((one) => one.event)
				.sort(),
		).toEqual(
			["disable", "enable", "install"].filter((event) => smdp.notifications().some((one) => one.event === event)),
		);
		expect(smdp.notifications()).toHaveLength(seqNumbers.length);
	});

	it("keeps the notification until the SM-DP+ can be reached again", async () => {
		const { eim, smdp, line, round } = await chain();
		const matchingId = await order(smdp);
		await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		await round();
		const { handler } = line;
		line.handler = undefined;
		expect(await eim.jobs.runDue()).toBe(1);
		expect(smdp.notifications()).toEqual([]);
		const waiting = (await eim.store.listNotifications(eid, { limit: 1 })).items[0];
		expect(waiting).toMatchObject({ attempts: 1, lastError: expect.stringContaining("ES9PLUS_UNREACHABLE") });
		expect(await eim.jobs.runDue()).toBe(0);
		line.handler = handler;
		await eim.clock.advance(Seconds(6));
		expect(await eim.jobs.runDue()).toBe(1);
		expect(smdp.notifications()).toHaveLength(1);
	});

	it("fails a download in the SM-DP+'s code when it refuses the matching id", async () => {
		const { eim, smdp, round } = await chain();
		await order(smdp);
		const parameters = { smdpAddress: SMDP, matchingId: "NOT-THERE" };
		const download = await eim.order(eid, { type: "download", parameters });
		await round();
		expect(await eim.store.loadOperation(download)).toMatchObject({ state: "failed", reason: { code: "8.2.6/3.8" } });
	});

	it("says why when the SM-DP+ could not be reached and the device gave up", async () => {
		const { eim, smdp, line, ipa } = await chain();
		const matchingId = await order(smdp);
		line.handler = undefined;
		const download = await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		await ipa.pollOnce();
		expect(await eim.store.loadOperation(download)).toMatchObject({
			state: "failed",
			reason: { code: "ES9PLUS_UNREACHABLE", text: expect.stringContaining(SMDP) },
		});
	});
});
