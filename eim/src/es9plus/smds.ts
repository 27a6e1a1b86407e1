import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { toBase64, toHex } from "@iot-esim/shared/util/bytes";
import { asn1Binding, otherFunction, postAsn1, readAsn1Answer } from "./asn1-binding.ts";
import { type Es9PlusOptions, encodingChoice } from "./client.ts";
import { type Es9PlusFunction, refusalByEs11Number } from "./error-table.ts";
import { Es9PlusError } from "./errors.ts";
import type { Es9PlusAnswer, Es9PlusClient, InitiateAuthenticationOk } from "./es9plus-client.ts";
import { ES9PLUS_PATH, readInitiateAuthentication } from "./json-binding.ts";
import { callJson, isObject, type JsonObject, type Members, mapAnswer, transactionIdOf } from "./json-call.ts";
import { invalidAnswer } from "./members.ts";

/** Something that waits for an eUICC at an RSP server. */
export interface RspEvent {
	readonly eventId: string;
	/** An SM-DP+, or another SM-DS that knows more. */
	readonly rspServerAddress: string;
}

export interface RetrievedEvents {
	readonly transactionId: Uint8Array;
	readonly events: readonly RspEvent[];
}

/** ES11' of an eIM (SGP.22 section 5.8): it asks an SM-DS in place of the device. */
export interface Es11Client {
	initiateAuthentication: Es9PlusClient["initiateAuthentication"];
	/** Every method throws Es9PlusError when there is no usable answer. */
	authenticateClient(
		smdsAddress: string,
		request: {
			readonly transactionId: Uint8Array;
			/** BF38. */
			readonly authenticateServerResponse: Uint8Array;
		},
	): Promise<Es9PlusAnswer<RetrievedEvents>>;
}

const ES11_PATH = "/gsma/rsp2/es11";
/** More events than anybody acts upon. */
const EVENTS_AT_MOST = 100;

/** Encodings are those of the SM-DP+ servers: by address, JSON for all others. */
export function createEs11Client(options: Es9PlusOptions): Es11Client {
	const bindings = { json: jsonEs11(options), asn1: asn1Es11(options) };
	const encodingOf = encodingChoice(options);
	const bindingOf = (address: string) => bindings[encodingOf(address)];
	return {
		initiateAuthentication: (address, request) => bindingOf(address).initiateAuthentication(address, request),
		authenticateClient: (address, request) => bindingOf(address).authenticateClient(address, request),
	};
}

function jsonEs11(options: Es9PlusOptions): Es11Client {
	const call = async (called: Es9PlusFunction, address: string, members: JsonObject) => {
		try {
			return await callJson(options, called, address, `${ES9PLUS_PATH}/${called}`, members);
		} catch (error) {
			// SM-DS servers are found under either path: live ones under that of ES9+, where LPAs look first.
			if (!isNotFound(error)) throw error;
			return callJson(options, called, address, `${ES11_PATH}/${called}`, members);
		}
	};
	return {
		async initiateAuthentication(address, { euiccChallenge, euiccInfo1 }) {
			const members = {
				euiccChallenge: toBase64(euiccChallenge),
				euiccInfo1: toBase64(euiccInfo1),
				smdpAddress: address,
				smdsAddress: address,
			};
			const answer = await call("initiateAuthentication", address, members);
			return mapAnswer<InitiateAuthenticationOk>(answer, readInitiateAuthentication);
		},
		async authenticateClient(address, { transactionId, authenticateServerResponse }) {
			const members = {
				transactionId: toHex(transactionId),
				authenticateServerResponse: toBase64(authenticateServerResponse),
			};
			return mapAnswer<RetrievedEvents>(await call("authenticateClient", address, members), readEvents);
		},
	};
}

function isNotFound(error: unknown): boolean {
	return error instanceof Es9PlusError && error.code === "ES9PLUS_HTTP_STATUS" && error.context.status === 404;
}

function readEvents(answer: Members): RetrievedEvents {
	const { eventEntries = [] } = answer.members;
	if (!Array.isArray(eventEntries)) throw invalidAnswer("eventEntries", "is no list");
	const events = eventEntries.slice(0, EVENTS_AT_MOST).map((entry: unknown): RspEvent => {
		const { eventId, rspServerAddress } = isObject(entry) ? entry : {};
		if (typeof eventId === "string" && typeof rspServerAddress === "string") return { eventId, rspServerAddress };
		throw invalidAnswer("eventEntries", "has an entry without eventId or rspServerAddress");
	});
	return { transactionId: transactionIdOf(answer), events };
}

function asn1Es11(options: Es9PlusOptions): Es11Client {
	const { http } = options;
	return {
		initiateAuthentication: asn1Binding({ http }).initiateAuthentication,
		async authenticateClient(address, { transactionId, authenticateServerResponse }) {
			const members = [tlv(0x80, transactionId), authenticateServerResponse];
			const response = readAsn1Answer(await postAsn1(http, address, 0xbf3b, ...members));
			if (!("authenticateClientResponseEs11" in response)) throw otherFunction();
			const answer = response.authenticateClientResponseEs11;
			if ("authenticateClientError" in answer) {
				return { kind: "refused", refusal: refusalByEs11Number(answer.authenticateClientError) };
			}
			const { transactionId: answered, eventEntries } = answer.authenticateClientOk;
			return { kind: "ok", transactionId: answered, events: eventEntries.slice(0, EVENTS_AT_MOST) };
		},
	};
}
