import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { EsipaHandler } from "../esipa/handler.ts";
import { mediaTypeOf, plain, rememberedAdminProtocol, rememberedPeers } from "./http-esipa.ts";

/** Where SGP.32 section 6.3 puts the ASN.1 binding. */
export const ESIPA_ASN1_PATH = "/gsma/rsp2/asn1";

const CONTENT_TYPE = "application/x-gsma-rsp-asn1";

/** No ESipa message is larger: what an IPA sends holds results, never a profile package. */
export const LARGEST_ESIPA_REQUEST = 256 * 1024;

/**
 * ESipa over HTTPS in ASN.1: one TLV in the body, 200 with one TLV in the answer, 204 where the function has no answer.
 * What is wrong with a message is said inside the TLV; an HTTP status says only what is wrong around it.
 */
export function createHttpAsn1Binding(deps: { readonly handler: EsipaHandler; readonly log: Logger }): HttpHandler {
	const protocolFor = rememberedAdminProtocol();
	const peerOf = rememberedPeers("https-asn1");
	return async (request) => {
		const refusal = refusalOf(request);
		if (refusal !== undefined) return refusal;
		const headers = { "X-Admin-Protocol": protocolFor(request.headers["x-admin-protocol"]) };
		try {
			const answer = await deps.handler.handle(request.body, peerOf(request));
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
	if (mediaTypeOf(request.headers["content-type"]) !== CONTENT_TYPE) {
		return plain(415, `the Content-Type of ESipa in ASN.1 is ${CONTENT_TYPE}`);
	}
	if (request.body.length > LARGEST_ESIPA_REQUEST) {
		return plain(413, `an ESipa request has at most ${LARGEST_ESIPA_REQUEST} octets`);
	}
	return undefined;
}
