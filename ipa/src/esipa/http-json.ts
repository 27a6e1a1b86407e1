import { Asn1Error } from "@iot-esim/shared/asn1/errors";
import { EsipaJsonError } from "@iot-esim/shared/messages/sgp32/json/errors";
import {
	type EsipaFunctionName,
	emptyEsipaResponse,
	esipaFunctionOf,
	esipaRequestToJson,
	esipaResponseFromJson,
} from "@iot-esim/shared/messages/sgp32/json/esipa-json";
import { toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";
import { type EsipaTarget, type HttpBinding, type HttpLinkOptions, httpLink } from "./http-link.ts";

/** A JSON object at a path for each function (SGP.32 §6.4). */
const jsonBinding: HttpBinding = {
	mediaType: "application/json;charset=UTF-8",
	request: (message) => {
		const called = functionOf(message);
		const body = utf8(JSON.stringify(esipaRequestToJson(called, message)));
		return { path: `/gsma/rsp2/esipa/${called}`, body };
	},
	response: (message, body) => messageIn(functionOf(message), body),
};

/**
 * ESipa over HTTPS in the JSON binding: messages are those of ASN.1 on this side of it.
 * @throws EsipaLinkError IPA_EIM_ADDRESS_MISSING, IPA_EIM_TRUST_MISSING
 */
export function httpJsonLink(target: EsipaTarget, options: HttpLinkOptions): EsipaLink {
	return httpLink(target, options, jsonBinding);
}

function functionOf(message: Uint8Array): EsipaFunctionName {
	const called = esipaFunctionOf(message);
	if (called !== undefined) return called;
	throw new Error(`${toHex(message.subarray(0, 3))} begins no message of ESipa`);
}

function messageIn(called: EsipaFunctionName, body: Uint8Array): Uint8Array {
	if (body.length === 0) return emptyEsipaResponse(called) ?? body;
	try {
		return esipaResponseFromJson(called, JSON.parse(new TextDecoder().decode(body)));
	} catch (cause) {
		if (!(cause instanceof EsipaJsonError || cause instanceof Asn1Error || cause instanceof SyntaxError)) throw cause;
		const isRefusal = cause instanceof EsipaJsonError && cause.code === "ESIPA_JSON_FAILED";
		const code = isRefusal ? "IPA_EIM_STATUS" : "IPA_EIM_RESPONSE_INVALID";
		throw new EsipaLinkError(code, `the eIM's answer to ${called}: ${cause.message}`, { cause });
	}
}
