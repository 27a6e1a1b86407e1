import type { PostJson } from "./post-json.ts";

/** An event that waits at an RSP server, as ES12 and ES15 carry it (SGP.22 sections 5.9 and 5.10). */
export interface EventRegistration {
	/** 32 digits. */
	readonly eid: string;
	readonly eventId: string;
	/** FQDN[:port] of the server that has something for the eUICC. */
	readonly rspServerAddress: string;
	/** ES12 only: whether an alternative SM-DS registers itself at the root SM-DS. */
	readonly forwardingIndicator?: boolean;
}

/** How an SM-DS was asked: done; refused with its codes, which another attempt does not change; or not reached. */
export type EventOutcome =
	| { readonly result: "done" }
	| { readonly result: "refused"; readonly subjectCode: string; readonly reasonCode: string; readonly message: string }
	| { readonly result: "unreachable"; readonly message: string };

/** Calls the ES12 (of an SM-DP+) or ES15 (of an alternative SM-DS) of an SM-DS. */
export class EventClient {
	readonly #interface: "es12" | "es15";
	readonly #requester: string;
	readonly #post: PostJson;

	/** @param deps.requester functionRequesterIdentifier: the OID of the caller */
	constructor(deps: { readonly interface: "es12" | "es15"; readonly requester: string; readonly post: PostJson }) {
		this.#interface = deps.interface;
		this.#requester = deps.requester;
		this.#post = deps.post;
	}

	/** @param smdsAddress FQDN[:port] */
	register(smdsAddress: string, event: EventRegistration): Promise<EventOutcome> {
		return this.#call(smdsAddress, "registerEvent", { ...event });
	}

	async delete(smdsAddress: string, event: Pick<EventRegistration, "eid" | "eventId">): Promise<EventOutcome> {
		const { eid, eventId } = event;
		const outcome = await this.#call(smdsAddress, "deleteEvent", { eid, eventId });
		const isGone = outcome.result === "refused" && outcome.subjectCode === "8.9.5" && outcome.reasonCode === "3.9";
		return isGone ? { result: "done" } : outcome;
	}

	async #call(smdsAddress: string, name: string, members: Record<string, unknown>): Promise<EventOutcome> {
		const functionCallIdentifier = `${name}-${String(members.eventId)}`;
		const header = { functionRequesterIdentifier: this.#requester, functionCallIdentifier };
		const url = `https://${smdsAddress}/gsma/rsp2/${this.#interface}/${name}`;
		try {
			const { status, body } = await this.#post(url, JSON.stringify({ header, ...members }));
			if (status !== 200) return { result: "unreachable", message: `${url} answered with status ${status}` };
			return outcomeOf(JSON.parse(body));
		} catch (error) {
			return { result: "unreachable", message: error instanceof Error ? error.message : String(error) };
		}
	}
}

function outcomeOf(answer: unknown): EventOutcome {
	const { header } = answer as {
		header?: { functionExecutionStatus?: { status?: unknown; statusCodeData?: Record<string, unknown> } };
	};
	const { status, statusCodeData: data = {} } = header?.functionExecutionStatus ?? {};
	if (status === "Executed-Success" || status === "Executed-WithWarning") return { result: "done" };
	if (status !== "Failed") return { result: "unreachable", message: "the answer has no functionExecutionStatus" };
	const text = (value: unknown) => (typeof value === "string" ? value.slice(0, 200) : "");
	return {
		result: "refused",
		subjectCode: text(data.subjectCode),
		reasonCode: text(data.reasonCode),
		message: text(data.message),
	};
}
