import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { EsimError } from "@iot-esim/shared/util/errors";
import { coverageRule } from "./coverage-form.ts";
import type { CoverageWatch } from "./coverage-watch.ts";
import type { Device } from "./device.ts";
import { NetworkError } from "./errors.ts";
import type { EventLog, NetworkEvent } from "./events.ts";
import type { Network } from "./network.ts";

export interface ControlFaceDeps {
	readonly devices: readonly Device[];
	readonly network: Network;
	readonly watch: CoverageWatch;
	readonly events: EventLog;
}

type Route = (request: IncomingRequest, query: URLSearchParams) => Promise<OutgoingResponse> | OutgoingResponse;

/** The face for tests, demo and bench: what is attached, what happened, and the hand that moves devices about. */
export function controlFace(deps: ControlFaceDeps): HttpHandler {
	const routes: Readonly<Record<string, Route>> = {
		"GET /bench/v1/devices": () => json(200, { devices: deps.devices.map((device) => device.status()) }),
		"GET /bench/v1/status": (_request, query) => json(200, find(deps, query.get("device")).status()),
		"GET /bench/v1/events": (request, query) => events(deps.events, request, query),
		"POST /bench/v1/place": (request) => {
			const body = bodyOf(request, ["device", "place"]);
			const device = find(deps, optionalText(body, "device"));
			device.moveTo(text(body, "place"));
			return json(200, device.status());
		},
		"POST /bench/v1/power": async (request) => {
			const body = bodyOf(request, ["device", "power"]);
			const power = text(body, "power");
			if (power !== "on" && power !== "off") throw invalid(`power "${power}" is neither on nor off`);
			const device = find(deps, optionalText(body, "device"));
			await device.setPower(power === "on");
			return json(200, device.status());
		},
		"GET /bench/v1/coverage": () => json(200, deps.network.coverage),
		"POST /bench/v1/coverage": (request) => {
			deps.network.addCoverageRule(coverageFormOf(request));
			deps.watch.reconsider();
			return json(200, deps.network.coverage);
		},
		"DELETE /bench/v1/coverage": () => {
			deps.network.resetCoverage();
			deps.watch.reconsider();
			return json(200, deps.network.coverage);
		},
	};
	return async (request) => {
		const url = new URL(request.path, "http://localhost");
		const route = routes[`${request.method} ${url.pathname}`];
		if (!route)
			return json(404, {
				code: "NETWORK_REQUEST_INVALID",
				message: `no such resource; there are ${Object.keys(routes).join(", ")}`,
			});
		try {
			return await route(request, url.searchParams);
		} catch (error) {
			if (!(error instanceof EsimError)) throw error;
			return json(error.httpStatus, { code: error.code, message: error.message });
		}
	};
}

function coverageFormOf(request: IncomingRequest) {
	const body = bodyOf(request, ["plmn", "place", "covered", "hours", "days", "from", "until"]);
	if (typeof body.covered !== "boolean") throw invalid("covered is neither true nor false");
	const days = body.days;
	if (days !== undefined && !(Array.isArray(days) && days.every((day) => typeof day === "string"))) {
		throw invalid("days is not a list of names of days");
	}
	return coverageRule({
		covered: body.covered,
		plmn: optionalText(body, "plmn"),
		place: optionalText(body, "place"),
		hours: optionalText(body, "hours"),
		days,
		from: optionalText(body, "from"),
		until: optionalText(body, "until"),
	});
}

/** Past events as JSON lines; with `Accept: text/event-stream` those and all to come, from `Last-Event-ID` on. */
function events(log: EventLog, request: IncomingRequest, query: URLSearchParams): OutgoingResponse {
	const since = Number(query.get("since") ?? request.headers["last-event-id"] ?? 0);
	if (!Number.isInteger(since) || since < 0) throw invalid("since is not the number of an event");
	if (!(request.headers.accept ?? "").includes("text/event-stream")) {
		const lines = log.since(since).map((event) => `${JSON.stringify(event)}\n`);
		return { status: 200, headers: { "content-type": "application/jsonl" }, body: lines.join("") };
	}
	const headers = { "content-type": "text/event-stream", "cache-control": "no-store" };
	return { status: 200, headers, body: stream(log, since, request.signal) };
}

async function* stream(log: EventLog, since: number, signal: AbortSignal): AsyncGenerator<string> {
	const queue: NetworkEvent[] = [...log.since(since)];
	let wake: () => void = () => undefined;
	const unsubscribe = log.subscribe((event) => {
		queue.push(event);
		wake();
	});
	signal.addEventListener("abort", () => wake(), { once: true });
	try {
		yield ": events of the network\n\n";
		while (!signal.aborted) {
			for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
				yield `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
			}
			await new Promise<void>((resolve) => {
				wake = resolve;
				if (queue.length > 0 || signal.aborted) resolve();
			});
		}
	} finally {
		unsubscribe();
	}
}

function find(deps: ControlFaceDeps, name: string | undefined | null): Device {
	const names = deps.devices.map((device) => device.name);
	if (!name) {
		const [only, second] = deps.devices;
		if (only && !second) return only;
		throw new NetworkError("NETWORK_DEVICE_UNKNOWN", `name one of the devices ${names.join(", ")}`);
	}
	const device = deps.devices.find((one) => one.name === name);
	if (device) return device;
	throw new NetworkError("NETWORK_DEVICE_UNKNOWN", `there is no device "${name}"; there are ${names.join(", ")}`);
}

function bodyOf(request: IncomingRequest, known: readonly string[]): Record<string, unknown> {
	let parsed: unknown;
	try {
		parsed = JSON.parse(new TextDecoder().decode(request.body));
	} catch {
		throw invalid("the body is not JSON");
	}
	if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
		throw invalid("the body is not a JSON object");
	const unknown = Object.keys(parsed).find((name) => !known.includes(name));
	if (unknown !== undefined) throw invalid(`"${unknown}" is unknown; known are ${known.join(", ")}`);
	return parsed as Record<string, unknown>;
}

function text(body: Record<string, unknown>, name: string): string {
	const value = optionalText(body, name);
	if (value === undefined || value === "") throw invalid(`"${name}" is missing`);
	return value;
}

function optionalText(body: Record<string, unknown>, name: string): string | undefined {
	const value = body[name];
	if (value !== undefined && typeof value !== "string") throw invalid(`"${name}" is not a text`);
	return value;
}

function invalid(message: string): NetworkError {
	return new NetworkError("NETWORK_REQUEST_INVALID", message);
}

function json(status: number, body: unknown): OutgoingResponse {
	return { status, headers: { "content-type": "application/json" }, body: `${JSON.stringify(body)}\n` };
}
