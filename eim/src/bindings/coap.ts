import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { CoapHandler, CoapPeer, CoapReply } from "@iot-esim/shared/transport/coap/coap-face";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { EsipaHandler } from "../esipa/handler.ts";
import { type CoapHints, observingEid } from "./coap-hints.ts";
import { CoapBindingError } from "./errors.ts";
import { ESIPA_ASN1_PATH } from "./http-asn1.ts";
import { rememberedPeers } from "./http-esipa.ts";
import { eidInName, hasMistypedEid, provenNames } from "./lwm2m/endpoint-identity.ts";

/** Raw public keys (SubjectPublicKeyInfo), as they are known at the moment. */
export interface KnownKeys {
	knows(publicKey: Uint8Array): boolean;
	/** The device that has the key; undefined where it says none. */
	eidOf(publicKey: Uint8Array): Eid | undefined;
}

export interface CoapBindingDeps {
	readonly handler: EsipaHandler;
	/** One short segment that stands for the path of the standard: every octet counts. */
	readonly shortPath: string;
	/** Raw public keys of devices; none is asked for one when absent. */
	readonly rawKeys?: KnownKeys | undefined;
	/** Tells devices that something waits for them; without it they only poll. */
	readonly hints?: CoapHints | undefined;
	readonly log: Logger;
}

/** Seconds after which a device that found the eIM busy asks again. */
const RETRY_AFTER = 30;

/**
 * ESipa over CoAP (SGP.32 section 6.2) in ASN.1: one TLV as the payload of a POST, 2.04 with one TLV in the answer, or
 * without payload where the function has no answer. The path says what the payload is: no Content-Format is sent, and one
 * that comes is not looked at.
 */
export function createCoapBinding({ handler, shortPath, rawKeys, hints, log }: CoapBindingDeps): CoapHandler {
	const paths = [ESIPA_ASN1_PATH.slice(1), shortPath];
	const remembered = rememberedPeers();
	return async ({ method, path, query = [], payload }, peer) => {
		if (!paths.includes(path.join("/"))) return refusal("4.04", `ESipa is at ${ESIPA_ASN1_PATH}`);
		const rawKey = rawKeyOf(peer);
		// Taken away since the session was opened: its holder is not to become anybody.
		if (rawKey !== undefined && rawKeys?.knows(rawKey) === false) return refusal("4.03", "this key is no longer known");
		try {
			const proven = rawKey === undefined ? namedEid(peer) : rawKeys?.eidOf(rawKey);
			if (method === "GET" && hints !== undefined) {
				const eid = observingEid(query, proven);
				return eid === undefined ? refusal("4.03", "the query is the EID of the device") : hints.state(eid);
			}
			if (method !== "POST") return refusal("4.05", "ESipa functions are called by POST");
			const link = peer.isStream ? "coaps+tcp" : "coap";
			const answer = await handler.handle(payload, { ...remembered(peer), provenEid: proven, link });
			return answer === null ? { code: "2.04" } : { code: "2.04", payload: answer };
		} catch (error) {
			const status = error instanceof EsimError ? error.httpStatus : 500;
			const facts = { remoteAddress: peer.remoteAddress, status, error };
			if (status < 500) log.warn("request refused", facts);
			else log.error("request failed", facts);
			return status < 500
				? refusal(coapCode(status), (error as Error).message)
				: { ...refusal(coapCode(status), "try again later"), maxAge: RETRY_AFTER };
		}
	};
}

/**
 * Who has a device's key (pre-shared, or of its certificate) is that device; identity and certificate say the EID as
 * endpoint names of LwM2M do. Of several EIDs in a certificate the first counts: its common name's before others.
 * @throws CoapBindingError COAP_EID_MISTYPED: with a slip in its EID a device would be a gateway, which speaks for all
 */
function namedEid({ proven }: CoapPeer): Eid | undefined {
	if (proven === undefined) return undefined;
	const names = provenNames(proven);
	for (const name of names) {
		const eid = eidInName(name);
		if (eid !== undefined) return eid;
	}
	const mistyped = names.find(hasMistypedEid);
	if (mistyped === undefined) return undefined;
	const message = `${mistyped} is no EID: its check digits are wrong`;
	throw new CoapBindingError("COAP_EID_MISTYPED", message);
}

function rawKeyOf({ proven }: CoapPeer): Uint8Array | undefined {
	return proven?.certificate === undefined ? proven?.publicKey : undefined;
}

/** The diagnostic payload of RFC 7252 section 5.5.2. */
export function refusal(code: string, text: string): CoapReply {
	return { code, payload: utf8(text) };
}

const CODES: Readonly<Record<number, string>> = {
	400: "4.00",
	401: "4.01",
	403: "4.03",
	404: "4.04",
	409: "4.09",
	413: "4.13",
	415: "4.15",
	422: "4.22",
	429: "4.29",
	500: "5.00",
	501: "5.01",
	502: "5.02",
	503: "5.03",
	504: "5.04",
};

/** RFC 8075 section 7: the code that says the same as a status of HTTP. */
function coapCode(status: number): string {
	return CODES[status] ?? (status < 500 ? "4.00" : "5.00");
}
