import { adminProtocol } from "@iot-esim/shared/messages/sgp22/admin-protocol";
import { EsipaJsonError } from "@iot-esim/shared/messages/sgp32/json/errors";
import {
	errorCodeFor,
	esipaErrorResponse,
	esipaRequestFromJson,
	esipaResponseToJson,
} from "@iot-esim/shared/messages/sgp32/json/esipa-json";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";

const FUNCTION = "transferEimPackage";
const ASN1_PATH = "/gsma/rsp2/asn1";
const JSON_PATH = `/gsma/rsp2/esipa/${FUNCTION}`;
const ASN1_TYPE = "application/x-gsma-rsp-asn1";
const JSON_TYPE = "application/json";

/** No package of an eIM is larger, in either binding. */
export const LARGEST_TRANSFER = 512 * 1024;

export interface TransferFaceDeps {
	/**
	 * Takes a TransferEimPackageRequest from the owner of a client certificate; its answer.
	 * @throws EsimError whose httpStatus is the answer then
	 */
	readonly transfer: (message: Uint8Array, certificate: Uint8Array) => Promise<Uint8Array>;
	readonly log: Logger;
}

/**
 * ESipa.TransferEimPackage over HTTPS, in both bindings: here the eIM is the client (SGP.32 §5.14.4, eimInjectHttps). Only
 * a client with a certificate is heard; whether it is one of an eIM is for `transfer` to say.
 */
export function createTransferFace({ transfer, log }: TransferFaceDeps): HttpHandler {
	return async (request) => {
		const refusal = refusalOf(request);
		if (refusal !== undefined) return refusal;
		const { remoteAddress, clientCertificate, path } = request;
		const protocol = adminProtocol(request.headers["x-admin-protocol"]);
		if (clientCertificate === undefined) return plain(403, "an eIM shows its TLS certificate here");
		const isJson = path.split("?")[0] === JSON_PATH;
		try {
			const message = isJson ? messageIn(request.body) : request.body;
			return answer(isJson, protocol, await transfer(message, clientCertificate));
		} catch (error) {
			log.warn("package brought by an eIM not taken", { remoteAddress, error });
			const invalid =
				error instanceof EsipaJsonError ? esipaErrorResponse(FUNCTION, errorCodeFor(FUNCTION, error)) : undefined;
			if (invalid !== undefined && (error as EsipaJsonError).member !== undefined)
				return answer(isJson, protocol, invalid);
			const status = error instanceof EsimError ? error.httpStatus : 500;
			return plain(status, status >= 500 ? "try again later" : (error as Error).message);
		}
	};
}

function refusalOf({ method, path: given, headers, body }: IncomingRequest): OutgoingResponse | undefined {
	const [path] = given.split("?");
	const mediaType = path === ASN1_PATH ? ASN1_TYPE : path === JSON_PATH ? JSON_TYPE : undefined;
	if (mediaType === undefined) return plain(404, `packages are brought to ${ASN1_PATH} or ${JSON_PATH}`);
	if (method !== "POST") return plain(405, "packages are brought by POST", { Allow: "POST" });
	const contentType = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
	if (contentType !== mediaType) return plain(415, `the Content-Type at ${path} is ${mediaType}`);
	return body.length > LARGEST_TRANSFER ? plain(413, `at most ${LARGEST_TRANSFER} octets`) : undefined;
}

function messageIn(body: Uint8Array): Uint8Array {
	let json: unknown;
	try {
		json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
	} catch (cause) {
		throw new EsipaJsonError("ESIPA_JSON_INVALID", "the body is no JSON text in UTF-8", { cause });
	}
	return esipaRequestFromJson(FUNCTION, json);
}

function answer(isJson: boolean, protocol: string, message: Uint8Array): OutgoingResponse {
	return {
		status: 200,
		headers: {
			"Content-Type": isJson ? `${JSON_TYPE};charset=UTF-8` : ASN1_TYPE,
			"X-Admin-Protocol": protocol,
		},
		body: isJson ? utf8(JSON.stringify(esipaResponseToJson(FUNCTION, message))) : message,
	};
}

function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): OutgoingResponse {
	return { status, headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" }, body: `${text}\n` };
}
