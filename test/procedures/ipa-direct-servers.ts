import { asn1Binding } from "@iot-esim/ipa/es9plus/asn1-binding";
import { Es9PlusClient } from "@iot-esim/ipa/es9plus/es9plus-client";
import { poster } from "@iot-esim/ipa/es9plus/http";
import { jsonBinding } from "@iot-esim/ipa/es9plus/json-binding";
import { TransportError } from "@iot-esim/shared/transport/errors";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import type { Side } from "../conformance/functions.ts";
import { observeServer } from "../conformance/observation.ts";

interface Request {
	readonly url: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: Uint8Array;
}

/** SM-DP+ and SM-DS in this process, by their names; what has no handler cannot be reached. */
export class InProcessServers {
	readonly handlers = new Map<string, HttpHandler>();
	/** Host and path of every request. */
	readonly requests: string[] = [];
	isReachable: (host: string) => boolean = () => true;
	/** Takes the place of a handler, for answers that no server of ours gives. */
	instead: (host: string, path: string) => { readonly status: number; readonly body: Uint8Array } | undefined = () =>
		undefined;

	/** @param caller whose request it is */
	async request({ url, headers = {}, body = new Uint8Array(0) }: Request, caller: Side = "eIM") {
		const { hostname, pathname } = new URL(url);
		const handler = this.handlers.get(hostname);
		if (handler === undefined || !this.isReachable(hostname)) {
			throw new TransportError("TRANSPORT_UNREACHABLE", `${hostname}: connection refused`);
		}
		this.requests.push(`${hostname}${pathname}`);
		const instead = this.instead(hostname, pathname);
		if (instead !== undefined) return { ...instead, headers: {} };
		observeServer(hostname.startsWith("smds") ? "SM-DS" : "SM-DP+", caller, pathname, body);
		const answer = await handler({
			method: "POST",
			path: pathname,
			headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
			body,
			remoteAddress: "192.0.2.2",
			signal: new AbortController().signal,
		});
		const { body: given = new Uint8Array(0), status } = answer;
		return { status, headers: {}, body: given instanceof Uint8Array ? given : new TextEncoder().encode(String(given)) };
	}

	/** The device's own way to them. */
	client(encoding: "json" | "asn1"): Es9PlusClient {
		const post = poster({ request: (request) => this.request(request, "IPA") });
		if (encoding === "asn1") return new Es9PlusClient(asn1Binding(post));
		return new Es9PlusClient(jsonBinding({ post, requester: "00000000", newCallId: () => "call" }));
	}
}
