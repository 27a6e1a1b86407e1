import { adminProtocol } from "@iot-esim/shared/messages/sgp22/admin-protocol";
import type { IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import type { EsipaConnection, EsipaPeer } from "../esipa/esipa-deps.ts";

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
export function rememberedPeers(
	link?: EsipaPeer["link"],
): (request: Pick<IncomingRequest, "remoteAddress" | "connection">) => EsipaPeer {
	const connections = new WeakMap<object, EsipaConnection>();
	return ({ remoteAddress, connection: of }) => {
		if (of === undefined) return { remoteAddress, link };
		const connection = connections.get(of) ?? {};
		connections.set(of, connection);
		return { remoteAddress, connection, link };
	};
}

/** What stands in front of the parameters of a Content-Type, in lower case. */
export function mediaTypeOf(contentType: string | undefined): string {
	return (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): OutgoingResponse {
	return { status, headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" }, body: `${text}\n` };
}
