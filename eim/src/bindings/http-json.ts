import { EsipaJsonError } from "@iot-esim/shared/messages/sgp32/json/errors";
import {
	ESIPA_FUNCTION_NAMES,
	type EsipaFunctionName,
	emptyEsipaResponse,
	errorCodeFor,
	esipaFailureJson,
	esipaRequestFromJson,
	esipaResponseToJson,
	type JsonObject,
} from "@iot-esim/shared/messages/sgp32/json/esipa-json";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { EsipaHandler } from "../esipa/handler.ts";
import { LARGEST_ESIPA_REQUEST } from "./http-asn1.ts";
import { mediaTypeOf, plain, rememberedAdminProtocol, rememberedPeers } from "./http-esipa.ts";

/** Where SGP.32 section 6.4 puts the functions of the JSON binding. */
export const ESIPA_JSON_PATH = "/gsma/rsp2/esipa/";

const MEDIA_TYPE = "application/json";
const CONTENT_TYPE = "application/json;charset=UTF-8";

/** Base64 makes four characters of three octets; the rest is for names and line breaks. */
export const LARGEST_ESIPA_JSON_REQUEST = Math.ceil((LARGEST_ESIPA_REQUEST * 4) / 3) + 16 * 1024;

/** The eIM calls this function, so it is no function of its server (SGP.32 section 5.14.4). */
const NOT_SERVED: EsipaFunctionName = "transferEimPackage";

/** Status codes of SGP.22 section 5.2.6: the form of the protocol is invalid. */
const INVALID_FORM = { subjectCode: "1.3.1", reasonCode: "2.1" } as const;

/**
 * ESipa over HTTPS in JSON (SGP.32 section 6.4): the JSON object is turned into the message of the ASN.1 binding, the same
 * handler answers it, and its answer is turned back. A function that fails is answered 200 with the status in the header,
 * also when one of its members cannot be read; what is no JSON object at all, 400.
 */
export function createHttpJsonBinding(deps: { readonly handler: EsipaHandler; readonly log: Logger }): HttpHandler {
	const { handler, log } = deps;
	const protocolFor = rememberedAdminProtocol();
	const peerOf = rememberedPeers("https-json");
	return async (request) => {
		const called = functionOf(request);
		if (typeof called !== "string") return called;
		const headers = { "X-Admin-Protocol": protocolFor(request.headers["x-admin-protocol"]) };
		const answer = (body: JsonObject): OutgoingResponse => ({
			status: 200,
			headers: { ...headers, "Content-Type": CONTENT_TYPE },
			body: utf8(JSON.stringify(body)),
		});
		try {
			const message = esipaRequestFromJson(called, parse(request.body));
			const answered = await handler.handle(message, peerOf(request));
			if (answered === null) return { status: 204, headers };
			return answer(esipaResponseToJson(called, answered));
		} catch (error) {
			if (error instanceof EsipaJsonError && error.member !== undefined && hasAnswer(called)) {
				log.warn("request that cannot be read", { remoteAddress: request.remoteAddress, called, error });
				const explanation = { ...INVALID_FORM, message: error.message };
				return answer(esipaFailureJson(called, errorCodeFor(called, error), explanation));
			}
			const status = error instanceof EsimError ? error.httpStatus : 500;
			const facts = { remoteAddress: request.remoteAddress, status, called, error };
			if (status >= 500) log.error("request failed", facts);
			else log.warn("request refused", facts);
			return plain(status, status >= 500 ? "try again later" : (error as Error).message, headers);
		}
	};
}

/** The function that the path names, or why it is not served. */
function functionOf(request: IncomingRequest): EsipaFunctionName | OutgoingResponse {
	const [path = ""] = request.path.split("?");
	const name = path.startsWith(ESIPA_JSON_PATH) ? path.slice(ESIPA_JSON_PATH.length).replace(/\/$/, "") : "";
	const called = ESIPA_FUNCTION_NAMES.find((known) => known === name && known !== NOT_SERVED);
	if (called === undefined) {
		const served = ESIPA_FUNCTION_NAMES.filter((known) => known !== NOT_SERVED).join(", ");
		return plain(404, `functions of ESipa in JSON at ${ESIPA_JSON_PATH}: ${served}`);
	}
	if (request.method !== "POST") return plain(405, "ESipa functions are called by POST", { Allow: "POST" });
	if (mediaTypeOf(request.headers["content-type"]) !== MEDIA_TYPE) {
		return plain(415, `the Content-Type of ESipa in JSON is ${MEDIA_TYPE}`);
	}
	if (request.body.length > LARGEST_ESIPA_JSON_REQUEST) {
		return plain(413, `an ESipa request in JSON has at most ${LARGEST_ESIPA_JSON_REQUEST} octets`);
	}
	return called;
}

const hasAnswer = (called: EsipaFunctionName): boolean => emptyEsipaResponse(called)?.length !== 0;

function parse(body: Uint8Array): unknown {
	try {
		return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
	} catch (cause) {
		throw new EsipaJsonError("ESIPA_JSON_INVALID", "the body is no JSON text in UTF-8", { cause });
	}
}
