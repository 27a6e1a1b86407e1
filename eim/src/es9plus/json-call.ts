import { fromBase64, fromHex, utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { type Es9PlusFunction, refusalByCodes, UNDEFINED_ERROR } from "./error-table.ts";
import type { Es9PlusAnswer } from "./es9plus-client.ts";
import { type Es9PlusHttp, post } from "./http.ts";
import { invalidAnswer } from "./members.ts";

/** Calls of ES9+ and ES11 in JSON: a POST each, with a header in the request and a status in the answer. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** What a JSON client is made of. */
export interface JsonOptions {
	readonly http: Es9PlusHttp;
	/** functionRequesterIdentifier of the header. */
	readonly requester: string;
	/** A fresh functionCallIdentifier. */
	readonly newCallId: () => string;
}

/** Members of a successful answer. */
export interface Members {
	readonly members: JsonObject;
}

const CONTENT_TYPE = "application/json;charset=UTF-8";

/** Posts the members under a header. @throws Es9PlusError */
export function postJson(
	{ http, requester, newCallId }: JsonOptions,
	address: string,
	path: string,
	members: JsonObject,
): Promise<Uint8Array> {
	const header = { functionRequesterIdentifier: requester, functionCallIdentifier: newCallId() };
	return post(http, address, path, CONTENT_TYPE, utf8(JSON.stringify({ header, ...members })));
}

/** Posts, and reads the answer. @throws Es9PlusError */
export async function callJson(
	options: JsonOptions,
	called: Es9PlusFunction,
	address: string,
	path: string,
	members: JsonObject,
): Promise<Es9PlusAnswer<Members>> {
	return answerOf(called, parse(await postJson(options, address, path, members)));
}

export function mapAnswer<T>(answer: Es9PlusAnswer<Members>, read: (members: Members) => T): Es9PlusAnswer<T> {
	return answer.kind === "refused" ? answer : { kind: "ok", ...read(answer) };
}

function parse(body: Uint8Array): JsonObject {
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder().decode(body));
	} catch {
		throw invalidAnswer("answer", "is no JSON");
	}
	if (!isObject(value)) throw invalidAnswer("answer", "is no JSON object");
	return value;
}

/** The members of a success; SM-DP+ that leave the status out but give the data count as successful. */
function answerOf(called: Es9PlusFunction, answer: JsonObject): Es9PlusAnswer<Members> {
	const header = isObject(answer.header) ? answer.header : {};
	const execution = isObject(header.functionExecutionStatus) ? header.functionExecutionStatus : {};
	const { status } = execution;
	if (status === undefined || status === "Executed-Success" || status === "Executed-WithWarning") {
		return { kind: "ok", members: answer };
	}
	const data = isObject(execution.statusCodeData) ? execution.statusCodeData : {};
	const { subjectCode, reasonCode, message } = data;
	if (typeof subjectCode !== "string" || typeof reasonCode !== "string") {
		return { kind: "refused", refusal: { esipaError: UNDEFINED_ERROR } };
	}
	const said = typeof message === "string" ? { message: message.slice(0, 500) } : {};
	return { kind: "refused", refusal: { ...refusalByCodes(called, subjectCode, reasonCode), ...said } };
}

/** @throws Es9PlusError ES9PLUS_ANSWER_INVALID */
export function transactionIdOf({ members }: Members): Uint8Array {
	const { transactionId } = members;
	if (typeof transactionId !== "string" || !/^([0-9A-Fa-f]{2}){1,16}$/.test(transactionId)) {
		throw invalidAnswer("transactionId", "is not 2 to 32 hex digits");
	}
	return fromHex(transactionId);
}

/** @throws Es9PlusError ES9PLUS_ANSWER_INVALID */
export function octets({ members }: Members, name: string): Uint8Array {
	const text = members[name];
	if (typeof text !== "string") throw invalidAnswer(name, "is missing");
	try {
		return fromBase64(text);
	} catch (error) {
		if (error instanceof EsimError) throw invalidAnswer(name, "is no base64");
		throw error;
	}
}

export function isObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
