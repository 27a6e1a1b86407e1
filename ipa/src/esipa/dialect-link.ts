import { Asn1Error, encode, type Schema } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { decodeLenient } from "@iot-esim/shared/messages/sgp32/deviations";
import { inDialect } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import type { Sgp32Version } from "@iot-esim/shared/messages/sgp32/dialect/version";
import { InitiateAuthenticationRequestEsipa } from "@iot-esim/shared/messages/sgp32/esipa-download";
import {
	GetEimPackageRequest,
	GetEimPackageResponse,
	HandleNotificationEsipa,
	ProvideEimPackageResult,
	ProvideEimPackageResultResponse,
} from "@iot-esim/shared/messages/sgp32/esipa-package";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";

/** The version of SGP.32 to speak to an eIM; `auto` begins with 1.2 and learns from what the eIM does. */
export type EimDialect = "auto" | Sgp32Version;

/** Requests and answers that differ between the versions, by tag. */
const MESSAGES: Readonly<Record<number, { readonly request?: Schema<unknown>; readonly response?: Schema<unknown> }>> =
	{
		48953: { request: InitiateAuthenticationRequestEsipa },
		48957: { request: HandleNotificationEsipa },
		48975: { request: GetEimPackageRequest, response: GetEimPackageResponse },
		48976: { request: ProvideEimPackageResult, response: ProvideEimPackageResultResponse },
	};

const RESULT = 0xbf50;

/**
 * A link over which everybody speaks version 1.2, whatever version the eIM speaks. An eIM shows version 1.0 by its forms,
 * or by failing over a result and taking the same in the form of version 1.0.
 */
export class DialectLink implements EsipaLink {
	readonly #link: EsipaLink;
	#version: Sgp32Version;
	/** Nothing is learnt any more. */
	#isCertain: boolean;

	constructor(link: EsipaLink, dialect: EimDialect) {
		this.#link = link;
		this.#version = dialect === "auto" ? "1.2" : dialect;
		this.#isCertain = dialect !== "auto";
	}

	get name(): string {
		return this.#link.name;
	}

	/** What is spoken now. */
	get version(): Sgp32Version {
		return this.#version;
	}

	async exchange(message: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
		const { tag } = readWholeTlv(message);
		if (tag === RESULT && !this.#isCertain) return this.#result(message, signal);
		return this.#strict(tag, await this.#link.exchange(written(this.#version, tag, message), signal));
	}

	renew(): void {
		this.#link.renew?.();
	}

	tryAnew(): void {
		this.#link.tryAnew?.();
	}

	close(): Promise<void> {
		return this.#link.close();
	}

	/**
	 * Before the version is certain, a result that the eIM fails over is given again in the other form: one that knows it
	 * already says the same again. An eIM that fails over both gets the next one in the other form first, since some
	 * have forgotten what they wait for after a message that they could not read.
	 */
	async #result(message: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
		const other = this.#version === "1.0" ? "1.2" : "1.0";
		let failure: unknown;
		for (const version of [this.#version, other] as const) {
			try {
				const answer = await this.#link.exchange(written(version, RESULT, message), signal);
				// Only later versions have an error to answer with: it was version 1.0 that could not be read.
				if (version === "1.0" && isErrorAnswer(answer)) {
					failure ??= new EsipaLinkError("IPA_EIM_RESPONSE_INVALID", `${this.name} does not read version 1.0`);
					continue;
				}
				this.#version = version;
				this.#isCertain = !isErrorAnswer(answer);
				return this.#strict(RESULT, answer);
			} catch (error) {
				if (!isRefusal(error)) throw error;
				failure ??= error;
			}
		}
		this.#version = other;
		throw failure;
	}

	/** The answer in the form of version 1.2, and what its form shows; what cannot be read is for others to judge. */
	#strict(tag: number, answer: Uint8Array): Uint8Array {
		const schema = MESSAGES[tag]?.response;
		if (schema === undefined || answer.length === 0) return answer;
		try {
			const { value, versions } = decodeLenient(schema, answer);
			if (!this.#isCertain) this.#learn(versions);
			return versions === undefined ? answer : encode(schema, value);
		} catch (error) {
			if (error instanceof Asn1Error) return answer;
			throw error;
		}
	}

	/** A form that only one version has. */
	#learn(versions: readonly Sgp32Version[] | undefined): void {
		const [only] = versions ?? [];
		if (only === undefined || versions?.length !== 1) return;
		this.#version = only;
		this.#isCertain = true;
	}
}

/** What the card made and nobody here can read goes out as it is. */
function written(version: Sgp32Version, tag: number, message: Uint8Array): Uint8Array {
	const schema = MESSAGES[tag]?.request;
	if (schema === undefined) return message;
	try {
		return inDialect({ version }, schema, message);
	} catch (error) {
		if (error instanceof Asn1Error) return message;
		throw error;
	}
}

/** provideEimPackageResultError. */
function isErrorAnswer(answer: Uint8Array): boolean {
	if (answer.length === 0) return false;
	const whole = readWholeTlv(answer);
	return readTlvs(answer, whole.valueStart, whole.end)[0]?.tag === 0x02;
}

/** What servers, and those in front of them, say when they have no time for a message, whatever stands in it. */
const BUSY: readonly unknown[] = [408, 429, 502, 503, 504];

/** It was reached and could make nothing of the message. */
function isRefusal(error: unknown): boolean {
	if (!(error instanceof EsipaLinkError)) return false;
	if (error.code === "IPA_EIM_STATUS") return !BUSY.includes(error.context.status);
	return error.code === "IPA_EIM_RESPONSE_INVALID";
}
