import { createPrivateKey } from "node:crypto";
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type SecureVersion, TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Duration, Seconds } from "../../util/duration.ts";
import { TransportError } from "../errors.ts";
import { type HostPort, listenError } from "../tcp.ts";
import { ECDH_CURVES, isBrainpoolKey } from "./trust.ts";

/** Certificate chain (own certificate first) and private key, PEM. */
export interface ServerIdentity {
	readonly certificate: string;
	readonly key: string;
}

export interface ServerTlsOptions {
	readonly cert: string;
	readonly key: string;
	readonly minVersion: SecureVersion;
	readonly maxVersion: SecureVersion;
	readonly ecdhCurve: string;
}

/**
 * Options of node:tls for an identity on any curve; also for fastify's `https`. A brainpool key is served by TLS 1.2
 * only: OpenSSL before 3.2 has no brainpool signature in TLS 1.3.
 */
export function serverTlsOptions(identity: ServerIdentity): ServerTlsOptions {
	let isBrainpool: boolean;
	try {
		isBrainpool = isBrainpoolKey(createPrivateKey(identity.key));
	} catch (cause) {
		throw new TransportError("TRANSPORT_OPTIONS_INVALID", "the TLS private key cannot be read as PEM", { cause });
	}
	return {
		cert: identity.certificate,
		key: identity.key,
		minVersion: "TLSv1.2",
		maxVersion: isBrainpool ? "TLSv1.2" : "TLSv1.3",
		ecdhCurve: ECDH_CURVES,
	};
}

/** A request with its whole body. */
export interface IncomingRequest {
	readonly method: string;
	/** Path and query as sent. */
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: Uint8Array;
	readonly remoteAddress: string;
	/** Stands for the connection that it came over: the same object as long as that lasts. */
	readonly connection?: object;
	/**
	 * DER of the certificate whose key the client has proven to hold; only where the listener asks for one. Nothing else
	 * of it is checked: whom it stands for is for the handler to say.
	 */
	readonly clientCertificate?: Uint8Array | undefined;
	/** Aborted when the client goes away before the answer is complete. */
	readonly signal: AbortSignal;
}

export interface OutgoingResponse {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	/** A whole body, or pieces as they come (server-sent events). */
	readonly body?: Uint8Array | string | AsyncIterable<string | Uint8Array>;
}

export type HttpHandler = (request: IncomingRequest) => Promise<OutgoingResponse> | OutgoingResponse;

export interface HttpListenerOptions {
	/** Largest request body, in octets; 16 MiB when absent. Larger ones are answered 413. */
	readonly maxBodyBytes?: number;
	/** Longest time for a whole request to arrive; 60 s when absent. */
	readonly requestTimeout?: Duration;
	/** How long an idle connection is kept; 75 s when absent. */
	readonly keepAliveTimeout?: Duration;
	/** Connections at once; what comes on top is closed at once. Without a bound when absent. */
	readonly maxConnections?: number;
	/** How long `close` waits for answers under way; 5 s when absent. */
	readonly closeTimeout?: Duration;
	readonly clock?: Clock;
	/** Told of a handler that threw; the client gets 500 without any detail. */
	readonly onError?: (error: unknown, request: IncomingRequest) => void;
}

export interface HttpListener {
	/** @throws TransportError TRANSPORT_LISTEN_FAILED */
	listen(address: HostPort): Promise<HostPort>;
	/** Stops listening, lets answers under way finish, then closes every connection. */
	close(): Promise<void>;
}

/** An HTTP/1.1 listener without TLS. */
export function createHttpListener(handler: HttpHandler, options: HttpListenerOptions = {}): HttpListener {
	return listenerOver(http.createServer({ noDelay: true }), handler, options);
}

/** An HTTPS listener; keys on P-256 and brainpoolP256r1 both work. */
export function createHttpsListener(
	handler: HttpHandler,
	options: HttpListenerOptions & {
		readonly identity: ServerIdentity;
		/** Asks clients for a certificate, but takes those without one too; false when absent. */
		readonly asksForCertificate?: boolean;
	},
): HttpListener {
	const asking = options.asksForCertificate ? { requestCert: true, rejectUnauthorized: false } : {};
	const tls = { ...serverTlsOptions(options.identity), ...asking, handshakeTimeout: HANDSHAKE_TIMEOUT };
	const server = https.createServer({ ...tls, noDelay: true });
	return listenerOver(server, handler, options);
}

/** NB-IoT needs some seconds for a handshake; who takes longer only holds a connection. */
const HANDSHAKE_TIMEOUT = Seconds(60);

const DEFAULT_MAX_BODY = 16 * 1024 * 1024;

function listenerOver(
	server: http.Server | https.Server,
	handler: HttpHandler,
	options: HttpListenerOptions,
): HttpListener {
	const sockets = new Set<Socket>();
	let isClosing = false;
	server.requestTimeout = options.requestTimeout ?? Seconds(60);
	server.keepAliveTimeout = options.keepAliveTimeout ?? Seconds(75);
	if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
	server.on("connection", (socket: Socket) => {
		sockets.add(socket);
		socket.once("close", () => sockets.delete(socket));
	});
	server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
		// Once closing has begun, a connection that has become idle must not be kept for another request.
		outgoing.once("close", () => isClosing && setImmediate(() => server.closeIdleConnections()));
		void serve(incoming, outgoing, handler, options);
	});
	return {
		listen: (address) =>
			new Promise((resolve, reject) => {
				server.once("error", (cause) => reject(listenError(address, cause)));
				server.listen({ host: address.host, port: address.port }, () => {
					resolve({ host: address.host, port: (server.address() as AddressInfo).port });
				});
			}),
		close: () =>
			new Promise((resolve) => {
				isClosing = true;
				const clock = options.clock ?? systemClock;
				const cancel = clock.schedule(options.closeTimeout ?? Seconds(5), () => {
					for (const socket of sockets) socket.destroy();
				});
				server.close(() => {
					cancel();
					resolve();
				});
				server.closeIdleConnections();
			}),
	};
}

/** Whether the client still waits for its answer; most handlers never ask. */
class Client {
	isGone = false;
	#gone: AbortController | undefined;

	constructor(outgoing: ServerResponse) {
		outgoing.once("close", () => {
			if (outgoing.writableFinished) return;
			this.isGone = true;
			this.#gone?.abort(wentAway());
		});
	}

	get signal(): AbortSignal {
		if (!this.#gone) {
			this.#gone = new AbortController();
			if (this.isGone) this.#gone.abort(wentAway());
		}
		return this.#gone.signal;
	}
}

function wentAway(): TransportError {
	return new TransportError("TRANSPORT_RESET", "the client went away");
}

async function serve(
	incoming: IncomingMessage,
	outgoing: ServerResponse,
	handler: HttpHandler,
	options: HttpListenerOptions,
): Promise<void> {
	const client = new Client(outgoing);
	try {
		const body = await collect(incoming, options.maxBodyBytes ?? DEFAULT_MAX_BODY);
		if (!body) return refuseTooLarge(incoming, outgoing);
		const request: IncomingRequest = {
			method: incoming.method ?? "",
			path: incoming.url ?? "/",
			headers: incoming.headers,
			body,
			remoteAddress: incoming.socket.remoteAddress ?? "",
			connection: incoming.socket,
			get clientCertificate() {
				const certificate = incoming.socket instanceof TLSSocket ? incoming.socket.getPeerX509Certificate() : undefined;
				return certificate && new Uint8Array(certificate.raw);
			},
			get signal() {
				return client.signal;
			},
		};
		try {
			await answer(outgoing, await handler(request));
		} catch (error) {
			if (client.isGone) return;
			options.onError?.(error, request);
			if (outgoing.headersSent) outgoing.destroy();
			else outgoing.writeHead(500, { "Content-Length": 0 }).end();
		}
	} catch {
		// The client broke off while it was sending: there is nobody to answer.
		outgoing.destroy();
	}
}

async function answer(outgoing: ServerResponse, response: OutgoingResponse): Promise<void> {
	const { body } = response;
	if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
		const bytes =
			body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.length) : Buffer.from(body ?? "");
		const length = response.status === 204 || response.status === 304 ? {} : { "Content-Length": bytes.length };
		outgoing.writeHead(response.status, { ...response.headers, ...length });
		outgoing.end(bytes);
		return;
	}
	outgoing.writeHead(response.status, response.headers);
	outgoing.flushHeaders();
	for await (const piece of body) {
		if (outgoing.destroyed) return;
		if (!outgoing.write(piece)) await new Promise((resolve) => outgoing.once("drain", resolve).once("close", resolve));
	}
	outgoing.end();
}

function refuseTooLarge(incoming: IncomingMessage, outgoing: ServerResponse): void {
	outgoing.writeHead(413, { "Content-Length": 0, Connection: "close" }).end();
	incoming.resume();
}

function collect(incoming: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
	if (Number(incoming.headers["content-length"] ?? 0) > limit) return Promise.resolve(undefined);
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		let length = 0;
		const take = (chunk: Buffer) => {
			length += chunk.length;
			if (length <= limit) chunks.push(chunk);
			else {
				// The connection must outlive a body that is too large, or nobody would read the 413.
				incoming.off("data", take);
				incoming.pause();
				resolve(undefined);
			}
		};
		incoming.on("data", take);
		let isWhole = false;
		incoming.once("end", () => {
			isWhole = true;
			resolve(joined(chunks, length));
		});
		incoming.once("close", () => isWhole || reject(wentAway()));
	});
}

function joined(chunks: readonly Buffer[], length: number): Uint8Array {
	const [first] = chunks;
	// What the socket has read is nobody else's.
	if (first && chunks.length === 1) return new Uint8Array(first.buffer, first.byteOffset, first.length);
	return new Uint8Array(Buffer.concat(chunks, length));
}
