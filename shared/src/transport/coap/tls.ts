/** CoAP over TLS (RFC 8323 section 8.2): coaps+tcp. */

import type { AddressInfo, Socket } from "node:net";
import { createServer, TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Duration, Hours, Seconds } from "../../util/duration.ts";
import type { ProvenPeer } from "../datagram.ts";
import { TransportError, toTransportError } from "../errors.ts";
import { expiryOf } from "../expiry.ts";
import { FairRoom } from "../fair-room.ts";
import { parseProxy } from "../http/client.ts";
import { type Connect, openConnection } from "../http/connect.ts";
import { type ServerIdentity, serverTlsOptions } from "../http/server.ts";
import type { TlsSessions } from "../http/tls-sessions.ts";
import { type ClientIdentity, prepareTrust, type TlsTrust } from "../http/trust.ts";
import { peerOwner } from "../peer-owner.ts";
import { type HostPort, listenError, printHostPort, type TcpListener } from "../tcp.ts";
import type { LabKeyLog } from "./lab-key-log.ts";
import { StreamChannel } from "./stream-channel.ts";

/** Of DTLS and of TLS. */
export const COAPS_PORT = 5684;

const ALPN = ["coap"];

export interface CoapTlsListenOptions extends HostPort {
	readonly identity: ServerIdentity;
	/** CA certificates (PEM): clients need a certificate under one of them; none is asked for one when absent. */
	readonly clientCa?: readonly string[];
	/** Told about handshakes that fail, for logs; the address is not known of each. */
	readonly onHandshakeFailed?: (remoteAddress: string | undefined, error: TransportError) => void;
	/**
	 * Open connections at once, and handshakes at once. For one more that is open the one silent for longest is ended, of a
	 * host with more than half of them first; one more handshake is refused, unless a host has far more than the newcomer's.
	 */
	readonly maxConnections?: number;
	/** A connection on which nothing moves for so long is ended. */
	readonly idleTimeout?: Duration;
	readonly labKeyLog?: LabKeyLog | undefined;
	/** By which a certificate expires whose session is resumed; the system's when absent. */
	readonly clock?: Clock;
}

/**
 * The TCP connections of a listener, by where they come from: TLS has a socket of its own for each. Those whose handshake
 * is under way and those that are open have as much room each.
 */
class Connections {
	readonly #maximum: number;
	readonly #sockets = new Map<string, Socket>();
	readonly #pending = new FairRoom<Socket>();
	readonly #open = new FairRoom<Socket>();
	#order = 0;

	constructor(maximum: number) {
		this.#maximum = maximum;
	}

	/** False when there is no room: who is refused has lost nothing yet. */
	add(socket: Socket): boolean {
		const owner = peerOwner(socket.remoteAddress ?? "");
		if (this.#pending.size >= this.#maximum) {
			const given = this.#pending.newestOfTooMany(this.#maximum, owner);
			if (given === undefined) return false;
			this.#end(given);
		}
		const key = peerOf(socket);
		this.#sockets.set(key, socket);
		this.#pending.put(socket, owner, this.#order++);
		socket.once("close", () => {
			this.#pending.delete(socket);
			this.#open.delete(socket);
			if (this.#sockets.get(key) === socket) this.#sockets.delete(key);
		});
		return true;
	}

	/** The handshake is done. Devices that lost their power leave connections behind that nobody ends: one of those goes. */
	secured(secure: TLSSocket): void {
		const socket = this.#sockets.get(peerOf(secure));
		if (socket === undefined) return;
		this.#pending.delete(socket);
		const silent = this.#open.longestSilent(this.#maximum);
		if (silent !== undefined) this.#end(silent);
		this.#open.put(socket, peerOwner(socket.remoteAddress ?? ""), this.#order++);
	}

	heard(secure: TLSSocket): void {
		const socket = this.#sockets.get(peerOf(secure));
		if (socket !== undefined) this.#open.touch(socket, this.#order++);
	}

	end(): void {
		for (const socket of [...this.#pending.all(), ...this.#open.all()]) this.#end(socket);
	}

	#end(socket: Socket): void {
		this.#pending.delete(socket);
		this.#open.delete(socket);
		socket.destroy();
	}
}

function peerOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
	return printHostPort({ host: remoteAddress, port: remotePort });
}

/** @throws TransportError TRANSPORT_LISTEN_FAILED, TRANSPORT_OPTIONS_INVALID */
export function listenCoapTls(
	options: CoapTlsListenOptions,
	onConnection: (stream: TLSSocket, peer: { remoteAddress: string; proven?: ProvenPeer | undefined }) => void,
): Promise<TcpListener> {
	const { host, port, identity, clientCa, maxConnections, idleTimeout = Hours(1), labKeyLog } = options;
	const { clock = systemClock } = options;
	if (clientCa?.length === 0) {
		throw new TransportError("TRANSPORT_OPTIONS_INVALID", "no CA is named for clients, so nobody could come in");
	}
	const asking = clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: true, ca: [...clientCa] };
	const server = createServer({
		...serverTlsOptions(identity),
		...asking,
		ALPNProtocols: ALPN,
		// NB-IoT needs some seconds for a handshake; who takes longer only holds a connection.
		handshakeTimeout: Seconds(60),
		noDelay: true,
	});
	const connections = new Connections(maxConnections ?? Infinity);
	server.on("connection", (socket: Socket) => {
		if (!connections.add(socket)) socket.destroy();
	});
	server.on("tlsClientError", (cause, socket) => {
		const remoteAddress = socket.remoteAddress === undefined ? undefined : peerOf(socket);
		options.onHandshakeFailed?.(remoteAddress, handshakeError(cause, socket));
	});
	if (labKeyLog !== undefined) server.on("keylog", (line) => labKeyLog(line.toString("latin1")));
	server.on("secureConnection", (socket) => {
		const proven = provenBy(socket);
		const refusal = socket.isSessionReused() ? expiryOf(proven, clock.now()) : undefined;
		if (refusal !== undefined) {
			options.onHandshakeFailed?.(peerOf(socket), new TransportError("TRANSPORT_TLS_UNTRUSTED", refusal));
			socket.destroy();
			return;
		}
		connections.secured(socket);
		socket.setTimeout(idleTimeout, () => socket.end());
		// Unlike `on`, it does not let the stream flow before it has its reader.
		socket.prependListener("data", () => connections.heard(socket));
		onConnection(socket, { remoteAddress: peerOf(socket), proven });
	});
	return new Promise((resolve, reject) => {
		server.once("error", (cause) => reject(listenError({ host, port }, cause)));
		server.listen({ host, port }, () => {
			resolve({
				address: { host, port: (server.address() as AddressInfo).port },
				close: () =>
					new Promise((done) => {
						server.close(() => done());
						connections.end();
					}),
			});
		});
	});
}

/** Node ends a connection whose certificate it does not trust as if the client had. */
function handshakeError(cause: Error, { authorizationError }: TLSSocket): TransportError {
	if (!authorizationError) return toTransportError(cause, "TLS with a client");
	const message = `the client's certificate is not trusted: ${String(authorizationError)}`;
	return new TransportError("TRANSPORT_TLS_UNTRUSTED", message);
}

export interface CoapTlsConnectOptions extends HostPort {
	readonly trust: TlsTrust;
	readonly identity?: ClientIdentity;
	/** `name[:port]` → `host:port`. */
	readonly hosts?: Readonly<Record<string, string>>;
	/** "http://host:port": the only way out. */
	readonly proxy?: string;
	/** The stream below TLS, for what has another way out than this machine's network. */
	readonly connect?: Connect;
	/** To come back with; every handshake is a full one when absent. What came back shows no certificate. */
	readonly sessions?: TlsSessions;
	readonly clock: Clock;
	/** Octets of the longest message that is taken from the server. */
	readonly maxMessage: number;
	readonly signal: AbortSignal;
	readonly labKeyLog?: LabKeyLog | undefined;
}

/**
 * Opens a connection on which the server has proven to be the trusted one.
 * @throws TransportError TRANSPORT_TLS_UNTRUSTED, _CONNECT_REFUSED, _OPTIONS_INVALID ...
 */
export async function connectCoapTls(options: CoapTlsConnectOptions): Promise<StreamChannel> {
	const { host, port, trust, identity, hosts = {}, proxy, connect, sessions, clock, maxMessage, signal } = options;
	const { labKeyLog } = options;
	const route = {
		hosts,
		proxy: proxy === undefined ? undefined : parseProxy(proxy),
		connect,
		trust: prepareTrust(trust, identity),
		alpn: ALPN,
		sessions,
		labKeyLog,
	};
	const stream = await openConnection({ host, port }, true, route, signal);
	const proven = stream instanceof TLSSocket ? provenBy(stream) : undefined;
	return new StreamChannel(stream, { clock, remoteAddress: printHostPort({ host, port }), proven, maxMessage });
}

function provenBy(socket: TLSSocket): ProvenPeer | undefined {
	const certificate = socket.getPeerX509Certificate();
	if (certificate === undefined) return undefined;
	const publicKey = new Uint8Array(certificate.publicKey.export({ format: "der", type: "spki" }));
	return { certificate: new Uint8Array(certificate.raw), publicKey };
}
