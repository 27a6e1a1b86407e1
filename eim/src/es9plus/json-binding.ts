import { toBase64, toHex } from "@iot-esim/shared/util/bytes";
import type { Es9PlusFunction } from "./error-table.ts";
import type { AuthenticateClientOk, Es9PlusClient, InitiateAuthenticationOk } from "./es9plus-client.ts";
import {
	callJson,
	type JsonObject,
	type JsonOptions,
	type Members,
	mapAnswer,
	octets,
	postJson,
	transactionIdOf,
} from "./json-call.ts";
import { bareKeyIdentifier, bareSignature, wholeTlv } from "./members.ts";

export const ES9PLUS_PATH = "/gsma/rsp2/es9plus";

/**
 * ES9+ in JSON (SGP.22 section 6.5). Octets go as base64 of whole TLVs; answers are read with or without the headers
 * that SM-DP+ put around signatures and key identifiers, and with any base64 layout.
 */
export function jsonBinding(options: JsonOptions): Es9PlusClient {
	const call = (called: Es9PlusFunction, address: string, members: JsonObject) =>
		callJson(options, called, address, `${ES9PLUS_PATH}/${called}`, members);
	return {
		initiateAuthentication: async (address, { euiccChallenge, euiccInfo1 }) =>
			mapAnswer(
				await call("initiateAuthentication", address, {
					euiccChallenge: toBase64(euiccChallenge),
					euiccInfo1: toBase64(euiccInfo1),
					smdpAddress: address,
				}),
				readInitiateAuthentication,
			),
		authenticateClient: async (address, { transactionId, authenticateServerResponse }) =>
			mapAnswer(
				await call("authenticateClient", address, {
					transactionId: toHex(transactionId),
					authenticateServerResponse: toBase64(authenticateServerResponse),
				}),
				readAuthenticateClient,
			),
		getBoundProfilePackage: async (address, { transactionId, prepareDownloadResponse }) =>
			mapAnswer(
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
			mapAnswer(
				await call("cancelSession", address, {
					transactionId: toHex(transactionId),
					cancelSessionResponse: toBase64(cancelSessionResponse),
				}),
				() => ({}),
			),
		async handleNotification(address, pendingNotification) {
			const members = { pendingNotification: toBase64(pendingNotification) };
			await postJson(options, address, `${ES9PLUS_PATH}/handleNotification`, members);
		},
	};
}

export function readInitiateAuthentication(answer: Members): InitiateAuthenticationOk {
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
