import http, { type IncomingHttpHeaders } from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Duration } from "../../util/duration.ts";
import { TransportError, toTransportError } from "../errors.ts";
import { parseHostPort } from "../tcp.ts";
import { type Connect, openConnection, type Route } from "./connect.ts";
import type { TlsSessions } from "./tls-sessions.ts";
import { type ClientIdentity, prepareTrust, type TlsTrust } from "./trust.ts";

export type { Connect } from "./connect.ts";
export type { ClientIdentity, TlsTrust } from "./trust.ts";

export interface HttpRequest {
	readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
	/** http:// or https://, with the RSP name as host. */
	readonly url: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: Uint8Array;
	readonly signal?: AbortSignal;
}

export interface HttpResponse {
	readonly status: number;
	/** Names in lower case. */
	readonly headers: IncomingHttpHeaders;
	readonly body: Uint8Array;
}

/** Bytes over HTTP. Any status is a response; errors are for what never became one. */
export interface HttpClient {
	/** @throws TransportError */
	request(request: HttpRequest): Promise<HttpResponse>;
	/** Closes idle connections and rejects requests under way with TRANSPORT_CLOSED. */
	close(): void;
}

export interface HttpClientOptions {
	readonly tls: TlsTrust;
	/** What the client shows a server that asks who it is. */
	readonly identity?: ClientIdentity;
	/** `name[:port]` → `host:port`: where to connect instead, the name staying the same for TLS and Host. */
	readonly hosts?: Readonly<Record<string, string>>;
	/** "http://host:port" of a proxy; every connection is a CONNECT tunnel through it. */
	readonly proxy?: string;
	/** Opens every connection, before any TLS; the network of this machine when absent. Leaves `proxy` no meaning. */
	readonly connect?: Connect;
	/** Longest time from the call to the last octet of the answer. */
	readonly timeout: Duration;
	/** To come back to servers with, kept longer than this client; every handshake is a full one when absent. */
	readonly sessions?: TlsSessions;
	/** Keep connections open between requests. True when absent. */
	readonly keepAlive?: boolean;
	/** Largest response body, in octets; 16 MiB when absent. */
	readonly maxResponseBytes?: number;
	readonly clock?: Clock;
}

const DEFAULT_MAX_RESPONSE = 16 * 1024 * 1024;

/**
 * An HTTP/1.1 client for one kind of trust. Nothing is ever sent a second time: after TRANSPORT_RESET or TRANSPORT_TIMEOUT
 * the caller decides.
 * @throws TransportError TRANSPORT_OPTIONS_INVALID
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
	const route: Route = {
		hosts: options.hosts ?? {},
		proxy: options.proxy === undefined ? undefined : parseProxy(options.proxy),
		connect: options.connect,
		trust: prepareTrust(options.tls, options.identity),
		sessions: options.sessions,
	};
	const closing = new AbortController();
	const agentOptions = { keepAlive: options.keepAlive ?? true, maxFreeSockets: 16 };
	const agents = {
		"http:": withConnection(new http.Agent(agentOptions), route, false, closing.signal),
		"https:": withConnection(new https.Agent(agentOptions), route, true, closing.signal),
	};
	return {
		request: (request) => send(request, options, agents, closing.signal),
		close: () => {
			closing.abort(new TransportError("TRANSPORT_CLOSED", "the HTTP client was closed"));
			for (const agent of Object.values(agents)) agent.destroy();
		},
	};
}

type ConnectionCallback = (error: Error | null, socket?: Duplex) => void;

/** Requests carry the signal that ends their own wait for a connection. */
const SIGNAL = Symbol("signal");
type ConnectionOptions = { host?: string; port?: number | string; [SIGNAL]?: AbortSignal };

/** Lets an agent open its connections by our own way; it gets a socket only when that is proven trustworthy. */
function withConnection<A extends http.Agent>(agent: A, route: Route, isSecure: boolean, closing: AbortSignal): A {
	const createConnection = (options: ConnectionOptions, done: ConnectionCallback): undefined => {
		const target = { host: options.host ?? "", port: Number(options.port) };
		openConnection(target, isSecure, route, options[SIGNAL] ?? closing).then(
			(socket) => done(null, socket),
			(error: Error) => done(error),
		);
	};
	return Object.assign(agent, { createConnection });
}

async function send(
	request: HttpRequest,
	options: HttpClientOptions,
	agents: Readonly<Record<string, http.Agent>>,
	closing: AbortSignal,
): Promise<HttpResponse> {
	const url = parseUrl(request.url);
	const where = `${request.method} ${url.origin}${url.pathname}`;
	const agent = agents[url.protocol];
	if (!agent) throw new TransportError("TRANSPORT_OPTIONS_INVALID", `${request.url} is neither http nor https`);
	const giveUp = new AbortController();
	const onClosing = () => giveUp.abort(closing.reason);
	const onCaller = () => giveUp.abort(toAborted(request.signal?.reason, where));
	if (closing.aborted) throw closing.reason;
	if (request.signal?.aborted) throw toAborted(request.signal.reason, where);
	closing.addEventListener("abort", onClosing, { once: true });
	request.signal?.addEventListener("abort", onCaller, { once: true });
	const cancelTimer = (options.clock ?? systemClock).schedule(options.timeout, () => {
		giveUp.abort(new TransportError("TRANSPORT_TIMEOUT", `${where}: no complete answer within ${options.timeout} ms`));
	});
	try {
		return await exchange(request, url, agent, options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE, giveUp.signal);
	} catch (error) {
		throw giveUp.signal.aborted ? giveUp.signal.reason : toTransportError(error, where);
	} finally {
		cancelTimer();
		closing.removeEventListener("abort", onClosing);
		request.signal?.removeEventListener("abort", onCaller);
	}
}

function exchange(
	request: HttpRequest,
	url: URL,
	agent: http.Agent,
	limit: number,
	signal: AbortSignal,
): Promise<HttpResponse> {
	const body = request.body ?? new Uint8Array(0);
	const hasBody = request.body !== undefined || !["GET", "HEAD", "DELETE"].includes(request.method);
	const requestOptions: http.RequestOptions & { [SIGNAL]: AbortSignal } = {
		agent,
		method: request.method,
		protocol: url.protocol,
		host: url.hostname.replace(/^\[|\]$/g, ""),
		port: url.port || (url.protocol === "https:" ? 443 : 80),
		path: url.pathname + url.search,
		headers: { ...request.headers, Host: url.host, ...(hasBody ? { "Content-Length": body.length } : {}) },
		[SIGNAL]: signal,
	};
	return new Promise((resolve, reject) => {
		const outgoing = http.request(requestOptions);
		const onAbort = () => outgoing.destroy(signal.reason);
		const settle = () => signal.removeEventListener("abort", onAbort);
		signal.addEventListener("abort", onAbort, { once: true });
		outgoing.on("error", (error) => {
			settle();
			reject(error);
		});
		outgoing.on("response", (incoming) => {
			collect(incoming, limit)
				.then((received) => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: received }))
				.catch((error) => {
					outgoing.destroy();
					reject(error);
				})
				.finally(settle);
		});
		outgoing.end(body);
	});
}

async function collect(incoming: http.IncomingMessage, limit: number): Promise<Uint8Array> {
	const announced = Number(incoming.headers["content-length"] ?? 0);
	const chunks: Buffer[] = [];
	let length = 0;
	const tooLarge = () =>
		new TransportError("TRANSPORT_RESPONSE_TOO_LARGE", `the response body is larger than ${limit} octets`, {
			context: { limit, announced },
		});
	if (announced > limit && incoming.method !== "HEAD") {
		incoming.destroy();
		throw tooLarge();
	}
	for await (const chunk of incoming as AsyncIterable<Buffer>) {
		length += chunk.length;
		if (length > limit) throw tooLarge();
		chunks.push(chunk);
	}
	return new Uint8Array(Buffer.concat(chunks));
}

function toAborted(reason: unknown, where: string): TransportError {
	if (reason instanceof TransportError) return reason;
	return new TransportError("TRANSPORT_ABORTED", `${where}: given up by the caller`, { cause: reason });
}

function parseUrl(text: string): URL {
	try {
		return new URL(text);
	} catch (cause) {
		throw new TransportError("TRANSPORT_OPTIONS_INVALID", `"${text}" is not a URL`, { cause });
	}
}

export function parseProxy(text: string): { host: string; port: number } {
	const match = /^http:\/\/([^/]+)\/?$/.exec(text);
	if (!match?.[1]) throw new TransportError("TRANSPORT_OPTIONS_INVALID", `proxy "${text}" is not http://host:port`);
	return parseHostPort(match[1], "proxy");
}
