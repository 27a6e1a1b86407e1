/**
 * osmo-smdpp of pySim (public, Python) as the SM-DP+ of an indirect and of a direct download: its own certificates (GSMA SGP.26), its
 * own JSON, a TS.48 profile of its own. Nothing of it is in this repository: OSMO_SMDPP names its folder, PYTHONPATH
 * where Python finds klein, asn1tools and bitstruct, OSMO_SMDPP_PYTHON the interpreter (python3 when absent).
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import type { Es9PlusHttp } from "@iot-esim/eim/es9plus/http";
import { Es9PlusClient } from "@iot-esim/ipa/es9plus/es9plus-client";
import { poster } from "@iot-esim/ipa/es9plus/http";
import { jsonBinding } from "@iot-esim/ipa/es9plus/json-binding";
import { Eid } from "@iot-esim/shared/ids/eid";
import { createHttpClient, type HttpRequest } from "@iot-esim/shared/transport/http/client";
import { Seconds } from "@iot-esim/shared/util/duration";
import { loadPki, requireEuicc, requireMember } from "@iot-esim/sim/pki/pki-directory";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../examples/demo/free-ports.ts";
import { shows } from "../conformance/claim.ts";
import { observeServer } from "../conformance/observation.ts";
import { testPki } from "../support/esipa-bench.ts";
import { externalByHand } from "../support/externals.ts";
import { deviceChain } from "../support/whole-chain.ts";

const SMDP = "testsmdpplus1.example.com";
const sgp26 = new URL("../../../shared/data/certs/", import.meta.url).pathname;

/** osmo-smdpp listens on a fixed port in plain HTTP; only the port is changed here. */
const LAUNCHER = `
import runpy, sys
from klein import Klein
run, port = Klein.run, int(sys.argv[1])
sys.argv = ["osmo-smdpp.py"]
Klein.run = lambda self, *args, **named: run(self, "127.0.0.1", port)
runpy.run_path("osmo-smdpp.py", run_name="__main__")
`;

const folder = externalByHand("osmo-smdpp", () => {
	const given = process.env.OSMO_SMDPP;
	return given !== undefined && existsSync(path.join(given, "osmo-smdpp.py")) ? given : undefined;
});
if (folder !== undefined && !existsSync(sgp26)) console.log(`SKIPPED: no GSMA SGP.26 certificates in ${sgp26}`);

/** Keys and certificates under the CI of SGP.26; what osmo-smdpp does not see stays ours. */
function sgp26Pki(): TestPki {
	const stored = loadPki(sgp26);
	const { eid, ...euicc } = requireEuicc(stored);
	const own = testPki();
	const certificate = (member: "ci" | "eum") => ({
		...own[member],
		certificate: stored.members[member]?.certificate as Uint8Array,
	});
	return {
		...own,
		ci: certificate("ci"),
		eum: certificate("eum"),
		euicc,
		eid: Eid(eid),
		eimSign: requireMember(stored, "eimSign"),
	};
}

/** The eIM has nothing to do with a direct download. */
const unused: Es9PlusHttp = {
	request: async ({ url }) => {
		throw new Error(`the eIM asked ${url}`);
	},
};

/** A request of the device in the form of the eIM's HTTP. */
function asked({ url, headers = {}, body = new Uint8Array(0) }: HttpRequest) {
	return { method: "POST", url, headers, body } as const;
}

describe.skipIf(folder === undefined || !existsSync(sgp26))("osmo-smdpp", () => {
	let smdpp: ChildProcess;
	let port: number;
	let output = "";
	const client = createHttpClient({ tls: { kind: "none" }, timeout: Seconds(20) });
	/** Its TLS is another program's business; the name is the one of the order. */
	const http: Es9PlusHttp = {
		request: ({ url, ...request }) => {
			const { pathname } = new URL(url);
			observeServer("SM-DP+", caller, pathname, request.body);
			return client.request({ ...request, url: `http://127.0.0.1:${port}${pathname}` });
		},
	};
	/** Whose requests go to it in a test. */
	let caller: "eIM" | "IPA" = "eIM";
	const functions = ["InitiateAuthentication", "AuthenticateClient", "GetBoundProfilePackage", "HandleNotification"];
	const es9plus = { interface: "ES9+", functions, binding: "json", curve: "P-256", foreign: "osmo-smdpp" } as const;

	beforeAll(async () => {
		port = await freePort();
		smdpp = spawn(process.env.OSMO_SMDPP_PYTHON ?? "python3", ["-c", LAUNCHER, `${port}`], { cwd: folder });
		for (const stream of [smdpp.stdout, smdpp.stderr]) {
			stream?.on("data", (chunk: Buffer) => {
				output += chunk.toString();
			});
		}
		for (let attempt = 0; attempt < 600; attempt++) {
			if (smdpp.exitCode !== null) throw new Error(`osmo-smdpp ended: ${output}`);
			const answer = await client.request({ method: "GET", url: `http://127.0.0.1:${port}/` }).catch(() => undefined);
			if (answer !== undefined) return;
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
		throw new Error(`osmo-smdpp does not answer: ${output}`);
		// It compiles its ASN.1 at the start.
	}, 90_000);
	afterAll(() => {
		client.close();
		smdpp?.kill("SIGKILL");
	});

	it("downloads a TS.48 profile into our eUICC through our eIM, and takes the notification", async (context) => {
		caller = "eIM";
		const pki = sgp26Pki();
		const chain = await deviceChain({ http, pki });
		try {
			const parameters = { smdpAddress: SMDP, matchingId: "TS48V3-SAIP2-3-BERTLV-UNIQUE" };
			const id = await chain.eim.order(pki.eid, { type: "download", parameters });
			await chain.round();
			const operation = await chain.eim.store.loadOperation(id);
			expect(operation, output.slice(-2000)).toMatchObject({ state: "succeeded" });
			expect(await chain.eim.jobs.runDue()).toBe(1);
			const [delivered] = (await chain.eim.store.listNotifications(pki.eid, { limit: 1 })).items;
			expect(delivered, output.slice(-2000)).toMatchObject({ event: "install", address: SMDP, attempts: 1 });
			expect(delivered?.lastError).toBeUndefined();
			expect(delivered?.completedAt).toBeDefined();
			const [profile] = await chain.eim.store.listProfiles(pki.eid);
			expect(profile).toMatchObject({ state: "disabled", serviceProviderName: "OsmocomSPN" });
			shows(context, { ...es9plus, sides: ["eIM"] });
		} finally {
			await chain.close();
		}
	});

	it("downloads a TS.48 profile into our eUICC at the request of our IPA alone (direct download)", async (context) => {
		caller = "IPA";
		const pki = sgp26Pki();
		const post = poster({ request: async (request) => ({ ...(await http.request(asked(request))), headers: {} }) });
		const rsp = new Es9PlusClient(jsonBinding({ post, requester: "00000000", newCallId: () => "call" }));
		const chain = await deviceChain({ http: unused, pki, rsp });
		try {
			const parameters = { smdpAddress: SMDP, matchingId: "TS48V3-SAIP2-1-BERTLV-UNIQUE" };
			const id = await chain.eim.order(pki.eid, { type: "download", parameters });
			await chain.round();
			const operation = await chain.eim.store.loadOperation(id);
			expect(operation, output.slice(-2000)).toMatchObject({ state: "succeeded" });
			expect(chain.events, output.slice(-2000)).toContain("notification-delivered");
			shows(context, { ...es9plus, sides: ["IPA"] });
		} finally {
			await chain.close();
		}
	});

	it("refuses an unknown matching id in its code", async () => {
		const pki = sgp26Pki();
		const chain = await deviceChain({ http, pki });
		try {
			const parameters = { smdpAddress: SMDP, matchingId: "NOT-THERE" };
			const id = await chain.eim.order(pki.eid, { type: "download", parameters });
			await chain.round().catch(() => undefined);
			expect(await chain.eim.store.loadOperation(id)).toMatchObject({ state: "failed", reason: { code: "8.2.6/3.8" } });
		} finally {
			await chain.close();
		}
	});
});
