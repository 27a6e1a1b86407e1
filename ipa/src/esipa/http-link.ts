import type { Clock } from "@iot-esim/shared/runtime/clock";
import { createHttpClient, type HttpClient, type TlsTrust } from "@iot-esim/shared/transport/http/client";
import { TlsSessions } from "@iot-esim/shared/transport/http/tls-sessions";
import { type Duration, Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { eimTrust } from "./eim-trust.ts";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";

/** Where an eIM is and what its TLS server must show, as the card's eIM configuration says. */
export interface EsipaTarget {
	readonly eimId: string;
	readonly eimFqdn: string | undefined;
	readonly trustedTlsKey: { readonly publicKey: Uint8Array } | { readonly certificate: Uint8Array } | undefined;
}

export interface HttpLinkOptions {
	readonly clock: Clock;
	/** Longest time for one exchange. */
	readonly timeout: Duration;
	/** `name[:port]` → `host:port`. */
	readonly hosts?: Readonly<Record<string, string>>;
	/** "http://host:port": the device's only way out, when its modem is a proxy. */
	readonly proxy?: string;
	/** PEM certificates of CAs, for eIMs whose configuration on the card has no TLS key. */
	readonly fallbackCa?: readonly string[];
	/** Version of SGP.22 in X-Admin-Protocol. */
	readonly adminProtocol?: string;
	/** Makes the client for a trust; the HTTP client of `shared` when absent. */
	readonly makeClient?: (tls: TlsTrust) => HttpClient;
}

/** How a message travels in the body of an exchange. */
export interface HttpBinding {
	readonly mediaType: string;
	/** Path and body of a request. */
	request(message: Uint8Array): { readonly path: string; readonly body: Uint8Array };
	/**
	 * The message in a successful answer; empty when the eIM had nothing to say.
	 * @throws EsipaLinkError IPA_EIM_RESPONSE_INVALID, IPA_EIM_STATUS
	 */
	response(message: Uint8Array, body: Uint8Array): Uint8Array;
}

/** A connection that was idle for longer may be closed by the other end just as it is used again. */
const LONGEST_IDLE = Seconds(3);

/**
 * ESipa over HTTPS (SGP.32 §6.1): one message per POST. Statuses other than success are errors of the link; errors of the
 * function are inside the message.
 * @throws EsipaLinkError IPA_EIM_ADDRESS_MISSING, IPA_EIM_TRUST_MISSING
 */
export function httpLink(target: EsipaTarget, options: HttpLinkOptions, binding: HttpBinding): EsipaLink {
	if (target.eimFqdn === undefined || target.eimFqdn === "") {
		throw new EsipaLinkError(
			"IPA_EIM_ADDRESS_MISSING",
			`the card's configuration of eIM "${target.eimId}" has no FQDN`,
		);
	}
	const origin = `https://${target.eimFqdn}`;
	const tls = eimTrust(target, options.fallbackCa ?? []);
	const sessions = new TlsSessions();
	const makeClient =
		options.makeClient ?? ((trust) => createHttpClient({ ...clientOptions(trust, options), sessions }));
	const headers = headersOf(binding, options);
	let client: HttpClient | undefined;
	let lastUse = 0;
	let underWay = 0;
	let isStale = false;
	const drop = () => {
		isStale = false;
		client?.close();
		client = undefined;
	};
	return {
		name: target.eimFqdn,
		exchange: async (message, signal) => {
			if (underWay === 0 && options.clock.now() - lastUse > LONGEST_IDLE) drop();
			const { path, body } = binding.request(message);
			const url = `${origin}${path}`;
			client ??= makeClient(tls);
			underWay++;
			try {
				const answer = await client.request({
					method: "POST",
					url,
					headers,
					body,
					...(signal === undefined ? {} : { signal }),
				});
				lastUse = options.clock.now();
				return binding.response(message, bodyOf(url, answer));
			} catch (cause) {
				drop();
				if (cause instanceof EsipaLinkError) throw cause;
				throw unreachable(url, cause);
			} finally {
				underWay--;
				if (isStale && underWay === 0) drop();
			}
		},
		renew: () => {
			isStale = true;
			if (underWay === 0) drop();
		},
		close: async () => drop(),
	};
}

function headersOf({ mediaType }: HttpBinding, { adminProtocol = "2.5.0" }: HttpLinkOptions) {
	return {
		"Content-Type": mediaType,
		Accept: mediaType,
		"User-Agent": "gsma-rsp-ipad",
		"X-Admin-Protocol": `gsma/rsp/v${adminProtocol}`,
	};
}

function bodyOf(url: string, answer: { readonly status: number; readonly body: Uint8Array }): Uint8Array {
	if (answer.status >= 200 && answer.status < 300) return answer.body;
	throw new EsipaLinkError("IPA_EIM_STATUS", `${url} answered with HTTP status ${answer.status}`, {
		context: { status: answer.status },
	});
}

function unreachable(url: string, cause: unknown): EsipaLinkError {
	const reason = cause instanceof Error ? cause.message : String(cause);
	const transportCode = cause instanceof EsimError ? cause.code : undefined;
	return new EsipaLinkError("IPA_EIM_UNREACHABLE", `${url}: ${reason}`, { cause, context: { transportCode } });
}

function clientOptions(tls: TlsTrust, options: HttpLinkOptions) {
	return {
		tls,
		timeout: options.timeout,
		clock: options.clock,
		...(options.hosts === undefined ? {} : { hosts: options.hosts }),
		...(options.proxy === undefined ? {} : { proxy: options.proxy }),
	};
}
