import type { IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import type { EsipaConnection, EsipaPeer } from "../esipa/esipa-deps.ts";

/** The newest RSP version that this eIM speaks; the version of a request is echoed when it is not newer. */
const NEWEST_PROTOCOL = [2, 5, 0] as const;

/**
 * The version to answer in: the peer's, or ours when the peer's is newer or not given. Peers of this field send anything
 * from v1.0.0 to v2.4.0, so no version is refused.
 */
export function adminProtocol(header: string | string[] | undefined): string {
	const text = Array.isArray(header) ? header[0] : header;
	const match = /^gsma\/rsp\/v(\d+)\.(\d+)\.(\d+)$/.exec(text?.trim() ?? "");
	const ours = `gsma/rsp/v${NEWEST_PROTOCOL.join(".")}`;
	if (match === null) return ours;
	const theirs = match.slice(1).map(Number);
	for (const [i, part] of NEWEST_PROTOCOL.entries()) {
		const other = theirs[i] ?? 0;
		if (other !== part) return other < part ? match[0] : ours;
	}
	return match[0];
}

/** Remembers the last answer of `adminProtocol`: a fleet says the same again and again. */
export function rememberedAdminProtocol(): (header: string | string[] | undefined) => string {
	let asked: string | string[] | undefined;
	let answered = adminProtocol(undefined);
	return (header) => {
		if (header === asked) return answered;
		answered = adminProtocol(header);
		asked = header;
		return answered;
	};
}

/** The sender of a request; what a connection has shown is remembered as long as the connection lasts. */
export function rememberedPeers(): (request: IncomingRequest) => EsipaPeer {
	const connections = new WeakMap<object, EsipaConnection>();
	return ({ remoteAddress, connection: of }) => {
		if (of === undefined) return { remoteAddress };
		const connection = connections.get(of) ?? {};
		connections.set(of, connection);
		return { remoteAddress, connection };
	};
}

/** What stands in front of the parameters of a Content-Type, in lower case. */
export function mediaTypeOf(contentType: string | undefined): string {
	return (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): OutgoingResponse {
	return { status, headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" }, body: `${text}\n` };
}
