/** A device whose downloads take all forms: SM-DP+ and SM-DS in this process. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DownloadParameters } from "@iot-esim/eim/domain/download";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { loadPki, savePki } from "@iot-esim/sim/pki/pki-directory";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { serverCredentialsOf } from "@iot-esim/sim/rsp-server/credentials";
import { createSmds } from "@iot-esim/sim/smds/smds";
import { expect, onTestFinished } from "vitest";
import type { Binding } from "../support/esipa-face-client.ts";
import { releaseProfile, SMDP, smdpBench } from "../support/smdp-bench.ts";
import { deviceChain, profileDescription, TARGET } from "../support/whole-chain.ts";
import { InProcessServers } from "./ipa-direct-servers.ts";

export const SMDS = "smds.example.com";

function smdsBench(now: () => number, pki: TestPki) {
	const folder = mkdtempSync(path.join(tmpdir(), "smds-bench-"));
	savePki(path.join(folder, "pki"), pki);
	const smds = createSmds({
		stateFolder: path.join(folder, "state"),
		credentials: [serverCredentialsOf(loadPki(path.join(folder, "pki")), "SM-DS")],
		addresses: [SMDS],
		clock: { now, schedule: (delay, task) => systemClock.schedule(delay, task) },
		random: systemRandom,
		logger: memoryLogger().logger,
	});
	onTestFinished(() => {
		smds.stop();
		rmSync(folder, { recursive: true, force: true });
	});
	return smds;
}

/** ES9+ and ES11 in the other form than ESipa, so that both are seen on both curves. */
export const encodingBeside = (binding: Binding): Binding => (binding === "asn1" ? "json" : "asn1");

export interface DownloadWhere {
	readonly binding: Binding;
	readonly curve: Curve;
}

/** A device, its eIM and an SM-DP+, let go of when the test is over. */
export async function downloadChain({ binding, curve }: DownloadWhere, mode: "indirect" | "direct" = "indirect") {
	const encoding = encodingBeside(binding);
	const servers = new InProcessServers();
	const rsp = mode === "direct" ? { rsp: servers.client(encoding) } : {};
	const chain = await deviceChain({ binding, curve, encoding, http: servers, ...rsp });
	const now = () => chain.eim.clock.now();
	const { smdp, close } = smdpBench(now, chain.pki);
	onTestFinished(async () => {
		await chain.close();
		await close();
	});
	servers.handlers.set(SMDP, smdp.handle);
	const release = (more: object = {}, iccid = TARGET) =>
		releaseProfile(smdp, iccid, profileDescription(iccid), { ...more });
	const order = async (parameters: DownloadParameters) => {
		// As the API does it: the IPA says first how it downloads.
		if (parameters.mode !== undefined || parameters.expected !== undefined) {
			await chain.eim.order(chain.eid, { type: "readEuiccData", parameters: {} });
		}
		return chain.eim.order(chain.eid, { type: "download", parameters });
	};
	return { ...chain, servers, smdp, release, order, now };
}
export type DownloadChain = Awaited<ReturnType<typeof downloadChain>>;

/** Puts an event for a released profile into an SM-DS. */
export async function withEvent(chain: DownloadChain): Promise<void> {
	const smds = smdsBench(chain.now, chain.pki);
	chain.servers.handlers.set(SMDS, smds.handle);
	const eventId = await chain.release({ eid: chain.eid });
	const header = { functionRequesterIdentifier: "2.999.10", functionCallIdentifier: "1" };
	const event = { header, eid: chain.eid, eventId, rspServerAddress: SMDP, forwardingIndicator: false };
	await chain.servers.request({
		url: `https://${SMDS}/gsma/rsp2/es12/registerEvent`,
		headers: { "Content-Type": "application/json" },
		body: utf8(JSON.stringify(event)),
	});
	expect(smds.events()).toHaveLength(1);
}

export async function expectInstalled({ eim, smdp, profiles }: DownloadChain, download: string, iccid = TARGET) {
	expect(await eim.store.loadOperation(download)).toMatchObject({ state: "succeeded", outcome: { iccid } });
	expect(await profiles()).toMatchObject({ [iccid]: "disabled" });
	await eim.jobs.runDue();
	expect(smdp.notifications()).toMatchObject([{ event: "install", result: "success", isVerified: true }]);
}
