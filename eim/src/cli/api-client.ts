import type { EventJson, ProblemJson } from "./api-types.ts";
import { CliError } from "./errors.ts";

/** Calls of the HTTP API, the only door that the commands use. */
export interface ApiClient {
	/** JSON in, JSON out; undefined where the answer has no body. */
	json<T>(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: object, headers?: object): Promise<T>;
	octets(path: string): Promise<Uint8Array>;
	/** Events as they come, from behind `after` or from now; goes on by itself when the connection breaks. */
	events(query: Readonly<Record<string, string | undefined>>, signal: AbortSignal): AsyncGenerator<EventJson>;
}

/** The part of `fetch` that is used, so that tests can answer. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export function apiClient(given: {
	url: string;
	apiKey: string | undefined;
	fetch: Fetch;
	pause: (milliseconds: number) => Promise<void>;
}): ApiClient {
	const base = baseOf(given.url);
	const call = async (method: string, path: string, init: RequestInit): Promise<Response> => {
		if (!given.apiKey) throw new CliError("CLI_KEY_MISSING", "there is no API key");
		const headers = { authorization: `Bearer ${given.apiKey}`, ...(init.headers as object) };
		let response: Response;
		try {
			response = await given.fetch(`${base}${path}`, { ...init, method, headers });
		} catch (cause) {
			if (init.signal?.aborted) throw cause;
			throw unreachable(base, cause);
		}
		if (!response.ok) throw await refusalOf(response);
		return response;
	};
	return {
		async json<T>(method: string, path: string, body?: object, headers: object = {}): Promise<T> {
			const sent = body === undefined ? {} : { body: JSON.stringify(body) };
			const type = body === undefined ? {} : { "content-type": "application/json" };
			const response = await call(method, path, {
				...sent,
				headers: { accept: "application/json", ...type, ...headers },
			});
			return (response.status === 204 ? undefined : await response.json()) as T;
		},
		async octets(path) {
			return new Uint8Array(await (await call("GET", path, {})).arrayBuffer());
		},
		async *events(query, signal) {
			let after: number | undefined;
			for (;;) {
				try {
					const headers = {
						accept: "text/event-stream",
						...(after === undefined ? {} : { "last-event-id": String(after) }),
					};
					const response = await call("GET", `/api/v1/events${queryText(query)}`, { headers, signal });
					for await (const event of eventsOf(response)) {
						after = event.id;
						yield event;
					}
				} catch (error) {
					if (signal.aborted) return;
					// Before the first event a refusal or a wrong address is an answer; afterwards it is a restart to wait out.
					if (after === undefined || (error instanceof CliError && error.code !== "CLI_SERVER_UNREACHABLE"))
						throw error;
				}
				if (signal.aborted) return;
				await given.pause(1000);
			}
		},
	};
}

function unreachable(base: string, cause: unknown): CliError {
	const reason = ((cause as Error).cause ?? cause) as NodeJS.ErrnoException;
	const isUntrusted = /CERT|LEAF_SIGNATURE/.test(reason.code ?? "");
	const why = isUntrusted
		? "cannot be trusted; NODE_EXTRA_CA_CERTS names a PEM file of your own CA"
		: "does not answer";
	return new CliError("CLI_SERVER_UNREACHABLE", `${base} ${why}: ${reason.message}`, { cause });
}

function baseOf(url: string): string {
	const base = url.replace(/\/+$/, "");
	if (/^https?:\/\/./.test(base) && URL.canParse(base)) return base;
	throw new CliError("CLI_USAGE", `"${url}" is not the address of an API: give one as http://127.0.0.1:8080`);
}

export function queryText(query: Readonly<Record<string, string | number | boolean | undefined>>): string {
	const entries = Object.entries(query).filter(([, value]) => value !== undefined);
	const text = new URLSearchParams(entries.map(([key, value]): [string, string] => [key, String(value)])).toString();
	return text === "" ? "" : `?${text}`;
}

/** What to do, in words of the command line where those of the API would not help. */
const ACTIONS: Readonly<Record<string, string>> = {
	API_REQUEST_INVALID: "Run the command with --help to see what it takes.",
	API_DEVICE_UNKNOWN: "Register it with `device add EID`; `device unknown` lists those that polled without it.",
	API_DEVICE_EXISTS: "Change it with `device update EID`.",
	API_OPERATION_UNKNOWN: "List the operations with `operation list`.",
	API_KEY_INVALID:
		"Check --api-key or EIM_API_KEY; when the last key is lost, `admin create-api-key NAME` makes one beside the server's data.",
};

const WRONG_USAGE: readonly string[] = ["API_REQUEST_INVALID", "ACTIVATION_CODE_INVALID"];

async function refusalOf(response: Response): Promise<CliError> {
	const problem = (await response.json().catch(() => undefined)) as ProblemJson | undefined;
	if (!problem?.code) return new CliError("CLI_REFUSED", `the eIM answered ${response.status}`);
	const action = ACTIONS[problem.code] ?? problem.action ?? "";
	const detail = problem.detail.replace(/^(path|query|body)\./, "");
	// What the command line was given does not fit: no state of the eIM or of a device would change that.
	const kind = WRONG_USAGE.includes(problem.code) ? "CLI_USAGE" : "CLI_REFUSED";
	return new CliError(kind, `${detail} (${problem.code})${action ? `\n  ${action}` : ""}`, {
		context: { status: problem.status, code: problem.code },
	});
}

async function* eventsOf(response: Response): AsyncGenerator<EventJson> {
	let text = "";
	const decoder = new TextDecoder();
	for await (const chunk of response.body ?? []) {
		text += decoder.decode(chunk as Uint8Array, { stream: true });
		for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
			const line = text
				.slice(0, end)
				.split("\n")
				.find((one) => one.startsWith("data: "));
			text = text.slice(end + 2);
			if (line) yield JSON.parse(line.slice(6)) as EventJson;
		}
	}
}
