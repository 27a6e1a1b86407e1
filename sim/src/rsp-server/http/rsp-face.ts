import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { EsimError } from "@iot-esim/shared/util/errors";
import { type Asn1Function, answerAsn1 } from "../asn1-function.ts";
import { RspRefusal } from "../status-code.ts";
import { answerJson, type JsonFunction, json } from "./json-function.ts";

/** The RSP version that these servers speak, and announce when the client speaks a newer one. */
const OWN_VERSION: readonly [number, number, number] = [2, 5, 0];

const ASN1_MEDIA_TYPE = "application/x-gsma-rsp-asn1";

export interface RspFunctions {
	/** By folder, as "es9plus", and function, as "initiateAuthentication". */
	readonly json: Readonly<Record<string, Readonly<Record<string, JsonFunction>>>>;
	readonly asn1: readonly Asn1Function[];
	readonly healthz: () => OutgoingResponse;
	readonly log: Logger;
}

/** What clients reach over TLS: `/gsma/rsp2/<folder>/<function>` in JSON, `/gsma/rsp2/asn1`, `/healthz`. */
export function rspFace({ json: folders, asn1, healthz, log }: RspFunctions): HttpHandler {
	return async (request) => {
		const path = pathOf(request);
		if (path === "/healthz") return healthz();
		const onRefusal = refusalLog(log, path);
		const respond = (response: OutgoingResponse) => withVersion(request, response);
		if (path === "/gsma/rsp2/asn1") {
			return respond(wrongRequest(request, ASN1_MEDIA_TYPE) ?? inAsn1(asn1, request.body, onRefusal));
		}
		const run = jsonFunctionAt(folders, path);
		if (run === undefined) return respond({ status: 404 });
		return respond(wrongRequest(request, "application/json") ?? (await answerJson(run, request.body, onRefusal)));
	};
}

/** The function of a path `/gsma/rsp2/<folder>/<function>`. */
export function jsonFunctionAt(folders: RspFunctions["json"], path: string): JsonFunction | undefined {
	const [, folder = "", name = ""] = /^\/gsma\/rsp2\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
	const functions = Object.hasOwn(folders, folder) ? folders[folder] : undefined;
	return functions !== undefined && Object.hasOwn(functions, name) ? functions[name] : undefined;
}

export function refusalLog(log: Logger, path: string): (refusal: RspRefusal) => void {
	return ({ code, message }) => log.info("request refused", { path, ...code, reason: message });
}

export function pathOf({ path }: IncomingRequest): string {
	const end = path.indexOf("?");
	return end < 0 ? path : path.slice(0, end);
}

/** A reading function of a bench face. */
export function onGet(request: IncomingRequest, run: () => OutgoingResponse): OutgoingResponse {
	return request.method === "GET" ? run() : { status: 405, headers: { Allow: "GET" } };
}

/** What is wrong with a request to a bench face is told in words. */
export function failing(run: () => OutgoingResponse): OutgoingResponse {
	try {
		return run();
	} catch (error) {
		if (error instanceof RspRefusal) return json(400, { message: error.message });
		if (!(error instanceof EsimError) || error.httpStatus >= 500) throw error;
		return json(error.httpStatus, { code: error.code, message: error.message });
	}
}

function inAsn1(
	functions: readonly Asn1Function[],
	body: Uint8Array,
	onRefusal: (refusal: RspRefusal) => void,
): OutgoingResponse {
	try {
		const response = answerAsn1(functions, body, onRefusal);
		if (response === undefined) return { status: 204 };
		return { status: 200, headers: { "Content-Type": ASN1_MEDIA_TYPE }, body: response };
	} catch (error) {
		if (error instanceof RspRefusal) return { status: 400 };
		throw error;
	}
}

/** Only POST, and only the media type of the binding; a client that names none is taken at its word. */
function wrongRequest(request: IncomingRequest, mediaType: string): OutgoingResponse | undefined {
	if (request.method !== "POST") return { status: 405, headers: { Allow: "POST" } };
	const sent = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
	return sent === undefined || sent === mediaType ? undefined : { status: 415 };
}

/** The client's version where we know it too, else ours (SGP.22 section 6.2). */
function withVersion(request: IncomingRequest, response: OutgoingResponse): OutgoingResponse {
	const asked = /^gsma\/rsp\/v(\d+)\.(\d+)\.(\d+)$/.exec(String(request.headers["x-admin-protocol"] ?? ""));
	const version = asked === null ? OWN_VERSION : asked.slice(1).map(Number);
	const isNewer = version.reduce((order, part, i) => order || part - (OWN_VERSION[i] ?? 0), 0) > 0;
	const spoken = (isNewer ? OWN_VERSION : version).join(".");
	return { ...response, headers: { ...response.headers, "X-Admin-Protocol": `gsma/rsp/v${spoken}` } };
}
