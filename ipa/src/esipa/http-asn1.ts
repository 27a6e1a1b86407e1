import type { EsipaLink } from "./esipa-link.ts";
import { type EsipaTarget, type HttpBinding, type HttpLinkOptions, httpLink } from "./http-link.ts";

const PATH = "/gsma/rsp2/asn1";

/** The TLV as it is, at one path for all functions (SGP.32 §6.3). */
const asn1Binding: HttpBinding = {
	mediaType: "application/x-gsma-rsp-asn1",
	request: (message) => ({ path: PATH, body: message }),
	response: (_message, body) => body,
};

/**
 * ESipa over HTTPS in the ASN.1 binding.
 * @throws EsipaLinkError IPA_EIM_ADDRESS_MISSING, IPA_EIM_TRUST_MISSING
 */
export function httpAsn1Link(target: EsipaTarget, options: HttpLinkOptions): EsipaLink {
	return httpLink(target, options, asn1Binding);
}
