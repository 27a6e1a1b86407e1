import type { Clock } from "@iot-esim/shared/runtime/clock";
import { createHttpClient, type HttpClient, type TlsTrust } from "@iot-esim/shared/transport/http/client";
import { type Duration, Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";

/** Where an eIM is and what its TLS server must show, as the card's eIM configuration says. */
export interface EsipaTarget {
	readonly eimId: string;
	readonly eimFqdn: string | undefined;
	readonly trustedTlsKey: { readonly publicKey: Uint8Array } | { readonly certificate: Uint8Array } | undefined;
}

export interface HttpAsn1Options {
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

const PATH = "/gsma/rsp2/asn1";
const MEDIA_TYPE = "application/x-gsma-rsp-asn1";
/** A connection that was idle for longer may be closed by the other end just as it is used again. */
const LONGEST_IDLE = Seconds(3);

/**
 * ESipa over HTTPS in the ASN.1 binding (SGP.32 §6.3): one message per POST, without a wrapper. Statuses other than
 * success are errors of the link; errors of the function are inside the message.
 * @throws EsipaLinkError IPA_EIM_ADDRESS_MISSING, IPA_EIM_TRUST_MISSING
 */
export function httpAsn1Link(target: EsipaTarget, options: HttpAsn1Options): EsipaLink {
	if (target.eimFqdn === undefined || target.eimFqdn === "") {
		throw new EsipaLinkError(
			"IPA_EIM_ADDRESS_MISSING",
			`the card's configuration of eIM "${target.eimId}" has no FQDN`,
		);
	}
	const url = `https://${target.eimFqdn}${PATH}`;
	const tls = trustOf(target, options.fallbackCa ?? []);
	const makeClient = options.makeClient ?? ((trust) => createHttpClient(clientOptions(trust, options)));
	const headers = {
		"Content-Type": MEDIA_TYPE,
		Accept: MEDIA_TYPE,
		"User-Agent": "gsma-rsp-ipad",
		"X-Admin-Protocol": `gsma/rsp/v${options.adminProtocol ?? "2.5.0"}`,
	};
	let client: HttpClient | undefined;
	let lastUse = 0;
	const drop = () => {
		client?.close();
		client = undefined;
	};
	return {
		name: target.eimFqdn,
		exchange: async (message, signal) => {
			if (options.clock.now() - lastUse > LONGEST_IDLE) drop();
			client ??= makeClient(tls);
			try {
				const answer = await client.request({
					method: "POST",
					url,
					headers,
					body: message,
					...(signal === undefined ? {} : { signal }),
				});
				lastUse = options.clock.now();
				return bodyOf(url, answer);
			} catch (cause) {
				drop();
				if (cause instanceof EsipaLinkError) throw cause;
				throw unreachable(url, cause);
			}
		},
		close: async () => drop(),
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

function trustOf(target: EsipaTarget, fallbackCa: readonly string[]): TlsTrust {
	const { trustedTlsKey } = target;
	if (trustedTlsKey !== undefined) {
		return "publicKey" in trustedTlsKey
			? { kind: "pinned", spki: trustedTlsKey.publicKey }
			: { kind: "pinned-certificate", der: trustedTlsKey.certificate };
	}
	if (fallbackCa.length > 0) return { kind: "ca", certificates: fallbackCa };
	throw new EsipaLinkError(
		"IPA_EIM_TRUST_MISSING",
		`the card's configuration of eIM "${target.eimId}" has no trustedPublicKeyDataTls, and no CA file is configured`,
	);
}

function clientOptions(tls: TlsTrust, options: HttpAsn1Options) {
	return {
		tls,
		timeout: options.timeout,
		clock: options.clock,
		...(options.hosts === undefined ? {} : { hosts: options.hosts }),
		...(options.proxy === undefined ? {} : { proxy: options.proxy }),
	};
}
