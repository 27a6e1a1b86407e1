/**
 * onomondo-eim (public, Erlang, SGP.32 v1.0) as the eIM of our IPA and our simulated card, over HTTPS on this machine, with
 * our SM-DP+ behind it. Nothing of it is in this repository: ONOMONDO_EIM names the folder of the built program (with
 * `ebin` and `config`), ERL_LIBS where Erlang finds what it depends on.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { addInitialEimRequest } from "@iot-esim/eim/esipa/eim-configuration";
import { memoryKey } from "@iot-esim/eim/keys/file-key";
import { createIpa, type Ipa } from "@iot-esim/ipa/agent";
import { inProcessDriver } from "@iot-esim/ipa/card/drivers/in-process";
import type { EimDialect } from "@iot-esim/ipa/esipa/dialect-link";
import { httpAsn1Link } from "@iot-esim/ipa/esipa/http-asn1";
import { openJournal } from "@iot-esim/ipa/state/journal";
import { memoryJournalStorage } from "@iot-esim/ipa/state/journal-storage";
import { certificatesOfFile, certificateToPem } from "@iot-esim/shared/pki/pem";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpListener } from "@iot-esim/shared/transport/http/server";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { CardBench } from "@iot-esim/sim/euicc/testing/card-bench";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../examples/demo/free-ports.ts";
import { shows } from "../conformance/claim.ts";
import { observeEsipa } from "../conformance/observation.ts";
import { testPki } from "../support/esipa-bench.ts";
import { externalByHand } from "../support/externals.ts";
import { releaseProfile, smdpBench } from "../support/smdp-bench.ts";
import { BOOTSTRAP, ipaSettings, profileDescription } from "../support/whole-chain.ts";
import { MAIN_JOB_FUNCTIONS } from "./main-job.ts";

const EIM_ID = "eIM";
const NAME = "localhost";
/** As the card writes ICCIDs. */
const swapped = (digits: string) => `${digits}F`.replace(/(.)(.)/g, "$2$1");
const TARGET = "8900101000000000026";

const folder = externalByHand("onomondo-eim", () => {
	const given = process.env.ONOMONDO_EIM;
	return given !== undefined && existsSync(path.join(given, "ebin/onomondo_eim.app")) ? given : undefined;
});

/** The configuration of onomondo-eim, in Erlang terms. */
function configuration(ports: { readonly esipa: number; readonly rest: number }, files: string): string {
	const string = (name: string) => `"${path.join(files, name)}"`;
	return `[{kernel, [{logger_level, info}]}, {mnesia, [{dir, ${string("mnesia")}}]}, {onomondo_eim, [
		{esipa_ip, {127,0,0,1}}, {esipa_port, ${ports.esipa}}, {esipa_ssl_disable, false},
		{esipa_ssl_cert, "config/sample_ssl_cert.crt"}, {esipa_ssl_key, "config/sample_ssl_cert.key"},
		{rest_ip, {127,0,0,1}}, {rest_port, ${ports.rest}}, {eim_id, "${EIM_ID}"}, {es9p_ssl_disable, true},
		{eim_cert, ${string("eim.crt")}}, {eim_key, ${string("eim.key")}}, {counter_value, 1}, {consumer_euicc, false},
		{rest_timeout_stuck, 300}, {rest_timeout_noshow, 1800}, {rest_timeout_expired, 86400},
		{root_ci_certs, [${string("ci.crt")}]}]}].`;
}

describe.skipIf(folder === undefined)("onomondo-eim", () => {
	const pki = testPki();
	const files = mkdtempSync(path.join(tmpdir(), "onomondo-eim-"));
	const ports = { esipa: 0, rest: 0 };
	let eim: ChildProcess;
	let output = "";

	beforeAll(async () => {
		ports.esipa = await freePort();
		ports.rest = await freePort();
		writeFileSync(path.join(files, "eim.crt"), certificateToPem(pki.eimSign.certificate));
		writeFileSync(path.join(files, "eim.key"), pki.eimSign.privateKey.export({ format: "pem", type: "sec1" }));
		writeFileSync(path.join(files, "ci.crt"), certificateToPem(pki.ci.certificate));
		writeFileSync(path.join(files, "sys.config"), configuration(ports, files));
		const start = "{ok, _} = application:ensure_all_started(onomondo_eim).";
		const options = ["-noshell", "-pa", "ebin", "-config", path.join(files, "sys.config"), "-eval", start];
		eim = spawn("erl", options, { cwd: folder });
		for (const stream of [eim.stdout, eim.stderr]) {
			stream?.on("data", (chunk: Buffer) => {
				output += chunk.toString();
			});
		}
		for (let attempt = 0; attempt < 100; attempt++) {
			if (eim.exitCode !== null) throw new Error(`onomondo-eim ended: ${output}`);
			const answer = await fetch(`http://127.0.0.1:${ports.rest}/psmo/list/`).catch(() => undefined);
			if (answer?.ok) return;
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
		throw new Error(`onomondo-eim does not answer: ${output}`);
	}, 30_000);
	afterAll(() => {
		eim?.kill("SIGKILL");
		rmSync(files, { recursive: true, force: true });
	});

	const rest = (facility: string, call: string, init?: RequestInit) =>
		fetch(`http://127.0.0.1:${ports.rest}/${facility}/${call}`, init);

	/** Orders over its REST interface; looks the order up. */
	async function order(facility: string, content: object): Promise<() => Promise<Record<string, unknown>>> {
		const created = await rest(facility, "create/", {
			method: "POST",
			headers: { "Content-Type": "application/json" },
			body: JSON.stringify({ eidValue: pki.eid, order: content }),
			redirect: "manual",
		});
		const id = created.headers.get("location")?.split("/").at(-1);
		if (id === undefined) throw new Error(`no order: ${created.status} ${await created.text()}`);
		return async () => (await (await rest(facility, `lookup/${id}`)).json()) as Record<string, unknown>;
	}

	/** A card that belongs to the eIM, and our IPA on it. */
	async function device(dialect: EimDialect): Promise<{ readonly ipa: Ipa; readonly seen: string[] }> {
		const card = new CardBench({
			pkis: [pki],
			// It encodes again what it relays, so that only what SGP.22 names comes through whole; and though its messages are
			// of version 1.0, it verifies results as later versions sign them.
			card: { iotVersion: "1.1", quirks: { hidesIotInfo: true } },
			profiles: [{ unprotectedProfilePackage: buildProfilePackage(profileDescription(BOOTSTRAP)), isEnabled: true }],
			fileSystems: profileFileSystems(),
		});
		await card.start();
		const [tls] = certificatesOfFile(readFileSync(path.join(folder ?? "", "config/sample_ssl_cert.crt")));
		if (tls === undefined) throw new Error("onomondo-eim has no TLS certificate");
		const configured = addInitialEimRequest(
			{ eimId: EIM_ID, eimFqdn: NAME, tlsTrust: { kind: "certificate", der: tls } },
			memoryKey(pki.eimSign.privateKey, pki.eimSign.certificate),
		);
		expect(await card.ask(toHex(configured))).toMatch(/^BF57/);
		const seen: string[] = [];
		const ipa = createIpa({
			driver: inProcessDriver(card.card),
			link: (target) => {
				const hosts = { [NAME]: `127.0.0.1:${ports.esipa}` };
				// It takes no other version of SGP.22 than this.
				const link = httpAsn1Link(target, { clock: systemClock, timeout: Seconds(20), hosts, adminProtocol: "2.1.0" });
				return {
					name: link.name,
					close: () => link.close(),
					exchange: async (message, signal) => {
						seen.push(`> ${toHex(message)}`);
						observeEsipa("/gsma/rsp2/asn1", message, ["IPA"]);
						const answer = await link.exchange(message, signal);
						seen.push(`< ${toHex(answer)}`);
						return answer;
					},
				};
			},
			clock: systemClock,
			random: systemRandom,
			journal: await openJournal(memoryJournalStorage()),
			logger: memoryLogger().logger,
			settings: { ...ipaSettings, eimDialect: dialect },
		});
		return { ipa, seen };
	}

	it("has its orders executed by our IPA: data, list, download, enable", async (context) => {
		const port = await freePort();
		const smdpAddress = `localhost:${port}`;
		const { smdp, close } = smdpBench(() => Date.now(), pki, smdpAddress);
		const listener = createHttpListener(smdp.handle);
		await listener.listen({ host: "127.0.0.1", port });
		const { ipa, seen } = await device("1.0");
		try {
			const poll = async () => {
				const { failure } = await ipa.pollOnce();
				if (failure !== undefined) throw new Error(`${String(failure)}\n${seen.join("\n")}\n${output.slice(-6000)}`);
			};
			const data = await order("edr", { edr: { tagList: "80BF20BF228384A5A688A9BF2B" } });
			await poll();
			expect(await data()).toMatchObject({ status: "done" });
			const list = await order("psmo", { psmo: [{ listProfileInfo: { tagList: "5A4F9F70919295" } }] });
			await poll();
			expect(await list()).toMatchObject({
				status: "done",
				outcome: [{ listProfileInfoResult: { finalResult: "successResult" } }],
			});
			const matchingId = await releaseProfile(smdp, TARGET, profileDescription(TARGET), {}, smdpAddress);
			const download = await order("download", { download: { activationCode: `1$${smdpAddress}$${matchingId}` } });
			await poll();
			expect(await download(), output.slice(-4000)).toMatchObject({
				status: "done",
				outcome: [{ profileInstallationResult: { finalResult: "successResult", iccid: swapped(TARGET) } }],
			});
			const enable = await order("psmo", { psmo: [{ enable: { iccid: swapped(TARGET), rollback: true } }] });
			await poll();
			expect(await enable()).toMatchObject({ status: "done", outcome: [{ enableResult: "ok" }] });
			const byForeign = { sides: ["IPA"], curve: "P-256", foreign: "onomondo-eim" } as const;
			shows(context, { ...byForeign, interface: "ESipa", functions: MAIN_JOB_FUNCTIONS, binding: "asn1" });
			shows(context, { ...byForeign, interface: "Dialects", functions: ["v1.0.1"] });
		} finally {
			await ipa.close();
			await listener.close();
			close();
		}
	}, 60_000);
});
