import { Eid } from "@iot-esim/shared/ids/eid";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { afterEach, beforeEach, expect, it } from "vitest";
import { audit, listProfiles, signer } from "../../../../test/contract/store-samples.ts";
import { apiBench } from "../../../../test/support/api-bench.ts";
import { apiClient, type Fetch } from "../api-client.ts";
import { runCli } from "../program.ts";

const eid = Eid.withCheckDigits("890490320000000000000000000001");
let bench: Awaited<ReturnType<typeof apiBench>>;
beforeEach(async () => {
	bench = await apiBench();
	await bench.call("POST", "/api/v1/devices", { eid });
});
afterEach(() => bench.close());

async function eim(line: string): Promise<string> {
	const fetch: Fetch = async (url, init) => {
		const { pathname, search } = new URL(url);
		const headers = init.headers as Record<string, string>;
		const answer = await bench.api.inject({ method: "GET", url: pathname + search, headers });
		return new Response(new Uint8Array(answer.rawPayload), { status: answer.statusCode });
	};
	let out = "";
	const pause = async () => undefined;
	await runCli(line.split(" "), {
		client: ({ url, apiKey }) => apiClient({ url, apiKey, fetch, pause }),
		print: (text) => {
			out += `${text}\n`;
		},
		printOctets: () => undefined,
		note: () => undefined,
		random: systemRandom,
		readFile: () => new Uint8Array(),
		columns: undefined,
		environment: { EIM_API_KEY: bench.secret },
		now: () => Date.now(),
		pause,
		signal: new AbortController().signal,
		serve: async () => 0,
	});
	return out;
}

it("a list tells what the eIM has ordered itself, and why what was undone was undone, not how well", async () => {
	const at = Date.now();
	const times = { createdAt: at, updatedAt: at, expiresAt: at + 60_000 };
	await bench.store.enqueueOperation({ ...listProfiles("own", eid), ...times, origin: "eim" }, audit);
	await bench.store.enqueueOperation({ ...listProfiles("op_1", eid), ...times }, audit);
	const text = "The device went back to the profile before.";
	await bench.store.moveOperation("op_1", { kind: "rolledBack", at, reason: { text, code: "rollback: ok(0)" } });
	const list = await eim("operation list");
	expect(list).toMatch(/^own .*listProfiles \(eIM\)/m);
	expect(list).toMatch(new RegExp(`^op_1 .*listProfiles  .*rolled-back .*${text}$`, "m"));
	expect(await eim("operation show own")).toMatch(/^ordered by +the eIM itself$/m);
	expect(await eim("operation show op_1")).not.toContain("ordered by");
});

it("a device is shown with the network that it was last in, in digits", async () => {
	await bench.store.takeNextPackage({ eid, at: Date.now(), rplmn: "00F110" }, signer());
	expect(await eim(`device show ${eid}`)).toMatch(/^last network +001 01$/m);
});
