import type { Clock } from "@iot-esim/shared/runtime/clock";
import { type Connect, createHttpClient, type HttpClient } from "@iot-esim/shared/transport/http/client";
import type { Duration } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { Es9PlusLinkError } from "./errors.ts";

/** One POST to an SM-DP+ or SM-DS; the body of a success. */
export type Post = (
	address: string,
	path: string,
	contentType: string,
	body: Uint8Array,
	signal?: AbortSignal,
) => Promise<Uint8Array>;

export interface Es9PlusHttpOptions {
	/** PEM certificates of the CIs that servers have to lead to. */
	readonly ciCertificates: readonly string[];
	readonly clock: Clock;
	/** Longest time for one exchange. */
	readonly timeout: Duration;
	/** `name[:port]` → `host:port`. */
	readonly hosts?: Readonly<Record<string, string>>;
	/** "http://host:port": the device's only way out, when its modem is a proxy. */
	readonly proxy?: string;
	/** Opens every connection, where the way out is none of this machine's. */
	readonly connect?: Connect;
}

/** Servers know a device that speaks for itself by this name (SGP.22 §6.2). */
const USER_AGENT = "gsma-rsp-lpad";
const ADMIN_PROTOCOL = "gsma/rsp/v2.5.0";
const ADDRESS = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?(:\d{1,5})?$/;

/** The HTTP client of ES9+: TLS under the CIs, no connection kept from one download to the next. */
export function es9PlusHttpClient(options: Es9PlusHttpOptions): HttpClient {
	return createHttpClient({
		tls: { kind: "ca", certificates: options.ciCertificates },
		timeout: options.timeout,
		clock: options.clock,
		keepAlive: false,
		...(options.hosts === undefined ? {} : { hosts: options.hosts }),
		...(options.proxy === undefined ? {} : { proxy: options.proxy }),
		...(options.connect === undefined ? {} : { connect: options.connect }),
	});
}

/** Addresses come from activation codes, cards and events: nothing but a name and a port may get into a URL. */
export function poster(client: Pick<HttpClient, "request">): Post {
	return async (address, path, contentType, body, signal) => {
		if (!ADDRESS.test(address)) {
			const shown = address.slice(0, 80);
			throw new Es9PlusLinkError("IPA_RSP_ADDRESS_INVALID", `"${shown}" is no address of an SM-DP+ or SM-DS`);
		}
		const url = `https://${address}${path}`;
		const headers = {
			"Content-Type": contentType,
			Accept: contentType,
			"User-Agent": USER_AGENT,
			"X-Admin-Protocol": ADMIN_PROTOCOL,
		};
		const answer = await client
			.request({ method: "POST", url, headers, body, ...(signal === undefined ? {} : { signal }) })
			.catch((cause: unknown) => {
				throw unreachable(address, cause);
			});
		if (answer.status >= 200 && answer.status < 300) return answer.body;
		throw new Es9PlusLinkError("IPA_RSP_STATUS", `${address} answered ${path} with HTTP status ${answer.status}`, {
			context: { status: answer.status },
		});
	};
}

function unreachable(address: string, cause: unknown): Es9PlusLinkError {
	const reason = cause instanceof Error ? cause.message : String(cause);
	const transportCode = cause instanceof EsimError ? cause.code : undefined;
	return new Es9PlusLinkError("IPA_RSP_UNREACHABLE", `${address}: ${reason}`, { cause, context: { transportCode } });
}
