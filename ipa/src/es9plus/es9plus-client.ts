import { Asn1Error, decode, type Kept } from "@iot-esim/shared/asn1/schema";
import { readWholeTlv, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { RemoteProfileProvisioningResponse } from "@iot-esim/shared/messages/sgp22/es9plus";
import type { InitiateAuthenticationOkEs9 } from "@iot-esim/shared/messages/sgp22/es9plus-download";
import type { EventEntries } from "@iot-esim/shared/messages/sgp22/es11";
import type { SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { invalidAnswer } from "./errors.ts";
import type { Es9PlusAnswer, Es9PlusLink } from "./es9plus-link.ts";
import { numberWords } from "./refusal-words.ts";

/** What an SM-DP+ gives for an authenticated eUICC. */
export interface PreparedDownload {
	/** BF25. */
	readonly profileMetadata: Uint8Array;
	readonly smdpSigned2: Kept<SmdpSigned2>;
	readonly smdpSignature2: Uint8Array;
	readonly smdpCertificate: Uint8Array;
}

/** An SM-DP+ has a profile for the eUICC; an SM-DS knows the servers that have one. */
export type ClientAuthentication =
	| { readonly profile: PreparedDownload }
	| { readonly events: readonly EventEntries[] };

type Response = RemoteProfileProvisioningResponse;

/**
 * The functions of ES9+ (SGP.22 §5.6) and ES11 (§5.8) that a device calls by itself; both servers take the same
 * requests. What the card signed goes out, and what the server signed comes in, octet by octet.
 */
export class Es9PlusClient {
	readonly #link: Es9PlusLink;

	constructor(link: Es9PlusLink) {
		this.#link = link;
	}

	/** ES9+ and ES11.InitiateAuthentication; `euiccInfo1` is a whole BF20. */
	initiateAuthentication(
		address: string,
		request: { readonly euiccChallenge: Uint8Array; readonly euiccInfo1: Uint8Array },
		signal?: AbortSignal,
	): Promise<Es9PlusAnswer<InitiateAuthenticationOkEs9>> {
		const { euiccChallenge, euiccInfo1 } = request;
		const message = tlv(0xbf39, tlv(0x81, euiccChallenge), tlv(0x83, utf8(address)), euiccInfo1);
		return this.#call(address, message, signal, (response) => {
			if (!("initiateAuthenticationResponse" in response)) throw otherFunction();
			const answer = response.initiateAuthenticationResponse;
			if ("initiateAuthenticationOk" in answer) return { ok: answer.initiateAuthenticationOk };
			return { refused: numberWords(57, answer.initiateAuthenticationError) };
		});
	}

	/** ES9+.AuthenticateClient of an SM-DP+, ES11.AuthenticateClient of an SM-DS; `response` is the card's BF38. */
	authenticateClient(
		address: string,
		transactionId: Uint8Array,
		response: Uint8Array,
		signal?: AbortSignal,
	): Promise<Es9PlusAnswer<ClientAuthentication>> {
		const message = tlv(0xbf3b, tlv(0x80, transactionId), response);
		return this.#call<ClientAuthentication>(address, message, signal, (found) => {
			if ("authenticateClientResponseEs11" in found) {
				const answer = found.authenticateClientResponseEs11;
				if ("authenticateClientOk" in answer) return { ok: { events: answer.authenticateClientOk.eventEntries } };
				return { refused: numberWords(64, answer.authenticateClientError) };
			}
			if (!("authenticateClientResponseEs9" in found)) throw otherFunction();
			const answer = found.authenticateClientResponseEs9;
			if ("authenticateClientError" in answer) return { refused: numberWords(59, answer.authenticateClientError) };
			const { profileMetaData, smdpSigned2, smdpSignature2, smdpCertificate } = answer.authenticateClientOk;
			return {
				ok: { profile: { profileMetadata: profileMetaData.der, smdpSigned2, smdpSignature2, smdpCertificate } },
			};
		});
	}

	/** ES9+.GetBoundProfilePackage; `prepareDownloadResponse` is the card's BF21. The answer is a whole BF36. */
	getBoundProfilePackage(
		address: string,
		transactionId: Uint8Array,
		prepareDownloadResponse: Uint8Array,
		signal?: AbortSignal,
	): Promise<Es9PlusAnswer<Uint8Array>> {
		const message = tlv(0xbf3a, tlv(0x80, transactionId), prepareDownloadResponse);
		return this.#call(address, message, signal, (response) => {
			if (!("getBoundProfilePackageResponse" in response)) throw otherFunction();
			const answer = response.getBoundProfilePackageResponse;
			if ("getBoundProfilePackageOk" in answer) return { ok: answer.getBoundProfilePackageOk.boundProfilePackage.der };
			return { refused: numberWords(58, answer.getBoundProfilePackageError) };
		});
	}

	/** ES9+.CancelSession; `cancelSessionResponse` is the card's BF41, whose tag gives way to A1. */
	cancelSession(
		address: string,
		transactionId: Uint8Array,
		cancelSessionResponse: Uint8Array,
		signal?: AbortSignal,
	): Promise<Es9PlusAnswer<true>> {
		const arms = tlvValue(cancelSessionResponse, readWholeTlv(cancelSessionResponse));
		const message = tlv(0xbf41, tlv(0x80, transactionId), tlv(0xa1, arms));
		return this.#call(address, message, signal, (response) => {
			if (!("cancelSessionResponseEs9" in response)) throw otherFunction();
			const answer = response.cancelSessionResponseEs9;
			if ("cancelSessionOk" in answer) return { ok: true };
			return { refused: numberWords(65, answer.cancelSessionError) };
		});
	}

	/** ES9+.HandleNotification: any success of the binding is the acknowledgement. */
	async handleNotification(address: string, pendingNotification: Uint8Array, signal?: AbortSignal): Promise<void> {
		await this.#link.exchange(address, tlv(0xbf3d, tlv(0xa0, pendingNotification)), signal);
	}

	/** Lets go of connections. */
	close(): void {
		this.#link.close();
	}

	async #call<T>(
		address: string,
		message: Uint8Array,
		signal: AbortSignal | undefined,
		read: (response: Response) => Es9PlusAnswer<T>,
	): Promise<Es9PlusAnswer<T>> {
		const answer = await this.#link.exchange(address, message, signal);
		if ("refused" in answer) return answer;
		let response: Response;
		try {
			response = decode(RemoteProfileProvisioningResponse, tlv(0xa2, answer.ok));
		} catch (cause) {
			if (!(cause instanceof Asn1Error)) throw cause;
			throw invalidAnswer(`cannot be read: ${cause.message}`, cause);
		}
		return read(response);
	}
}

function otherFunction() {
	return invalidAnswer("is one to another function");
}
