import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { RspServerError } from "./errors.ts";
import { JsonBody } from "./http/json-body.ts";
import { json } from "./http/json-function.ts";
import { pathOf } from "./http/rsp-face.ts";

/** How the next requests shall go wrong, so that clients can be tested. */
export interface Fault {
	/** Last part of the path: "getBoundProfilePackage", "asn1", ... */
	readonly function: string;
	readonly kind: FaultKind;
	/** Requests that it meets before it is used up; 1 when absent. */
	readonly times?: number;
	/** For "refuse": subject and reason code, as "8.2.6" and "3.8". */
	readonly subjectCode?: string;
	readonly reasonCode?: string;
	/** For "status": the HTTP status, as 503. */
	readonly status?: number;
}

/**
 * "refuse" answers Failed with the given codes, "status" with an HTTP status, "lose-request" breaks the connection
 * before anything was done, "lose-answer" after it.
 */
export type FaultKind = "refuse" | "status" | "lose-request" | "lose-answer";
const kinds: readonly FaultKind[] = ["refuse", "status", "lose-request", "lose-answer"];

/** The faults that are armed; in memory only, a restart forgets them. */
export class Faults {
	#armed: { readonly fault: Fault; left: number }[] = [];

	/** @throws RspServerError RSP_SERVER_OPTION when it is none */
	arm(value: unknown): void {
		const fault = checkedFault(value);
		this.#armed.push({ fault, left: fault.times ?? 1 });
	}

	disarm(): void {
		this.#armed = [];
	}

	get armed(): readonly Fault[] {
		return this.#armed.map(({ fault, left }) => ({ ...fault, times: left }));
	}

	/** The bench's way to them: GET shows what is armed, POST arms one more, DELETE disarms all. */
	change({ method, body }: IncomingRequest): OutgoingResponse {
		if (method === "POST") this.arm(JsonBody.value(body));
		else if (method === "DELETE") this.disarm();
		else if (method !== "GET") return { status: 405, headers: { Allow: "GET, POST, DELETE" } };
		return json(method === "POST" ? 201 : 200, this.armed);
	}

	/** The handler with the faults in front of it. */
	before(handler: HttpHandler): HttpHandler {
		return async (request) => {
			const fault = this.#next(request);
			switch (fault?.kind) {
				case undefined:
					return handler(request);
				case "refuse":
					return refusal(fault);
				case "status":
					return { status: fault.status ?? 503 };
				case "lose-request":
					return brokenAnswer();
				case "lose-answer":
					await handler(request);
					return brokenAnswer();
			}
		};
	}

	#next(request: IncomingRequest): Fault | undefined {
		const name = pathOf(request).split("/").at(-1);
		const entry = this.#armed.find(({ fault }) => fault.function === name);
		if (entry === undefined) return undefined;
		entry.left--;
		this.#armed = this.#armed.filter(({ left }) => left > 0);
		return entry.fault;
	}
}

function refusal({ subjectCode = "8", reasonCode = "4.2" }: Fault): OutgoingResponse {
	const statusCodeData = { subjectCode, reasonCode, message: "a fault that was armed on the bench" };
	return json(200, { header: { functionExecutionStatus: { status: "Failed", statusCodeData } } });
}

/** The listener breaks a connection whose body fails. */
function brokenAnswer(): OutgoingResponse {
	async function* body(): AsyncGenerator<string> {
		yield* [];
		throw new Error("the connection is broken on purpose");
	}
	return { status: 200, body: body() };
}

function checkedFault(value: unknown): Fault {
	const fault = (typeof value === "object" && value !== null ? value : {}) as Partial<Fault>;
	const { function: name, kind, times = 1, status = 503, subjectCode = "8", reasonCode = "4.2" } = fault;
	const isCode = (code: unknown) => typeof code === "string" && /^\d+(\.\d+)*$/.test(code);
	const isFault =
		typeof name === "string" &&
		kinds.includes(kind as FaultKind) &&
		Number.isInteger(times) &&
		times > 0 &&
		Number.isInteger(status) &&
		status >= 400 &&
		status <= 599 &&
		isCode(subjectCode) &&
		isCode(reasonCode);
	if (isFault) return fault as Fault;
	throw new RspServerError("RSP_SERVER_OPTION", `a fault names its function and a kind of ${kinds.join(", ")}`);
}
