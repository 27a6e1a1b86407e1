/**
 * ESipa messages between their two bindings (SGP.32 section 6): the TLV of the ASN.1 binding and the JSON object of section
 * 6.4.1 stand for the same message, and whatever is signed keeps its octets in both. Reading takes the deviations that
 * peers are known for, writing gives the strict form.
 */

import { Asn1Error } from "../../../asn1/errors.ts";
import { readTlvs, readWholeTlv, tlvBytes } from "../../../asn1/tlv-reader.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { componentsFromJson, componentsToJson } from "./components.ts";
import { EsipaJsonError } from "./errors.ts";
import {
	ESIPA_JSON_FUNCTIONS,
	type EsipaFunctionName,
	type EsipaJsonFunction,
	type EsipaJsonResponse,
} from "./functions.ts";
import { integerNumber, integerOctets, type JsonObject } from "./member-form.ts";
import { errorCodeOf, type StatusCode, statusCodeOf, UNDEFINED_ERROR } from "./status-codes.ts";

export type { EsipaFunctionName } from "./functions.ts";
export type { JsonObject } from "./member-form.ts";

/** The functions by name, in the order of section 6.4.1. */
export const ESIPA_FUNCTION_NAMES = Object.keys(ESIPA_JSON_FUNCTIONS) as readonly EsipaFunctionName[];

/** Function of a request by the first tag of its message; undefined when it is none. */
export function esipaFunctionOf(message: Uint8Array): EsipaFunctionName | undefined {
	const tag = (message[0] ?? 0) * 256 + (message[1] ?? 0);
	return ESIPA_FUNCTION_NAMES.find((name) => functionOf(name).tag === tag);
}

/** JSON body of a request. @throws Asn1Error when the octets are no TLV */
export function esipaRequestToJson(called: EsipaFunctionName, message: Uint8Array): JsonObject {
	return componentsToJson(message, functionOf(called).request);
}

/** The message that a JSON request body stands for. @throws EsipaJsonError */
export function esipaRequestFromJson(called: EsipaFunctionName, json: unknown): Uint8Array {
	const { tag, request, normalise, isRequestChoice = false } = functionOf(called);
	const object = objectOf(json);
	return readable(() => {
		const components = componentsFromJson(normalise?.(object) ?? object, request);
		if (isRequestChoice && components.length !== 1) {
			const names = request.map(({ name }) => name).join(", ");
			throw new EsipaJsonError("ESIPA_JSON_INVALID", `exactly one member of ${names} is expected`);
		}
		return tlv(tag, ...components);
	});
}

/** JSON body of an answer, header included. @throws Asn1Error when the octets are no TLV */
export function esipaResponseToJson(called: EsipaFunctionName, message: Uint8Array): JsonObject {
	const { response } = functionOf(called);
	if (response === undefined) return { header: header() };
	const whole = readWholeTlv(message);
	const [first] = readTlvs(message, whole.valueStart, whole.end);
	if (first === undefined) return { header: header() };
	const component = tlvBytes(message, first);
	if (first.tag === response.errorTag) return failureToJson(called, response, Number(integerNumber.toJson(component)));
	for (const { tag, members } of response.arms) {
		if (tag === undefined) return { header: header(), ...componentsToJson(message, members) };
		if (tag === first.tag) return { header: header(), ...componentsToJson(component, members) };
	}
	return { header: header() };
}

/**
 * The message that a JSON answer stands for.
 * @throws EsipaJsonError ESIPA_JSON_FAILED when a function failed whose ASN.1 form has no way to say so
 */
export function esipaResponseFromJson(called: EsipaFunctionName, json: unknown): Uint8Array {
	const { tag, response } = functionOf(called);
	const object = objectOf(json);
	const failure = failureIn(called, object);
	if (response === undefined) {
		if (failure === undefined) return new Uint8Array(0);
		throw new EsipaJsonError("ESIPA_JSON_FAILED", `${called} failed: ${failure.said}`, { context: { called } });
	}
	return readable(() => tlv(tag, answerFromJson(object, response, failure?.errorCode)));
}

/** An empty answer as the message it stands for; undefined where a function must say something. */
export function emptyEsipaResponse(called: EsipaFunctionName): Uint8Array | undefined {
	const { tag, response } = functionOf(called);
	if (response === undefined) return new Uint8Array(0);
	return response.empty === undefined ? undefined : tlv(tag, response.empty);
}

/** The message that says that a function failed; undefined for a function without an answer. */
export function esipaErrorResponse(called: EsipaFunctionName, errorCode: number): Uint8Array | undefined {
	const { tag, response } = functionOf(called);
	return response && tlv(tag, tlv(response.errorTag, integerOctets(errorCode)));
}

/** Error code that says that a JSON request could not be read. */
export function errorCodeFor(called: EsipaFunctionName, { member }: EsipaJsonError): number {
	const isEid = member === "eidValue" && (called === "getEimPackage" || called === "provideEimPackageResult");
	return isEid ? 3 : UNDEFINED_ERROR;
}

/** A failure that says more than its error code. */
export function esipaFailureJson(
	called: EsipaFunctionName,
	errorCode: number,
	explanation: StatusCode & { readonly message: string },
): JsonObject {
	const { response } = functionOf(called);
	const statusCodeData = { ...explanation, ...statusCodeOf(called, errorCode) };
	const name = response?.errorNames.written;
	return { header: header("Failed", statusCodeData), ...(name === undefined ? {} : { [name]: errorCode }) };
}

function functionOf(called: EsipaFunctionName): EsipaJsonFunction {
	return ESIPA_JSON_FUNCTIONS[called];
}

function header(status = "Executed-Success", statusCodeData?: StatusCode): JsonObject {
	return { functionExecutionStatus: { status, ...(statusCodeData === undefined ? {} : { statusCodeData }) } };
}

function failureToJson(called: EsipaFunctionName, response: EsipaJsonResponse, errorCode: number): JsonObject {
	const { written } = response.errorNames;
	const body = written === undefined ? {} : { [written]: errorCode };
	if (response.isErrorExecuted) return { header: header(), ...body };
	return { header: header("Failed", statusCodeOf(called, errorCode)), ...body };
}

/** Packages are looked for before errors: a peer is known to write `eimPackageError: 0` beside a package. */
function answerFromJson(json: JsonObject, response: EsipaJsonResponse, failure: number | undefined): Uint8Array {
	const error = (code: number) => tlv(response.errorTag, integerOctets(code));
	const stated = response.errorNames.read.map((name) => json[name]).find((code) => code !== undefined && code !== null);
	const code = typeof stated === "string" && /^\d{1,3}$/.test(stated) ? Number(stated) : stated;
	if (failure !== undefined) return error(failure === UNDEFINED_ERROR && isCode(code) ? code : failure);
	for (const { tag, members, isToldByTransaction } of response.arms) {
		const components = componentsFromJson(json, members);
		// An arm without a tag is a CHOICE; one with a tag is told by what it has beside the transaction.
		if (tag === undefined && components[0] !== undefined) return components[0];
		const isTold = isArm(json, members) || (isToldByTransaction && components.length > 0);
		if (tag !== undefined && isTold) return tlv(tag, ...components);
	}
	if (isCode(code)) return error(code);
	if (response.empty !== undefined) return response.empty;
	throw new EsipaJsonError("ESIPA_JSON_INVALID", "the answer has none of the members that its function gives");
}

const isCode = (code: unknown): code is number => typeof code === "number" && Number.isSafeInteger(code) && code !== 0;

function isArm(json: JsonObject, members: readonly { readonly name: string }[]): boolean {
	return members.some(({ name }) => name !== "transactionId" && typeof json[name] === "string" && json[name] !== "");
}

/** What the header says of a failure; a header that is missing or says nothing counts as success. */
function failureIn(called: EsipaFunctionName, json: JsonObject): { errorCode: number; said: string } | undefined {
	const execution = memberObject(memberObject(json, "header"), "functionExecutionStatus");
	const { status } = execution;
	if (status === undefined || status === "Executed-Success" || status === "Executed-WithWarning") return undefined;
	const { subjectCode, reasonCode, message } = memberObject(execution, "statusCodeData");
	const said = [subjectCode, reasonCode, message].filter((part) => typeof part === "string").join(" ");
	return { errorCode: errorCodeOf(called, subjectCode, reasonCode), said: said.slice(0, 300) };
}

function memberObject(json: JsonObject, name: string): JsonObject {
	const value = json[name];
	return isObject(value) ? value : {};
}

function objectOf(json: unknown): JsonObject {
	if (isObject(json)) return json;
	throw new EsipaJsonError("ESIPA_JSON_INVALID", "a JSON object is expected");
}

function isObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readable(make: () => Uint8Array): Uint8Array {
	try {
		return make();
	} catch (cause) {
		if (!(cause instanceof Asn1Error)) throw cause;
		throw new EsipaJsonError("ESIPA_JSON_INVALID", `a TLV inside cannot be read: ${cause.message}`, { cause });
	}
}
