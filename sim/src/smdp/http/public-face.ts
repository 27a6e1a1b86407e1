import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import type { SmdpContext } from "../context.ts";
import { es2plusJson } from "../es2plus/functions.ts";
import { answerAsn1 } from "../es9plus/asn1-binding.ts";
import { es9plusJson } from "../es9plus/json-binding.ts";
import { RspRefusal } from "../status-code.ts";
import { answerJson, json } from "./json-function.ts";

/** The RSP version that this server speaks, and announces when the client speaks a newer one. */
const OWN_VERSION: readonly [number, number, number] = [2, 5, 0];

const ASN1_MEDIA_TYPE = "application/x-gsma-rsp-asn1";

/** What clients and operators reach over TLS: ES9+ in JSON and ASN.1, ES2+ in JSON, /healthz. */
export function publicFace(smdp: SmdpContext, options: { readonly isEs2plusPublic: boolean }): HttpHandler {
	const es9plus = es9plusJson(smdp);
	const es2plus = options.isEs2plusPublic ? es2plusJson(smdp) : {};
	return (request) => {
		const path = pathOf(request);
		if (path === "/healthz") return healthz(smdp);
		const functionName = path.slice(path.lastIndexOf("/") + 1);
		const onRefusal = (refusal: RspRefusal) => {
			const { subjectCode, reasonCode } = refusal.code;
			smdp.log.info("request refused", { path, subjectCode, reasonCode, reason: refusal.message });
		};
		const respond = (response: OutgoingResponse) => withVersion(request, response);
		if (path === "/gsma/rsp2/asn1") {
			return respond(wrongRequest(request, ASN1_MEDIA_TYPE) ?? asn1(smdp, request.body, onRefusal));
		}
		const folder = path.slice(0, path.lastIndexOf("/"));
		const functions = folder === "/gsma/rsp2/es9plus" ? es9plus : folder === "/gsma/rsp2/es2plus" ? es2plus : {};
		const run = Object.hasOwn(functions, functionName) ? functions[functionName] : undefined;
		if (run === undefined) return respond({ status: 404 });
		return respond(wrongRequest(request, "application/json") ?? answerJson(run, request.body, onRefusal));
	};
}

export function healthz(smdp: SmdpContext): OutgoingResponse {
	return json(200, { status: "ok", profiles: smdp.inventory.list().length, sessions: smdp.sessions.count });
}

export function pathOf({ path }: IncomingRequest): string {
	const end = path.indexOf("?");
	return end < 0 ? path : path.slice(0, end);
}

function asn1(smdp: SmdpContext, body: Uint8Array, onRefusal: (refusal: RspRefusal) => void): OutgoingResponse {
	try {
		const response = answerAsn1(smdp, body, onRefusal);
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
