import { apiClient, type Fetch } from "@iot-esim/eim/cli/api-client";
import { runCli } from "@iot-esim/eim/cli/program";
import { Eid } from "@iot-esim/shared/ids/eid";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { apiBench } from "./api-bench.ts";

/** The API of an eIM that knows one device, and its command line. */
export async function cliBench() {
	const bench = await apiBench();
	const eid = Eid.withCheckDigits("890490320000000000000000000001");
	await bench.call("POST", "/api/v1/devices", { eid });
	const fetch: Fetch = async (url, init) => {
		const { pathname, search } = new URL(url);
		const headers = init.headers as Record<string, string>;
		const payload = init.body === undefined ? {} : { payload: init.body as string };
		const answer = await bench.api.inject({
			method: init.method as "GET",
			url: pathname + search,
			headers,
			...payload,
		});
		return new Response(new Uint8Array(answer.rawPayload), { status: answer.statusCode });
	};
	/** What `eim` with these words prints, and its exit code. */
	const eim = async (line: string) => {
		let out = "";
		const pause = async () => undefined;
		const code = await runCli(line.split(" "), {
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
		return { code, out };
	};
	return { ...bench, eid, eim };
}
