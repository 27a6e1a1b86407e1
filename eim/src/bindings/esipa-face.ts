import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import type { EsipaHandler } from "../esipa/handler.ts";
import { createHttpAsn1Binding, ESIPA_ASN1_PATH } from "./http-asn1.ts";
import { plain } from "./http-esipa.ts";
import { createHttpJsonBinding, ESIPA_JSON_PATH, LARGEST_ESIPA_JSON_REQUEST } from "./http-json.ts";

/** The largest body that either binding takes. */
export const LARGEST_ESIPA_BODY = LARGEST_ESIPA_JSON_REQUEST;

/** All that devices reach over HTTPS: both bindings at their own paths (SGP.32 section 6.1: the IPA chooses). */
export function createEsipaFace(deps: { readonly handler: EsipaHandler; readonly log: Logger }): HttpHandler {
	const asn1 = createHttpAsn1Binding(deps);
	const json = createHttpJsonBinding(deps);
	return (request) => {
		if (request.path.startsWith(ESIPA_ASN1_PATH)) return asn1(request);
		if (request.path.startsWith(ESIPA_JSON_PATH)) return json(request);
		return plain(404, `ESipa is at ${ESIPA_ASN1_PATH} in ASN.1 and under ${ESIPA_JSON_PATH} in JSON`);
	};
}
