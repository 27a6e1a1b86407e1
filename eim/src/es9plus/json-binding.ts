import { fromBase64, fromHex, toBase64, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { type Es9PlusFunction, esipaErrorFor, UNDEFINED_ERROR } from "./error-table.ts";
import type {
	AuthenticateClientOk,
	Es9PlusAnswer,
	Es9PlusClient,
	Es9PlusRefusal,
	InitiateAuthenticationOk,
} from "./es9plus-client.ts";
import { type Es9PlusHttp, post } from "./http.ts";
import { bareKeyIdentifier, bareSignature, invalidAnswer, wholeTlv } from "./members.ts";

type JsonObject = Readonly<Record<string, unknown>>;

const CONTENT_TYPE = "application/json;charset=UTF-8";

/**
 * ES9+ in JSON (SGP.22 section 6.5). Octets go as base64 of whole TLVs; answers are read with or without the headers
 * that SM-DP+ put around signatures and key identifiers, and with any base64 layout.
 */
export function jsonBinding(deps: {
	readonly http: Es9PlusHttp;
	/** functionRequesterIdentifier of the header. */
	readonly requester: string;
	/** A fresh functionCallIdentifier. */
	readonly newCallId: () => string;
}): Es9PlusClient {
	const header = () => ({
		functionRequesterIdentifier: deps.requester,
		functionCallIdentifier: deps.newCallId(),
	});
	const call = async (called: Es9PlusFunction, address: string, members: JsonObject) => {
		const path = `/gsma/rsp2/es9plus/${called}`;
		const body = utf8(JSON.stringify({ header: header(), ...members }));
		return answerOf(called, parse(await post(deps.http, address, path, CONTENT_TYPE, body)));
	};
	return {
		initiateAuthentication: async (address, { euiccChallenge, euiccInfo1 }) =>
			map(
				await call("initiateAuthentication", address, {
					euiccChallenge: toBase64(euiccChallenge),
					euiccInfo1: toBase64(euiccInfo1),
					smdpAddress: address,
				}),
				readInitiateAuthentication,
			),
		authenticateClient: async (address, { transactionId, authenticateServerResponse }) =>
			map(
				await call("authenticateClient", address, {
					transactionId: toHex(transactionId),
					authenticateServerResponse: toBase64(authenticateServerResponse),
				}),
				readAuthenticateClient,
			),
		getBoundProfilePackage: async (address, { transactionId, prepareDownloadResponse }) =>
			map(
				await call("getBoundProfilePackage", address, {
					transactionId: toHex(transactionId),
					prepareDownloadResponse: toBase64(prepareDownloadResponse),
				}),
				(answer) => ({
					transactionId: transactionIdOf(answer),
					boundProfilePackage: wholeTlv("boundProfilePackage", 0xbf36, octets(answer, "boundProfilePackage")),
				}),
			),
		cancelSession: async (address, { transactionId, cancelSessionResponse }) =>
			map(
				await call("cancelSession", address, {
					transactionId: toHex(transactionId),
					cancelSessionResponse: toBase64(cancelSessionResponse),
				}),
				() => ({}),
			),
		async handleNotification(address, pendingNotification) {
			const body = utf8(JSON.stringify({ header: header(), pendingNotification: toBase64(pendingNotification) }));
			await post(deps.http, address, "/gsma/rsp2/es9plus/handleNotification", CONTENT_TYPE, body);
		},
	};
}

function map<T>(answer: Es9PlusAnswer<Members>, read: (members: Members) => T): Es9PlusAnswer<T> {
	return answer.kind === "refused" ? answer : { kind: "ok", ...read(answer) };
}

function readInitiateAuthentication(answer: Members): InitiateAuthenticationOk {
	return {
		transactionId: transactionIdOf(answer),
		serverSigned1: wholeTlv("serverSigned1", 0x30, octets(answer, "serverSigned1")),
		serverSignature1: bareSignature("serverSignature1", octets(answer, "serverSignature1")),
		euiccCiPKIdToBeUsed: bareKeyIdentifier(octets(answer, "euiccCiPKIdToBeUsed")),
		serverCertificate: wholeTlv("serverCertificate", 0x30, octets(answer, "serverCertificate")),
	};
}

function readAuthenticateClient(answer: Members): AuthenticateClientOk {
	return {
		transactionId: transactionIdOf(answer),
		profileMetadata: wholeTlv("profileMetadata", 0xbf25, octets(answer, "profileMetadata")),
		smdpSigned2: wholeTlv("smdpSigned2", 0x30, octets(answer, "smdpSigned2")),
		smdpSignature2: bareSignature("smdpSignature2", octets(answer, "smdpSignature2")),
		smdpCertificate: wholeTlv("smdpCertificate", 0x30, octets(answer, "smdpCertificate")),
	};
}

interface Members {
	readonly members: JsonObject;
}

function parse(body: Uint8Array): JsonObject {
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder().decode(body));
	} catch {
		throw invalidAnswer("answer", "is no JSON");
	}
	if (!isObject(value)) throw invalidAnswer("answer", "is no JSON object");
	return value;
}

/** The members of a success; SM-DP+ that leave the status out but give the data count as successful. */
function answerOf(called: Es9PlusFunction, answer: JsonObject): Es9PlusAnswer<Members> {
	const header = isObject(answer.header) ? answer.header : {};
	const execution = isObject(header.functionExecutionStatus) ? header.functionExecutionStatus : {};
	const { status } = execution;
	if (status === undefined || status === "Executed-Success" || status === "Executed-WithWarning") {
		return { kind: "ok", members: answer };
	}
	const data = isObject(execution.statusCodeData) ? execution.statusCodeData : {};
	const { subjectCode, reasonCode, message } = data;
	if (typeof subjectCode !== "string" || typeof reasonCode !== "string") {
		return { kind: "refused", refusal: { esipaError: UNDEFINED_ERROR } };
	}
	const refusal: Es9PlusRefusal = {
		subjectCode,
		reasonCode,
		...(typeof message === "string" ? { message: message.slice(0, 500) } : {}),
		esipaError: esipaErrorFor(called, subjectCode, reasonCode),
	};
	return { kind: "refused", refusal };
}

function transactionIdOf({ members }: Members): Uint8Array {
	const { transactionId } = members;
	if (typeof transactionId !== "string" || !/^([0-9A-Fa-f]{2}){1,16}$/.test(transactionId)) {
		throw invalidAnswer("transactionId", "is not 2 to 32 hex digits");
	}
	return fromHex(transactionId);
}

function octets({ members }: Members, name: string): Uint8Array {
	const text = members[name];
	if (typeof text !== "string") throw invalidAnswer(name, "is missing");
	try {
		return fromBase64(text);
	} catch (error) {
		if (error instanceof EsimError) throw invalidAnswer(name, "is no base64");
		throw error;
	}
}

function isObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
