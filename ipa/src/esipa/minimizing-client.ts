import { decode } from "@iot-esim/shared/asn1/schema";
import { readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { OtherSignedNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import type { InitiateAuthenticationOkEsipa } from "@iot-esim/shared/messages/sgp32/esipa-download";
import { compactOtherNotification } from "@iot-esim/shared/security/compact";
import { EsimError } from "@iot-esim/shared/util/errors";
import { digestOf, type EimKnowledge, type EimMemory, knowledgeAfter } from "./eim-knowledge.ts";
import { EsipaLinkError } from "./errors.ts";
import type { EimPackageResultPart, EsipaClient, Outcome, ResultAnswer } from "./esipa-client.ts";
import { SessionKnowledge } from "./session-knowledge.ts";

type Client = Pick<EsipaClient, keyof EsipaClient>;
type AuthenticateClientOutcome = Awaited<ReturnType<Client["authenticateClient"]>>;

const UNDEFINED_ERROR = 127;
/** Error codes that a compact form may be to blame for, and the one that says that the session is gone meanwhile. */
const AUTHENTICATE_CLIENT = { name: "AuthenticateClient", blamed: [5, UNDEFINED_ERROR], sessionGone: 10 } as const;
const GET_BOUND_PROFILE_PACKAGE = {
	...{ name: "GetBoundProfilePackage", blamed: [1, UNDEFINED_ERROR], sessionGone: 95 },
} as const;
const CANCEL_SESSION = { name: "CancelSession", blamed: [2, UNDEFINED_ERROR], sessionGone: 1 } as const;

interface Refusals {
	readonly name: string;
	readonly blamed: readonly number[];
	readonly sessionGone: number;
}

/**
 * The functions of ESipa with as few octets as the eIM can do with (minimizeEsipaBytes, SGP.32 v1.2): as soon as it has
 * taken IpaEuiccData, answers of the card leave out what it knows, where it can put that back octet by octet. What is
 * refused in its compact form is sent in full, and from then on everything is, until the eIM asks for the data again.
 */
export class MinimizingEsipaClient implements Client {
	readonly #client: Client;
	readonly #eid: Uint8Array;
	readonly #memory: EimMemory;
	#session: SessionKnowledge | undefined;

	constructor(client: Client, eid: Uint8Array, memory: EimMemory) {
		this.#client = client;
		this.#eid = eid;
		this.#memory = memory;
	}

	getEimPackage(...call: Parameters<Client["getEimPackage"]>): ReturnType<Client["getEimPackage"]> {
		return this.#client.getEimPackage(...call);
	}

	async initiateAuthentication(
		...call: Parameters<Client["initiateAuthentication"]>
	): Promise<Outcome<InitiateAuthenticationOkEsipa>> {
		const outcome = await this.#client.initiateAuthentication(...call);
		this.#session = "ok" in outcome ? new SessionKnowledge(outcome.ok) : undefined;
		return outcome;
	}

	async authenticateClient(
		transactionId: Uint8Array,
		authenticateServerResponse: Uint8Array,
		signal?: AbortSignal,
	): Promise<AuthenticateClientOutcome> {
		const session = this.#sessionOf(transactionId);
		const eim = this.#memory.recall();
		const compact = eim && session?.compactAuthenticateServerResponse(authenticateServerResponse, eim);
		const outcome = await this.#sendShortest(AUTHENTICATE_CLIENT, authenticateServerResponse, compact, (response) =>
			this.#client.authenticateClient(transactionId, response, signal),
		);
		if ("error" in outcome) session?.refusedAuthentication(outcome.error);
		else if ("dp" in outcome.ok) session?.offered(outcome.ok.dp);
		return outcome;
	}

	async getBoundProfilePackage(
		transactionId: Uint8Array,
		prepareDownloadResponse: Uint8Array,
		signal?: AbortSignal,
	): Promise<Outcome<Uint8Array>> {
		const session = this.#sessionOf(transactionId);
		const compact = this.#memory.recall() && session?.compactPrepareDownloadResponse(prepareDownloadResponse);
		const outcome = await this.#sendShortest(GET_BOUND_PROFILE_PACKAGE, prepareDownloadResponse, compact, (response) =>
			this.#client.getBoundProfilePackage(transactionId, response, signal),
		);
		if ("error" in outcome) session?.refusedPackage(outcome.error);
		return outcome;
	}

	cancelSession(
		transactionId: Uint8Array,
		cancelSessionResponse: Uint8Array,
		signal?: AbortSignal,
	): Promise<Outcome<true>> {
		const session = this.#sessionOf(transactionId);
		const compact = this.#memory.recall() && session?.compactCancelSessionResponse(cancelSessionResponse);
		return this.#sendShortest(CANCEL_SESSION, cancelSessionResponse, compact, (response) =>
			this.#client.cancelSession(transactionId, response, signal),
		);
	}

	async handleNotification(pendingNotification: Uint8Array, signal?: AbortSignal): Promise<void> {
		const compact = this.#compactNotification(pendingNotification);
		if (compact === undefined) return this.#client.handleNotification(pendingNotification, signal);
		try {
			await this.#client.handleNotification(compact, signal);
		} catch (error) {
			if (!isAnswer(error)) throw error;
			await this.#client.handleNotification(pendingNotification, signal);
			await this.#memory.forget("HandleNotification", error.message);
		}
	}

	async provideEimPackageResult(part: EimPackageResultPart, signal?: AbortSignal): Promise<ResultAnswer> {
		if ("whole" in part) {
			const answer = await this.#client.provideEimPackageResult(part, signal);
			if (answer.type === "acknowledged") await this.#learn(part.whole);
			return answer;
		}
		if (!("notifications" in part) || part.notifications === undefined) {
			return this.#client.provideEimPackageResult(part, signal);
		}
		const compact = part.notifications.map((full) => this.#compactNotification(full) ?? full);
		if (compact.every((notification, index) => notification === part.notifications?.[index])) {
			return this.#client.provideEimPackageResult(part, signal);
		}
		return this.#provideCompact(part, compact, signal);
	}

	async #provideCompact(
		part: EimPackageResultPart,
		notifications: readonly Uint8Array[],
		signal: AbortSignal | undefined,
	): Promise<ResultAnswer> {
		let reason: string;
		try {
			const answer = await this.#client.provideEimPackageResult({ ...part, notifications }, signal);
			if (answer.type === "acknowledged") return answer;
			reason = `code ${answer.code}`;
		} catch (error) {
			if (!isAnswer(error)) throw error;
			reason = error.message;
		}
		const answer = await this.#client.provideEimPackageResult(part, signal);
		if (answer.type === "acknowledged") await this.#memory.forget("ProvideEimPackageResult", reason);
		return answer;
	}

	async #learn(ipaEuiccDataResponse: Uint8Array): Promise<void> {
		const knowledge = knowledgeAfter(ipaEuiccDataResponse, this.#memory.recall());
		if (knowledge !== undefined) await this.#memory.remember(knowledge);
	}

	#sessionOf(transactionId: Uint8Array): SessionKnowledge | undefined {
		return this.#session?.is(transactionId) ? this.#session : undefined;
	}

	#compactNotification(full: Uint8Array): Uint8Array | undefined {
		const eim = this.#memory.recall();
		if (eim === undefined) return undefined;
		return this.#session?.compactProfileInstallationResult(full) ?? this.#compactOther(full, eim);
	}

	#compactOther(full: Uint8Array, eim: EimKnowledge): Uint8Array | undefined {
		try {
			if (readWholeTlv(full).tag !== 0x30) return undefined;
			const { euiccCertificate, eumCertificate } = decode(OtherSignedNotification, full);
			const isKnown =
				digestOf(euiccCertificate) === eim.euiccCertificate && digestOf(eumCertificate) === eim.eumCertificate;
			if (!isKnown) return undefined;
			return compactOtherNotification(full, { eidValue: this.#eid, euiccCertificate, eumCertificate });
		} catch (error) {
			if (error instanceof EsimError) return undefined;
			throw error;
		}
	}

	/** The compact form, when there is one; the full one when the eIM could not make anything of it. */
	async #sendShortest<T>(
		refusals: Refusals,
		full: Uint8Array,
		compact: Uint8Array | undefined,
		send: (response: Uint8Array) => Promise<Outcome<T>>,
	): Promise<Outcome<T>> {
		if (compact === undefined) return send(full);
		let first: Outcome<T> | undefined;
		let reason: string;
		try {
			first = await send(compact);
			if ("ok" in first || !refusals.blamed.includes(first.error)) return first;
			reason = `code ${first.error}`;
		} catch (error) {
			if (!isAnswer(error)) throw error;
			reason = error.message;
		}
		const second = await send(full);
		const isSessionGone = "error" in second && second.error === refusals.sessionGone;
		if (first !== undefined && isSessionGone) return first;
		await this.#memory.forget(refusals.name, reason);
		return second;
	}
}

/** The eIM did answer, with what is no answer of the function: a status, or other octets. */
function isAnswer(error: unknown): error is EsipaLinkError {
	return (
		error instanceof EsipaLinkError && (error.code === "IPA_EIM_STATUS" || error.code === "IPA_EIM_RESPONSE_INVALID")
	);
}
