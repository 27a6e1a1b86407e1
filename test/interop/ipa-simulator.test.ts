/**
 * The IPA of akhawanda/eUICC (public, Python, without a licence), which speaks ESipa in JSON, polling our eIM over HTTP with
 * our simulated card behind it. It reads its card by ES10 functions as REST: a few lines here answer them from the card.
 * Nothing of it is in this repository: IPA_SIMULATOR names its folder `ipa-simulator`, IPA_SIMULATOR_PYTHON the Python, and
 * PYTHONPATH where that finds what it imports (asn1tools, bitstruct, httpx, structlog).
 */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { addInitialEimRequest } from "@iot-esim/eim/esipa/eim-configuration";
import { createHttpListener, type HttpHandler } from "@iot-esim/shared/transport/http/server";
import { toBase64, toHex } from "@iot-esim/shared/util/bytes";
import { Days } from "@iot-esim/shared/util/duration";
import { CardBench, tinyProfile } from "@iot-esim/sim/euicc/testing/card-bench";
import { describe, expect, it, onTestFinished } from "vitest";
import { shows } from "../conformance/claim.ts";
import { observedEim } from "../conformance/observation.ts";
import { EIM_ID, esipaBench, testPki } from "../support/esipa-bench.ts";
import { externalByHand } from "../support/externals.ts";

const folder = externalByHand("the IPA of akhawanda/eUICC", () => {
	const given = process.env.IPA_SIMULATOR;
	return given !== undefined && existsSync(path.join(given, "app/orchestrator/esipa_handler.py")) ? given : undefined;
});

/** One poll of a device: eIM, card and EID are the arguments; what the program says of it, in JSON, comes last. */
const POLL_ONCE = `
import asyncio, json, sys
from app.clients.eim_client import EimClient
from app.clients.euicc_client import EuiccClient
from app.orchestrator.esipa_handler import EsipaHandler
async def main(eim, card, eid):
    handler = EsipaHandler(EuiccClient(card), EimClient(eim), None)
    await handler.register_device(eid, "eim.example.com", eim)
    print("\\n" + json.dumps(await handler.poll_once(eid), default=str))
asyncio.run(main(*sys.argv[1:]))
`;

const json = (value: object) => ({
	status: 200,
	headers: { "content-type": "application/json" },
	body: JSON.stringify(value),
});

async function listening(handler: HttpHandler): Promise<string> {
	const listener = createHttpListener(handler);
	onTestFinished(() => listener.close());
	return `http://127.0.0.1:${(await listener.listen({ host: "127.0.0.1", port: 0 })).port}`;
}

describe.skipIf(folder === undefined)("the IPA of akhawanda/eUICC", () => {
	async function bench() {
		const pki = testPki();
		const eim = await esipaBench({ pki });
		onTestFinished(() => eim.close());
		const card = new CardBench({
			pkis: [pki],
			profiles: [{ unprotectedProfilePackage: tinyProfile("89000000000000000011"), isEnabled: true }],
		});
		await card.start();
		await card.ask(toHex(addInitialEimRequest({ eimId: EIM_ID, eimFqdn: EIM_ID }, eim.deps.signer)));
		await eim.register(pki.eid, { associationToken: 1 });
		const asked: string[] = [];
		const executed: string[] = [];
		/** Its card. Packages are given to it decoded, so that the card's signature cannot come into its results. */
		const es10: HttpHandler = async ({ path: called, body }) => {
			const name = called.split("/").at(-1) ?? "";
			if (name === "eid") return json({ eid: pki.eid });
			if (name === "profiles") return json({ profileInfoListOk: [] });
			if (name === "eim-config") return json({ eimConfigurationDataList: [{ eimId: EIM_ID, associationToken: 1 }] });
			if (name === "certs") {
				const { eum, euicc } = pki;
				return json({ eumCertificate: toBase64(eum.certificate), euiccCertificate: toBase64(euicc.certificate) });
			}
			executed.push(new TextDecoder().decode(body));
			return json({ euiccPackageResult: [{ operation: "listProfileInfo", result: 0 }] });
		};
		const face = observedEim(eim.face, ["eIM"]);
		const eimAt = await listening(async (request) => {
			const answer = await face(request);
			const said = answer.body instanceof Uint8Array ? new TextDecoder().decode(answer.body) : answer.body;
			asked.push(`${request.path} ${new TextDecoder().decode(request.body)} -> ${answer.status} ${said}`);
			return answer;
		});
		const cardAt = await listening(es10);
		const poll = async () => {
			const python = process.env.IPA_SIMULATOR_PYTHON ?? "python3";
			const options = { cwd: folder, timeout: 30_000, env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } };
			const { stdout } = await promisify(execFile)(python, ["-c", POLL_ONCE, eimAt, cardAt, pki.eid], options);
			return JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Record<string, unknown>;
		};
		return { eim, eid: pki.eid, poll, asked, executed };
	}

	it("polls our eIM in JSON and reads what it gets; its own form of results is refused, and nothing unsigned believed", async (context) => {
		const { eim, eid, poll, asked, executed } = await bench();
		try {
			expect(await poll()).toEqual({ status: "no_package" });
			const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
			expect(await poll()).toMatchObject({ status: "euicc_package_processed" });
			const [sent] = await eim.store.listPackages(list);
			expect(executed.map((one) => JSON.parse(one))).toMatchObject([
				{ eimId: EIM_ID, counterValue: sent?.counter, psmoList: [expect.anything()] },
			]);
			expect(await eim.state(list)).toBe("sent");
			await eim.clock.advance(Days(1));
			// Its IpaEuiccDataResponse has no choice and tags of its own.
			const data = await eim.order(eid, { type: "readEuiccData", parameters: {} });
			expect(await poll()).toMatchObject({ status: "data_collected" });
			expect(asked.at(-1)).toContain('{"functionExecutionStatus":{"status":"Failed"}}');
			expect(await eim.state(data)).toBe("sent");
			const of = { sides: ["eIM"], binding: "json", curve: "P-256", foreign: "IPA of akhawanda/eUICC" } as const;
			shows(context, { interface: "ESipa", functions: ["GetEimPackage"], ...of });
		} finally {
			console.log(asked.join("\n"));
		}
	}, 120_000);
});
