import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import { utf8 } from "@iot-esim/shared/util/bytes";

/** Sends a JSON body by POST, as ES2+, ES12 and ES15 do. */
export type PostJson = (url: string, body: string) => Promise<{ readonly status: number; readonly body: string }>;

/** Over an HTTP client, with the headers of SGP.22 section 6.2. */
export function postJsonOver(client: HttpClient): PostJson {
	return async (url, body) => {
		const headers = { "Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.5.0" };
		const response = await client.request({ method: "POST", url, headers, body: utf8(body) });
		return { status: response.status, body: new TextDecoder().decode(response.body) };
	};
}
