/** Indirect download in its forms over every binding of ESipa and every curve (SGP.32 §3.2.3.2, SGP.22 §3.6). */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { encode } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { IpaCapabilities } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { loadPki, savePki } from "@iot-esim/sim/pki/pki-directory";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { serverCredentialsOf } from "@iot-esim/sim/rsp-server/credentials";
import { createSmds } from "@iot-esim/sim/smds/smds";
import { afterEach, describe, expect, it } from "vitest";
import { BINDINGS_AND_CURVES } from "../support/esipa-face-client.ts";
import { releaseProfile, SMDP, smdpBench } from "../support/smdp-bench.ts";
import { deviceChain, profileDescription, TARGET } from "../support/whole-chain.ts";
import { InProcessServers } from "./ipa-direct-servers.ts";

const SMDS = "smds.example.com";
let closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
	for (const close of closing.reverse()) await close();
	closing = [];
});

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
	closing.push(() => {
		smds.stop();
		rmSync(folder, { recursive: true, force: true });
	});
	return smds;
}

describe.each(BINDINGS_AND_CURVES)("a download with ESipa in %s on %s", (binding, curve) => {
	async function start() {
		const servers = new InProcessServers();
		// ES9+ and ES11 in the other form, so that both are seen on both curves.
		const encoding = binding === "asn1" ? "json" : "asn1";
		const chain = await deviceChain({ binding, curve, encoding, http: servers });
		const now = () => chain.eim.clock.now();
		const { smdp, close } = smdpBench(now, chain.pki);
		closing.push(close, () => chain.close());
		servers.handlers.set(SMDP, smdp.handle);
		const release = (more: object) => releaseProfile(smdp, TARGET, profileDescription(TARGET), { ...more });
		return { ...chain, servers, smdp, release, now };
	}
	type Chain = Awaited<ReturnType<typeof start>>;

	async function expectInstalled({ eim, smdp, profiles, eid }: Chain, download: string): Promise<void> {
		expect(await eim.store.loadOperation(download)).toMatchObject({ state: "succeeded", outcome: { iccid: TARGET } });
		expect(await profiles()).toMatchObject({ [TARGET]: "disabled" });
		const waiting = (await eim.store.listNotifications(eid, { limit: 5 })).items.length;
		expect(await eim.jobs.runDue()).toBe(waiting);
		expect(smdp.notifications()).toMatchObject([{ event: "install", result: "success", isVerified: true }]);
	}

	it("by SM-DS: the eIM retrieves the event for the device and sends it on to the SM-DP+", async () => {
		const chain = await start();
		const smds = smdsBench(chain.now, chain.pki);
		chain.servers.handlers.set(SMDS, smds.handle);
		const matchingId = await chain.release({ eid: chain.eid });
		const header = { functionRequesterIdentifier: "2.999.10", functionCallIdentifier: "1" };
		const event = { header, eid: chain.eid, eventId: matchingId, rspServerAddress: SMDP, forwardingIndicator: false };
		await chain.servers.request({
			url: `https://${SMDS}/gsma/rsp2/es12/registerEvent`,
			headers: { "Content-Type": "application/json" },
			body: new TextEncoder().encode(JSON.stringify(event)),
		});
		expect(smds.events()).toHaveLength(1);
		const parameters = { contact: "smds", smdsAddress: SMDS } as const;
		const download = await chain.eim.order(chain.eid, { type: "download", parameters });
		await chain.round();
		await expectInstalled(chain, download);
	});

	it("whose ctxParams1 and matching id are made by the eIM: the card signs those", async () => {
		const chain = await start();
		const ipaCapabilities = encode(IpaCapabilities, { ipaFeatures: "0111" });
		await chain.eim.store.changeDevice(chain.eid, { ipaCapabilities });
		const matchingId = await chain.release({});
		const parameters = { smdpAddress: SMDP, matchingId };
		const download = await chain.eim.order(chain.eid, { type: "download", parameters });
		await chain.round();
		await expectInstalled(chain, download);
	});

	it("that offers another profile than expected is cancelled, with the eUICC's signature", async () => {
		const chain = await start();
		const matchingId = await chain.release({});
		const expected = { iccid: Iccid("8900101000000000034") };
		const parameters = { smdpAddress: SMDP, matchingId, expected };
		const download = await chain.eim.order(chain.eid, { type: "download", parameters });
		await chain.round();
		expect(await chain.eim.store.loadOperation(download)).toMatchObject({
			state: "failed",
			reason: { code: "cancelSession: metadataMismatch(4)" },
		});
		expect(chain.smdp.profiles().find((one) => one.iccid === TARGET)?.state).toBe("error");
	});
});
