import { EsimError } from "@iot-esim/shared/util/errors";
import { Es9PlusError } from "./errors.ts";

/** The part of an HTTP client that ES9+ needs; its trust in the CI comes with it. */
export interface Es9PlusHttp {
	request(request: {
		readonly method: "POST";
		readonly url: string;
		readonly headers: Readonly<Record<string, string>>;
		readonly body: Uint8Array;
	}): Promise<{ readonly status: number; readonly body: Uint8Array }>;
}

/** The version of SGP.22 that this client speaks. */
const ADMIN_PROTOCOL = "gsma/rsp/v2.5.0";

/** The eIM calls on behalf of an IPA, and SM-DP+ know LPAs only by this name (SGP.22 section 6.2). */
const USER_AGENT = "gsma-rsp-lpad";

/**
 * One POST to an SM-DP+.
 * @throws Es9PlusError ES9PLUS_ADDRESS_INVALID, ES9PLUS_UNREACHABLE, ES9PLUS_HTTP_STATUS
 */
export async function post(
	http: Es9PlusHttp,
	address: string,
	path: string,
	contentType: string,
	body: Uint8Array,
): Promise<Uint8Array> {
	const url = `https://${checkedAddress(address)}${path}`;
	const headers = {
		"Content-Type": contentType,
		Accept: contentType,
		"User-Agent": USER_AGENT,
		"X-Admin-Protocol": ADMIN_PROTOCOL,
	};
	let response: { readonly status: number; readonly body: Uint8Array };
	try {
		response = await http.request({ method: "POST", url, headers, body });
	} catch (cause) {
		if (!(cause instanceof EsimError)) throw cause;
		const refusal = refusalIn(cause);
		if (refusal !== undefined) throw refusal;
		throw new Es9PlusError("ES9PLUS_UNREACHABLE", `${address}: ${cause.message}`, { cause, context: { address } });
	}
	const { status } = response;
	if (status < 200 || status > 299) {
		throw new Es9PlusError("ES9PLUS_HTTP_STATUS", `${address} answered ${status} to ${path}`, {
			context: { address, status },
		});
	}
	return response.body;
}

/** The host policy has its say within the connection. */
function refusalIn(error: unknown): Es9PlusError | undefined {
	if (error instanceof Es9PlusError) return error;
	return error instanceof Error && error.cause !== undefined ? refusalIn(error.cause) : undefined;
}

/** Addresses come from activation codes and from cards: nothing but a name and a port may get into a URL. */
function checkedAddress(address: string): string {
	if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?(:\d{1,5})?$/.test(address)) {
		throw new Es9PlusError("ES9PLUS_ADDRESS_INVALID", `"${address.slice(0, 80)}" is no address of an SM-DP+`);
	}
	return address;
}
