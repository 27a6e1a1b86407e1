/** Downloads in their forms over every binding of ESipa and every curve (SGP.32 §3.2.3, SGP.22 §3.6). */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DownloadParameters, DownloadSource } from "@iot-esim/eim/domain/download";
import { encode } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { IpaCapabilities } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Hours } from "@iot-esim/shared/util/duration";
import { loadPki, savePki } from "@iot-esim/sim/pki/pki-directory";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { serverCredentialsOf } from "@iot-esim/sim/rsp-server/credentials";
import { createSmds } from "@iot-esim/sim/smds/smds";
import { afterEach, describe, expect, it } from "vitest";
import { shows, showsProcedure } from "../conformance/claim.ts";
import { BINDINGS_AND_CURVES } from "../support/esipa-face-client.ts";
import { releaseProfile, SMDP, smdpBench } from "../support/smdp-bench.ts";
import { deviceChain, profileDescription, TARGET } from "../support/whole-chain.ts";
import { InProcessServers } from "./ipa-direct-servers.ts";

const SMDS = "smds.example.com";
const OTHER = "8900101000000000034";
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
	// ES9+ and ES11 in the other form, so that both are seen on both curves.
	const encoding = binding === "asn1" ? "json" : "asn1";
	const inPackages = { interface: "eIM packages", binding, curve } as const;
	const inEs9Plus = { interface: "ES9+", binding: encoding, curve, sides: ["eIM", "SM-DP+"] } as const;

	async function start(mode: "indirect" | "direct" = "indirect") {
		const servers = new InProcessServers();
		const rsp = mode === "direct" ? { rsp: servers.client(encoding) } : {};
		const chain = await deviceChain({ binding, curve, encoding, http: servers, ...rsp });
		const now = () => chain.eim.clock.now();
		const { smdp, close } = smdpBench(now, chain.pki);
		closing.push(close, () => chain.close());
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
	type Chain = Awaited<ReturnType<typeof start>>;

	/** An SM-DS with an event for a released profile. */
	async function withEvent(chain: Chain) {
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

	async function expectInstalled({ eim, smdp, profiles }: Chain, download: string, iccid = TARGET) {
		expect(await eim.store.loadOperation(download)).toMatchObject({ state: "succeeded", outcome: { iccid } });
		expect(await profiles()).toMatchObject({ [iccid]: "disabled" });
		await eim.jobs.runDue();
		expect(smdp.notifications()).toMatchObject([{ event: "install", result: "success", isVerified: true }]);
	}

	it("3.2.3.2 Indirect Profile Download by SM-DS", async (context) => {
		// The eIM retrieves the event for the device and sends it on to the SM-DP+.
		const chain = await start();
		await withEvent(chain);
		const download = await chain.order({ contact: "smds", smdsAddress: SMDS });
		await chain.round();
		await expectInstalled(chain, download);
		shows(context, { ...inPackages, functions: ["indirect download by SM-DS"] });
		const functions = ["InitiateAuthentication", "AuthenticateClient"];
		shows(context, { interface: "ES11", binding: encoding, curve, sides: ["eIM", "SM-DS"], functions });
		showsProcedure(context, { binding, curve });
	});

	it("3.2.3.2 Indirect Profile Download by an SM-DS that the eIM polls for the device: each event once", async () => {
		const chain = await start();
		await withEvent(chain);
		const { eim, eid } = chain;
		const smdsPolling = { address: SMDS, every: Hours(6), since: chain.now() };
		await eim.store.changeDevice(eid, { smdsPolling });
		const questions = async () =>
			(await eim.store.listOperations({ eid, types: ["download"], limit: 9 })).items.map(
				({ origin, state, outcome }) => ({
					origin,
					state,
					outcome,
				}),
			);
		await eim.jobs.runDue();
		await chain.round();
		const [first] = (await eim.store.listOperations({ eid, types: ["download"], limit: 1 })).items;
		await expectInstalled(chain, first?.id ?? "");
		// This SM-DS goes on naming the event of what is on the card.
		await eim.clock.advance(Hours(7));
		await eim.jobs.runDue();
		await chain.round();
		expect(await questions()).toEqual([
			{ origin: "eim", state: "succeeded", outcome: { events: 0 } },
			{ origin: "eim", state: "succeeded", outcome: { iccid: TARGET } },
		]);
	});

	it("3.2.3.2 Indirect Profile Download from the default SM-DP+", async (context) => {
		const chain = await start();
		await chain.ipa.perform({ type: "set-default-smdp", address: SMDP });
		await chain.round();
		const device = await chain.eim.store.loadDevice(chain.eid);
		expect(device).toMatchObject({ defaultSmdpAddress: SMDP, lastStateChangeCause: StateChangeCauseCode.local });
		const own = await chain.eim.store.listOperations({ eid: chain.eid, origin: "eim", limit: 5 });
		expect(own.items.map(({ type, state }) => `${type} ${state}`).sort()).toEqual([
			"listProfiles succeeded",
			"readEuiccData succeeded",
		]);
		await chain.release({ eid: chain.eid, matchingId: "" });
		const download = await chain.order({ contact: "defaultSmdp" });
		await chain.round();
		await expectInstalled(chain, download);
		const functions = ["notifyStateChange", "IpaEuiccDataRequest", "indirect download from the default SM-DP+"];
		shows(context, { ...inPackages, functions });
		showsProcedure(context, { binding, curve });
	});

	it("5.14.8 Cancel Session (SGP.22 section 3.0.2)", async (context) => {
		// The SM-DP+ offers another profile than was ordered: only the eUICC can sign why it is refused.
		const chain = await start();
		const refused = await chain.order({
			smdpAddress: SMDP,
			matchingId: await chain.release(),
			expected: { iccid: Iccid(OTHER) },
		});
		await chain.round();
		expect(await chain.eim.store.loadOperation(refused)).toMatchObject({
			state: "failed",
			reason: { code: "cancelSession: metadataMismatch(4)" },
		});
		expect(chain.smdp.profiles().find((one) => one.iccid === TARGET)?.state).toBe("error");
		shows(context, { ...inEs9Plus, functions: ["CancelSession"] });
		shows(context, { interface: "ESipa", functions: ["CancelSession"], binding, curve });
		showsProcedure(context, { binding, curve });
	});

	it("3.2.3.2 Indirect Profile Download by activation code", async (context) => {
		// The device leaves the download data to the eIM, which makes ctxParams1 of the activation code.
		const chain = await start();
		const ipaCapabilities = encode(IpaCapabilities, { ipaFeatures: "0111" });
		await chain.eim.store.changeDevice(chain.eid, { ipaCapabilities });
		const matchingId = await chain.release({}, OTHER);
		const download = await chain.order({ activationCode: `1$${SMDP}$${matchingId}`, smdpAddress: SMDP, matchingId });
		await chain.round();
		await expectInstalled(chain, download, OTHER);
		shows(context, { ...inPackages, functions: ["indirect download by activation code"] });
		const functions = ["InitiateAuthentication", "AuthenticateClient", "GetBoundProfilePackage", "HandleNotification"];
		shows(context, { ...inEs9Plus, functions });
		showsProcedure(context, { binding, curve });
	});

	const direct: readonly [string, (chain: Chain) => Promise<DownloadSource>][] = [
		["by activation code", async (chain) => ({ smdpAddress: SMDP, matchingId: await chain.release() })],
		[
			"from the default SM-DP+",
			async (chain) => {
				await chain.ipa.perform({ type: "set-default-smdp", address: SMDP });
				await chain.release({ eid: chain.eid, matchingId: "" });
				return { contact: "defaultSmdp" };
			},
		],
		[
			"by SM-DS",
			async (chain) => {
				await withEvent(chain);
				return { contact: "smds", smdsAddress: SMDS };
			},
		],
	];

	it.for(direct)("3.2.3.1 Direct Profile Download %s", async ([form, prepare], context) => {
		const chain = await start("direct");
		const download = await chain.order({ ...(await prepare(chain)), mode: "direct" });
		await chain.round();
		await expectInstalled(chain, download);
		shows(context, { ...inPackages, functions: [`direct download ${form}`] });
		showsProcedure(context, { binding, curve });
	});
});
