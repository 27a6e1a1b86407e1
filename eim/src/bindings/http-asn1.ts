import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { EsipaHandler } from "../esipa/handler.ts";

/** Where SGP.32 section 6.3 puts the ASN.1 binding. */
export const ESIPA_ASN1_PATH = "/gsma/rsp2/asn1";

const CONTENT_TYPE = "application/x-gsma-rsp-asn1";

/** The newest RSP version that this eIM speaks; the version of a request is echoed when it is not newer. */
const NEWEST_PROTOCOL = [2, 5, 0] as const;

/** No ESipa message is larger: what an IPA sends holds results, never a profile package. */
export const LARGEST_ESIPA_REQUEST = 256 * 1024;

/**
 * ESipa over HTTPS in ASN.1: one TLV in the body, 200 with one TLV in the answer, 204 where the function has no answer.
 * What is wrong with a message is said inside the TLV; an HTTP status says only what is wrong around it.
 */
export function createHttpAsn1Binding(deps: { readonly handler: EsipaHandler; readonly log: Logger }): HttpHandler {
	// A fleet says the same again and again.
	let asked: string | string[] | undefined;
	let answered = adminProtocol(undefined);
	return async (request) => {
		const refusal = refusalOf(request);
		if (refusal !== undefined) return refusal;
		const protocol = request.headers["x-admin-protocol"];
		if (protocol !== asked) {
			answered = adminProtocol(protocol);
			asked = protocol;
		}
		const headers = { "X-Admin-Protocol": answered };
		try {
			const answer = await deps.handler.handle(request.body, { remoteAddress: request.remoteAddress });
			if (answer === null) return { status: 204, headers };
			return { status: 200, headers: { ...headers, "Content-Type": CONTENT_TYPE }, body: answer };
		} catch (error) {
			const status = error instanceof EsimError ? error.httpStatus : 500;
			const facts = { remoteAddress: request.remoteAddress, status, error };
			if (status >= 500) deps.log.error("request failed", facts);
			else deps.log.warn("request refused", facts);
			return plain(status, status >= 500 ? "try again later" : (error as Error).message, headers);
		}
	};
}

function refusalOf(request: IncomingRequest): OutgoingResponse | undefined {
	if (request.path.split("?")[0] !== ESIPA_ASN1_PATH) return plain(404, `ESipa is at ${ESIPA_ASN1_PATH}`);
	if (request.method !== "POST") return plain(405, "ESipa functions are called by POST", { Allow: "POST" });
	const mediaType = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
	if (mediaType !== CONTENT_TYPE) return plain(415, `the Content-Type of ESipa in ASN.1 is ${CONTENT_TYPE}`);
	if (request.body.length > LARGEST_ESIPA_REQUEST) {
		return plain(413, `an ESipa request has at most ${LARGEST_ESIPA_REQUEST} octets`);
	}
	return undefined;
}

/**
 * The version to answer in: the peer's, or ours when the peer's is newer or not given. Peers of this field send anything
 * from v1.0.0 to v2.4.0, so no version is refused.
 */
export function adminProtocol(header: string | string[] | undefined): string {
	const text = Array.isArray(header) ? header[0] : header;
	const match = /^gsma\/rsp\/v(\d+)\.(\d+)\.(\d+)$/.exec(text?.trim() ?? "");
	const ours = `gsma/rsp/v${NEWEST_PROTOCOL.join(".")}`;
	if (match === null) return ours;
	const theirs = match.slice(1).map(Number);
	for (const [i, part] of NEWEST_PROTOCOL.entries()) {
		const other = theirs[i] ?? 0;
		if (other !== part) return other < part ? match[0] : ours;
	}
	return match[0];
}

function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): OutgoingResponse {
	return { status, headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" }, body: `${text}\n` };
}
