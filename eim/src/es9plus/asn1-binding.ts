import { Asn1Error, decode } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { RemoteProfileProvisioningResponse } from "@iot-esim/shared/messages/sgp22/es9plus";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { type Es9PlusFunction, refusalByNumber } from "./error-table.ts";
import type { Es9PlusAnswer, Es9PlusClient } from "./es9plus-client.ts";
import { type Es9PlusHttp, post } from "./http.ts";
import { bareKeyIdentifier, bareSignature, invalidAnswer } from "./members.ts";

const PATH = "/gsma/rsp2/asn1";
const CONTENT_TYPE = "application/x-gsma-rsp-asn1";

/**
 * ES9+ in ASN.1 (SGP.22 section 6.6): every message under the tag A2 of RemoteProfileProvisioning. What the eUICC signed
 * goes out, and what the SM-DP+ signed comes in, octet by octet.
 */
export function asn1Binding({ http }: { readonly http: Es9PlusHttp }): Es9PlusClient {
	const call = (address: string, tag: number, ...members: Uint8Array[]) => postAsn1(http, address, tag, ...members);
	return {
		async initiateAuthentication(address, { euiccChallenge, euiccInfo1 }) {
			const body = await call(address, 0xbf39, tlv(0x81, euiccChallenge), tlv(0x83, utf8(address)), euiccInfo1);
			const response = readAsn1Answer(body);
			if (!("initiateAuthenticationResponse" in response)) throw otherFunction();
			const answer = response.initiateAuthenticationResponse;
			if ("initiateAuthenticationError" in answer)
				return refused("initiateAuthentication", answer.initiateAuthenticationError);
			const ok = answer.initiateAuthenticationOk;
			return {
				kind: "ok",
				transactionId: ok.transactionId,
				serverSigned1: ok.serverSigned1.der,
				serverSignature1: bareSignature("serverSignature1", ok.serverSignature1),
				euiccCiPKIdToBeUsed: bareKeyIdentifier(ok.euiccCiPKIdToBeUsed),
				serverCertificate: ok.serverCertificate,
			};
		},
		async authenticateClient(address, { transactionId, authenticateServerResponse }) {
			const body = await call(address, 0xbf3b, tlv(0x80, transactionId), authenticateServerResponse);
			const response = readAsn1Answer(body);
			if (!("authenticateClientResponseEs9" in response)) throw otherFunction();
			const answer = response.authenticateClientResponseEs9;
			if ("authenticateClientError" in answer) return refused("authenticateClient", answer.authenticateClientError);
			const ok = answer.authenticateClientOk;
			return {
				kind: "ok",
				transactionId: ok.transactionId,
				profileMetadata: ok.profileMetaData.der,
				smdpSigned2: ok.smdpSigned2.der,
				smdpSignature2: bareSignature("smdpSignature2", ok.smdpSignature2),
				smdpCertificate: ok.smdpCertificate,
			};
		},
		async getBoundProfilePackage(address, { transactionId, prepareDownloadResponse }) {
			const body = await call(address, 0xbf3a, tlv(0x80, transactionId), prepareDownloadResponse);
			const response = readAsn1Answer(body);
			if (!("getBoundProfilePackageResponse" in response)) throw otherFunction();
			const answer = response.getBoundProfilePackageResponse;
			if ("getBoundProfilePackageError" in answer)
				return refused("getBoundProfilePackage", answer.getBoundProfilePackageError);
			const { transactionId: answered, boundProfilePackage } = answer.getBoundProfilePackageOk;
			return { kind: "ok", transactionId: answered, boundProfilePackage: boundProfilePackage.der };
		},
		async cancelSession(address, { transactionId, cancelSessionResponse }) {
			// Component [1] replaces the tag of CancelSessionResponse.
			const arm = tlvValue(cancelSessionResponse, readWholeTlv(cancelSessionResponse));
			const response = readAsn1Answer(await call(address, 0xbf41, tlv(0x80, transactionId), tlv(0xa1, arm)));
			if (!("cancelSessionResponseEs9" in response)) throw otherFunction();
			const answer = response.cancelSessionResponseEs9;
			return "cancelSessionError" in answer ? refused("cancelSession", answer.cancelSessionError) : { kind: "ok" };
		},
		async handleNotification(address, pendingNotification) {
			await call(address, 0xbf3d, tlv(0xa0, pendingNotification));
		},
	};
}

/** One request in its wrapper; the octets of the answer. */
export function postAsn1(
	http: Es9PlusHttp,
	address: string,
	tag: number,
	...members: readonly Uint8Array[]
): Promise<Uint8Array> {
	return post(http, address, PATH, CONTENT_TYPE, tlv(0xa2, tlv(tag, ...members)));
}

/** Both sides use the same numbers, so an error of ES9+ is the error of ESipa. */
function refused<T>(called: Es9PlusFunction, esipaError: number): Es9PlusAnswer<T> {
	return { kind: "refused", refusal: refusalByNumber(called, esipaError) };
}

/** @throws Es9PlusError ES9PLUS_ANSWER_INVALID */
export function readAsn1Answer(body: Uint8Array): RemoteProfileProvisioningResponse {
	try {
		return decode(RemoteProfileProvisioningResponse, unwrapped(body));
	} catch (error) {
		if (error instanceof Asn1Error) throw invalidAnswer("answer", `cannot be read: ${error.message}`);
		throw error;
	}
}

/** Some SM-DP+ leave out the wrapper that requests carry. */
function unwrapped(body: Uint8Array): Uint8Array {
	const [first] = readTlvs(body);
	return first !== undefined && first.tag !== 0xa2 ? tlv(0xa2, tlvBytes(body, first)) : body;
}

export function otherFunction() {
	return invalidAnswer("answer", "is one to another function");
}
