/**
 * onomondo-ipa (public, C, SGP.32 v1.0) as the IPA of our simulated card, over pcscd and vpcd, polling our eIM with our
 * SM-DP+ behind it. Nothing of it is in this repository: ONOMONDO_IPA names the built program (`ipa`). It needs root, pcscd
 * and vsmartcard-vpcd.
 */

import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { createEs9PlusClient } from "@iot-esim/eim/es9plus/client";
import { addInitialEimRequest } from "@iot-esim/eim/esipa/eim-configuration";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { createHttpListener, type HttpHandler } from "@iot-esim/shared/transport/http/server";
import { keepVpcdCardConnected } from "@iot-esim/shared/transport/vpcd";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds } from "@iot-esim/shared/util/duration";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { CardBench } from "@iot-esim/sim/euicc/testing/card-bench";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../examples/demo/free-ports.ts";
import { shows } from "../conformance/claim.ts";
import { observedEim } from "../conformance/observation.ts";
import { EIM_ID, esipaBench, testPki } from "../support/esipa-bench.ts";
import { externalByHand } from "../support/externals.ts";
import { Es9PlusLine, releaseProfile, SMDP, smdpBench } from "../support/smdp-bench.ts";
import { BOOTSTRAP, profileDescription } from "../support/whole-chain.ts";
import { MAIN_JOB_FUNCTIONS } from "./main-job.ts";

const VPCD = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const SOCKET = "/run/pcscd/pcscd.comm";
const TARGET = "8900101000000000026";

const program = externalByHand("onomondo-ipa", () => {
	const given = process.env.ONOMONDO_IPA;
	const files = [given ?? "", "/usr/sbin/pcscd", VPCD];
	return given !== undefined && files.every((file) => existsSync(file)) && process.getuid?.() === 0 ? given : undefined;
});

describe.skipIf(program === undefined)("onomondo-ipa", () => {
	const folder = mkdtempSync(path.join(tmpdir(), "onomondo-ipa-"));
	const pki = testPki();
	let pcscd: ChildProcess;
	let vpcdPort: number;
	const closing: (() => Promise<void> | void)[] = [];

	beforeAll(async () => {
		if (spawnSync("pgrep", ["-x", "pcscd"]).status === 0) {
			throw new Error("a pcscd runs already: stop it, since the test needs its own reader");
		}
		rmSync(SOCKET, { force: true });
		vpcdPort = await freePort();
		const channel = `0x${vpcdPort.toString(16)}`;
		const readers = path.join(folder, "reader.conf.d");
		mkdirSync(readers);
		const reader = ['FRIENDLYNAME "iot-esim onomondo"', `DEVICENAME /dev/null:${channel}`, `LIBPATH ${VPCD}`];
		writeFileSync(path.join(readers, "vpcd"), `${reader.join("\n")}\nCHANNELID ${channel}\n`);
		pcscd = spawn("/usr/sbin/pcscd", ["--foreground", "--config", readers], { stdio: "ignore" });
		await new Promise((resolve) => setTimeout(resolve, 1_000));
	}, 20_000);
	afterAll(async () => {
		for (const close of closing.reverse()) await close();
		pcscd?.kill("SIGKILL");
		rmSync(SOCKET, { force: true });
		rmSync(folder, { recursive: true, force: true });
	});

	/** Our eIM, SM-DP+ and card, and the way to run the IPA until it has nothing more to do. */
	async function bench() {
		const line = new Es9PlusLine();
		const es9plus = createEs9PlusClient({
			http: line,
			requester: EIM_ID,
			newCallId: () => "call",
			defaultEncoding: "json",
		});
		const eim = await esipaBench({ es9plus, pki });
		const { smdp, close } = smdpBench(() => eim.clock.now(), pki);
		line.handler = smdp.handle;
		const seen: string[] = [];
		const face = observedEim(eim.face, ["eIM"]);
		const handler: HttpHandler = async (request) => {
			seen.push(`> ${toHex(request.body)}`);
			const answer = await face(request);
			seen.push(
				`< ${answer.body instanceof Uint8Array ? toHex(answer.body) : `${answer.status} ${String(answer.body)}`}`,
			);
			return answer;
		};
		const listener = createHttpListener(handler);
		const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
		const card = new CardBench({
			pkis: [pki],
			profiles: [{ unprotectedProfilePackage: buildProfilePackage(profileDescription(BOOTSTRAP)), isEnabled: true }],
			fileSystems: profileFileSystems(),
			// It encodes again what it relays, so that only what SGP.22 names comes through whole.
			// An answer with 91xx is a failure to it.
			card: { iotVersion: "1.0", quirks: { hidesIotInfo: true, signalsNoRefresh: true } },
		});
		await card.start();
		const told = addInitialEimRequest({ eimId: EIM_ID, eimFqdn: `127.0.0.1:${port}` }, eim.deps.signer);
		expect(await card.ask(toHex(told))).toMatch(/^BF57/);
		const inReader = keepVpcdCardConnected({
			address: { host: "127.0.0.1", port: vpcdPort },
			card: card.card,
			clock: systemClock,
			retryAfter: Milliseconds(100),
			onConnected: () => undefined,
			onDisconnected: () => undefined,
		});
		closing.push(
			close,
			() => eim.close(),
			() => listener.close(),
			() => inReader.stop(),
		);
		await new Promise((resolve) => setTimeout(resolve, 1_500));
		await eim.register(pki.eid);
		const run = async (): Promise<string> => {
			const options = ["-S", "-y", "0", "-n", path.join(folder, "nvstate.bin")];
			try {
				const { stderr, stdout } = await promisify(execFile)(program ?? "", options, {
					timeout: 20_000,
					maxBuffer: 1 << 28,
				});
				return stdout + stderr;
			} catch (error) {
				const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
				throw new Error(`${seen.join("\n")}\n${`${stdout}${stderr}`.slice(-6_000)}`);
			}
		};
		return { eim, smdp, seen, run, card };
	}

	it("polls our eIM: data, a download, enable and list", async (context) => {
		const { eim, smdp, seen, run } = await bench();
		try {
			const { eid } = pki;
			const iccid = Iccid(TARGET);
			const data = await eim.order(eid, { type: "readEuiccData", parameters: {} });
			await run();
			expect(await eim.store.loadOperation(data)).toMatchObject({ state: "succeeded" });
			const matchingId = await releaseProfile(smdp, TARGET, profileDescription(TARGET));
			const download = await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
			await run();
			expect(await eim.store.loadOperation(download)).toMatchObject({ state: "succeeded", outcome: { iccid } });
			const enable = await eim.order(eid, { type: "enable", parameters: { iccid, rollback: true } });
			await run();
			expect(await eim.store.loadOperation(enable)).toMatchObject({ state: "succeeded" });
			const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
			await run();
			expect(await eim.store.loadOperation(list)).toMatchObject({ state: "succeeded" });
			const device = await eim.store.loadDevice(eid);
			expect(device?.dialect).toMatchObject({ version: "1.0", euiccVersion: "1.0" });
			const byForeign = { sides: ["eIM"], curve: "P-256", foreign: "onomondo-ipa" } as const;
			shows(context, { ...byForeign, interface: "ESipa", functions: MAIN_JOB_FUNCTIONS, binding: "asn1" });
			shows(context, { ...byForeign, interface: "Dialects", functions: ["v1.0.1"] });
		} finally {
			console.log(seen.join("\n"));
		}
	}, 120_000);
});
