import { encode, type Schema } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, readWholeTlv, type Tlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { decodeLenient } from "@iot-esim/shared/messages/sgp32/deviations";
import {
	type AuthenticateClientOkDPEsipa,
	type AuthenticateClientOkDSEsipa,
	AuthenticateClientResponseEsipa,
	CancelSessionResponseEsipa,
	type InitiateAuthenticationOkEsipa,
	InitiateAuthenticationResponseEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { GetEimPackageRequest } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { type EimPackage, packageOf, sequenceNumbersIn, smallInteger } from "./eim-package.ts";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";

/** What the eIM says to a result. */
export type ResultAnswer =
	| { readonly type: "acknowledged"; readonly seqNumbers: readonly number[] }
	/** Not taken: the card keeps the result. */
	| { readonly type: "refused"; readonly code: number };

/** The answer of a function that may end in an error code of its message. */
export type Outcome<T> = { readonly ok: T } | { readonly error: number };

/** The result part of BF50: a whole BF51, BF52 or BF54, or the contents of an error. */
export type EimPackageResultPart =
	| { readonly euiccPackageResult: Uint8Array; readonly notifications?: readonly Uint8Array[] }
	| { readonly whole: Uint8Array }
	| { readonly errorCode: number; readonly eimTransactionId?: Uint8Array | undefined };

const NO_PACKAGE = 1;
const PLAIN_OK = hex`BF50 02 3000`;
const CANCELLED = hex`BF41 02 A000`;

/**
 * The functions of ESipa that an IPA calls (SGP.32 §5.14 and §6). Octets of the card are relayed, not encoded again;
 * answers are read with the deviations that peers are known for.
 */
export class EsipaClient {
	readonly #link: EsipaLink;
	readonly #eid: Uint8Array;

	constructor(link: EsipaLink, eid: Uint8Array) {
		this.#link = link;
		this.#eid = eid;
	}

	/** ESipa.GetEimPackage. */
	async getEimPackage(request: Omit<GetEimPackageRequest, "eidValue">, signal?: AbortSignal): Promise<EimPackage> {
		const message = encode(GetEimPackageRequest, { eidValue: this.#eid, ...request });
		const answer = await this.#exchange(0xbf4f, message, signal);
		const [member] = membersOf(answer);
		if (member === undefined) return { type: "none" };
		if (member.tag === 0x02 || member.tag === 0x80) {
			const code = smallInteger(answer, member);
			return code === NO_PACKAGE ? { type: "none" } : { type: "refused", code };
		}
		return packageOf(member.tag, tlvBytes(answer, member));
	}

	/** ESipa.ProvideEimPackageResult. */
	async provideEimPackageResult(part: EimPackageResultPart, signal?: AbortSignal): Promise<ResultAnswer> {
		const message = tlv(0xbf50, tlv(0x5a, this.#eid), resultPart(part));
		const answer = await this.#exchange(0xbf50, message, signal, PLAIN_OK);
		const [member] = membersOf(answer);
		// An empty BF50 is the plain yes of SGP.32 v1.0.
		if (member === undefined || member.tag === 0x30) return { type: "acknowledged", seqNumbers: [] };
		if (member.tag === 0xbf53) {
			return { type: "acknowledged", seqNumbers: sequenceNumbersIn(tlvBytes(answer, member)) };
		}
		return { type: "refused", code: smallInteger(answer, member) };
	}

	/** ESipa.HandleNotification: any success of the binding is the acknowledgement. */
	async handleNotification(pendingNotification: Uint8Array, signal?: AbortSignal): Promise<void> {
		await this.#link.exchange(tlv(0xbf3d, tlv(0xa0, pendingNotification)), signal);
	}

	/** ESipa.InitiateAuthentication; `euiccInfo1` is a whole BF20. */
	async initiateAuthentication(
		request: {
			readonly euiccChallenge: Uint8Array;
			readonly smdpAddress?: string;
			readonly euiccInfo1: Uint8Array;
			readonly eimTransactionId?: Uint8Array;
		},
		signal?: AbortSignal,
	): Promise<Outcome<InitiateAuthenticationOkEsipa>> {
		const { euiccChallenge, smdpAddress, euiccInfo1, eimTransactionId } = request;
		const address = smdpAddress === undefined ? [] : [tlv(0x83, new TextEncoder().encode(smdpAddress))];
		const transaction = eimTransactionId === undefined ? [] : [tlv(0x82, eimTransactionId)];
		const message = tlv(0xbf39, tlv(0x81, euiccChallenge), ...address, euiccInfo1, ...transaction);
		const answer = this.#decode(InitiateAuthenticationResponseEsipa, await this.#exchange(0xbf39, message, signal));
		if ("initiateAuthenticationOkEsipa" in answer) return { ok: answer.initiateAuthenticationOkEsipa };
		return { error: answer.initiateAuthenticationErrorEsipa };
	}

	/** ESipa.AuthenticateClient; `authenticateServerResponse` is the card's BF38. */
	async authenticateClient(
		transactionId: Uint8Array,
		authenticateServerResponse: Uint8Array,
		signal?: AbortSignal,
	): Promise<Outcome<{ dp: AuthenticateClientOkDPEsipa } | { ds: AuthenticateClientOkDSEsipa }>> {
		const message = tlv(0xbf3b, tlv(0x80, transactionId), authenticateServerResponse);
		const answer = this.#decode(AuthenticateClientResponseEsipa, await this.#exchange(0xbf3b, message, signal));
		if ("authenticateClientOkDPEsipa" in answer) return { ok: { dp: answer.authenticateClientOkDPEsipa } };
		if ("authenticateClientOkDSEsipa" in answer) return { ok: { ds: answer.authenticateClientOkDSEsipa } };
		return { error: answer.authenticateClientErrorEsipa };
	}

	/** ESipa.GetBoundProfilePackage; `prepareDownloadResponse` is the card's BF21. The answer is a whole BF36. */
	async getBoundProfilePackage(
		transactionId: Uint8Array,
		prepareDownloadResponse: Uint8Array,
		signal?: AbortSignal,
	): Promise<Outcome<Uint8Array>> {
		const message = tlv(0xbf3a, tlv(0x80, transactionId), prepareDownloadResponse);
		const answer = await this.#exchange(0xbf3a, message, signal);
		const [arm] = membersOf(answer);
		if (arm?.tag === 0x81) return { error: smallInteger(answer, arm) };
		const bpp = arm && findTlv(readTlvs(answer, arm.valueStart, arm.end), 0xbf36);
		if (bpp === undefined) throw this.#unexpected(0xbf3a, answer);
		return { ok: tlvBytes(answer, bpp) };
	}

	/** ESipa.CancelSession; `cancelSessionResponse` is the card's BF41, whose tag gives way to A1. */
	async cancelSession(
		transactionId: Uint8Array,
		cancelSessionResponse: Uint8Array,
		signal?: AbortSignal,
	): Promise<Outcome<true>> {
		const arms = tlvValue(cancelSessionResponse, readWholeTlv(cancelSessionResponse));
		const message = tlv(0xbf41, tlv(0x80, transactionId), tlv(0xa1, arms));
		const answer = this.#decode(CancelSessionResponseEsipa, await this.#exchange(0xbf41, message, signal, CANCELLED));
		return "cancelSessionOk" in answer ? { ok: true } : { error: answer.cancelSessionError };
	}

	/** `nothing` is what an empty answer of success stands for, where it may be empty. */
	async #exchange(tag: number, message: Uint8Array, signal?: AbortSignal, nothing?: Uint8Array): Promise<Uint8Array> {
		const answer = await this.#link.exchange(message, signal);
		if (answer.length === 0 && nothing !== undefined) return nothing;
		try {
			if (answer.length > 0 && readWholeTlv(answer).tag === tag) return answer;
		} catch (cause) {
			throw this.#unexpected(tag, answer, cause);
		}
		throw this.#unexpected(tag, answer);
	}

	#decode<T>(schema: Schema<T>, answer: Uint8Array): T {
		try {
			return decodeLenient(schema, answer).value;
		} catch (cause) {
			throw this.#unexpected(readWholeTlv(answer).tag, answer, cause);
		}
	}

	#unexpected(tag: number, answer: Uint8Array, cause?: unknown): EsipaLinkError {
		const shown = answer.length === 0 ? "nothing" : toHex(answer.subarray(0, 16));
		const why = cause instanceof Error ? `: ${cause.message}` : "";
		const name = tag.toString(16).toUpperCase();
		return new EsipaLinkError("IPA_EIM_RESPONSE_INVALID", `${this.#link.name} answered ${name} with ${shown}${why}`, {
			cause,
		});
	}
}

function resultPart(part: EimPackageResultPart): Uint8Array {
	if ("whole" in part) return part.whole;
	if ("errorCode" in part) {
		const transaction = part.eimTransactionId === undefined ? [] : [tlv(0x80, part.eimTransactionId)];
		return tlv(0xa0, ...transaction, tlv(0x02, Uint8Array.of(part.errorCode)));
	}
	const { euiccPackageResult, notifications = [] } = part;
	return notifications.length === 0 ? euiccPackageResult : tlv(0x30, euiccPackageResult, tlv(0xa0, ...notifications));
}

function membersOf(message: Uint8Array): Tlv[] {
	const whole = readWholeTlv(message);
	return readTlvs(message, whole.valueStart, whole.end);
}
