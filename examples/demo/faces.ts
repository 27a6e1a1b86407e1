import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createHttpClient, type HttpClient } from "@iot-esim/shared/transport/http/client";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { DemoPlan } from "./plan.ts";

type Json = Record<string, unknown>;

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Asks again until `ask` gives something; its last error or silence is told when the time is over. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
	const deadline = Date.now() + timeoutMs;
	let last: unknown;
	while (Date.now() < deadline) {
		try {
			const found = await ask();
			if (found !== undefined) return found;
			last = undefined;
		} catch (error) {
			last = error;
		}
		await pause(50);
	}
	throw new Error(`${what}: not within ${timeoutMs / 1000} s${last instanceof Error ? ` (${last.message})` : ""}`);
}

export interface OperationView extends Json {
	readonly id: string;
	readonly state: string;
	readonly reason?: string;
	readonly code?: string;
	readonly outcome?: Json;
}

const FINAL = ["succeeded", "failed", "rolled-back", "expired", "cancelled"];

/** The operator's face of the eIM: API v1. */
export class OperatorApi {
	readonly #base: string;
	readonly #key: () => string;

	constructor(plan: DemoPlan, key: () => string) {
		this.#base = `http://127.0.0.1:${plan.ports.api}`;
		this.#key = key;
	}

	async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
		const response = await fetch(this.#base + path, {
			method,
			headers: {
				authorization: `Bearer ${this.#key()}`,
				...(body === undefined ? {} : { "content-type": "application/json" }),
				...headers,
			},
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
		return response;
	}

	async json<T = Json>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
		return (await (await this.call(method, path, body, headers)).json()) as T;
	}

	/** Orders an operation once, however often the call has to be made. */
	async order(eid: string, order: Json): Promise<string> {
		const key = randomUUID();
		const accepted = await until("the eIM accepts the operation", () =>
			this.json<{ id: string }>("POST", `/api/v1/devices/${eid}/operations`, order, { "idempotency-key": key }),
		);
		return accepted.id;
	}

	operation(id: string): Promise<OperationView> {
		return this.json<OperationView>("GET", `/api/v1/operations/${id}`);
	}

	/** Waits for the end of an operation, whatever it is. */
	finished(id: string, timeoutMs = 90_000): Promise<OperationView> {
		return until(
			`operation ${id} ends`,
			async () => {
				const operation = await this.operation(id);
				return FINAL.includes(operation.state) ? operation : undefined;
			},
			timeoutMs,
		);
	}

	/** Waits for success and tells the reason of any other end. */
	async succeeded(id: string, timeoutMs?: number): Promise<OperationView> {
		const operation = await this.finished(id, timeoutMs);
		if (operation.state === "succeeded") return operation;
		throw new Error(
			`operation ${operation.state}: ${operation.reason ?? "no reason"} (${operation.code ?? "no code"})`,
		);
	}

	async profiles(eid: string): Promise<{ iccid: string; state: string }[]> {
		return (await this.json<{ items: { iccid: string; state: string }[] }>("GET", `/api/v1/devices/${eid}/profiles`))
			.items;
	}
}

/** The operator's side of the SM-DP+: ES2+ over TLS, trusted by the demo's CI. */
export class Es2Plus {
	readonly #client: HttpClient;
	readonly #base: string;

	constructor(plan: DemoPlan, ciPem: string) {
		this.#base = `https://${plan.smdpName}/gsma/rsp2/es2plus`;
		this.#client = createHttpClient({
			tls: { kind: "ca", certificates: [readFileSync(ciPem, "utf8")] },
			hosts: { [plan.smdpName]: `127.0.0.1:${plan.ports.smdp}` },
			timeout: Seconds(15),
		});
	}

	/**
	 * Orders a profile for a device and releases it; the matching id goes into the download.
	 * @param smdsAddress an SM-DS that shall tell the device of it
	 */
	async order(iccid: string, eid: string, smdsAddress?: string): Promise<string> {
		await this.#call("downloadOrder", { iccid, eid });
		const { matchingId } = await this.#call("confirmOrder", { iccid, eid, smdsAddress, releaseFlag: true });
		return String(matchingId);
	}

	close(): void {
		this.#client.close();
	}

	async #call(name: string, members: Json): Promise<Json> {
		const body = {
			header: { functionRequesterIdentifier: "2.999.1", functionCallIdentifier: randomUUID() },
			...members,
		};
		const response = await this.#client.request({
			method: "POST",
			url: `${this.#base}/${name}`,
			headers: { "content-type": "application/json", "x-admin-protocol": "gsma/rsp/v2.5.0" },
			body: new TextEncoder().encode(JSON.stringify(body)),
		});
		const answer = JSON.parse(new TextDecoder().decode(response.body)) as Json;
		const header = answer.header as { functionExecutionStatus?: { status?: string } } | undefined;
		if (header?.functionExecutionStatus?.status !== "Executed-Success") {
			throw new Error(`ES2+.${name} failed: ${JSON.stringify(header?.functionExecutionStatus)}`);
		}
		return answer;
	}
}

export interface DeviceStatus {
	readonly attached: boolean;
	readonly plmn: string | null;
	readonly imsi: string | null;
	readonly iccid: string | null;
}

export interface NetworkEvent extends Json {
	readonly id: number;
	readonly type: string;
}

/** The bench faces of the simulators. */
export class BenchFaces {
	readonly #plan: DemoPlan;

	constructor(plan: DemoPlan) {
		this.#plan = plan;
	}

	status(): Promise<DeviceStatus> {
		return this.#get<DeviceStatus>(this.#plan.ports.control, "/bench/v1/status");
	}

	async events(since = 0): Promise<NetworkEvent[]> {
		const response = await fetch(`http://127.0.0.1:${this.#plan.ports.control}/bench/v1/events?since=${since}`);
		const lines = (await response.text()).split("\n").filter((line) => line !== "");
		return lines.map((line) => JSON.parse(line) as NetworkEvent);
	}

	/** Waits until the device is attached with this subscriber. */
	attached(imsi: string, timeoutMs = 30_000): Promise<DeviceStatus> {
		return until(
			`the device attaches as ${imsi}`,
			async () => {
				const status = await this.status();
				return status.attached && status.imsi === imsi ? status : undefined;
			},
			timeoutMs,
		);
	}

	/** Puts a profile package into the SM-DP+'s inventory. */
	async importProfile(file: string): Promise<void> {
		const url = `http://127.0.0.1:${this.#plan.ports.smdpBench}/bench/v1/profiles?fileName=profile.der`;
		const response = await fetch(url, { method: "POST", body: new Uint8Array(readFileSync(file)) });
		if (!response.ok) throw new Error(`import of ${file}: ${response.status} ${await response.text()}`);
	}

	smdpProfile(iccid: string): Promise<{ state: string; history: Json[] }> {
		return this.#get(this.#plan.ports.smdpBench, `/bench/v1/profiles/${iccid}`);
	}

	smdpNotifications(): Promise<Json[]> {
		return this.#get(this.#plan.ports.smdpBench, "/bench/v1/notifications");
	}

	/** What the SM-DS has to tell to a device. */
	smdsEvents(eid: string): Promise<Json[]> {
		return this.#get<Json[]>(this.#plan.ports.smdsBench, `/bench/v1/events?eid=${eid}`);
	}

	/** Names of the servers that the device has opened connections to, after that event. */
	async destinations(since: number): Promise<string[]> {
		const opened = (await this.events(since)).filter((event) => event.type === "tunnel-opened");
		return [...new Set(opened.map((event) => String(event.destination).replace(/:\d+$/, "")))];
	}

	async #get<T>(port: number, path: string): Promise<T> {
		const response = await fetch(`http://127.0.0.1:${port}${path}`);
		if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
		return (await response.json()) as T;
	}
}
