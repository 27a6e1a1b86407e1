import net from "node:net";
import { TransportError, toTransportError } from "./errors.ts";

/** An address of this machine or of a peer; port 0 listens on any free port. */
export interface HostPort {
	readonly host: string;
	readonly port: number;
}

/**
 * Reads "host:port" and "[::1]:port".
 * @throws TransportError TRANSPORT_OPTIONS_INVALID
 */
export function parseHostPort(text: string, what = "address"): HostPort {
	const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s/]+)):(\d{1,5})$/.exec(text.trim());
	const port = Number(match?.[3]);
	const host = match?.[1] ?? match?.[2];
	if (host === undefined || port > 65535) {
		throw new TransportError("TRANSPORT_OPTIONS_INVALID", `${what} "${text}" is not host:port`);
	}
	return { host, port };
}

/** "host:port", with brackets around an IPv6 address. */
export function printHostPort(address: HostPort): string {
	return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Opens a TCP connection with Nagle's delay off.
 * @throws TransportError TRANSPORT_CONNECT_REFUSED, _UNREACHABLE, _NAME_UNKNOWN, _ABORTED
 */
export function connectTcp(address: HostPort, signal?: AbortSignal): Promise<net.Socket> {
	const where = `connect to ${printHostPort(address)}`;
	return new Promise((resolve, reject) => {
		if (signal?.aborted) return reject(abortError(signal, where));
		const socket = net.connect({ host: address.host, port: address.port, noDelay: true });
		const settle = () => {
			socket.off("connect", onConnect);
			socket.off("error", onError);
			signal?.removeEventListener("abort", onAbort);
		};
		const onConnect = () => {
			settle();
			resolve(socket);
		};
		const onError = (error: Error) => {
			settle();
			reject(toTransportError(error, where));
		};
		const onAbort = () => {
			settle();
			socket.on("error", () => undefined);
			socket.destroy();
			reject(signal && abortError(signal, where));
		};
		socket.once("connect", onConnect);
		socket.once("error", onError);
		signal?.addEventListener("abort", onAbort, { once: true });
	});
}

/** The reason of an aborted signal when it is typed, else TRANSPORT_ABORTED. */
export function abortError(signal: AbortSignal, where: string): TransportError {
	if (signal.reason instanceof TransportError) return signal.reason;
	return new TransportError("TRANSPORT_ABORTED", `${where}: given up by the caller`, { cause: signal.reason });
}

/** A TCP port that is open. */
export interface TcpListener {
	readonly address: HostPort;
	/** Stops listening and closes every open connection. */
	close(): Promise<void>;
}

/**
 * Listens and hands over every connection, with Nagle's delay off.
 * @throws TransportError TRANSPORT_LISTEN_FAILED
 */
export function listenTcp(address: HostPort, onSocket: (socket: net.Socket) => void): Promise<TcpListener> {
	const sockets = new Set<net.Socket>();
	const server = net.createServer({ noDelay: true }, (socket) => {
		sockets.add(socket);
		socket.once("close", () => sockets.delete(socket));
		onSocket(socket);
	});
	return new Promise((resolve, reject) => {
		server.once("error", (cause) => reject(listenError(address, cause)));
		server.listen({ host: address.host, port: address.port }, () => {
			resolve({
				address: { host: address.host, port: (server.address() as net.AddressInfo).port },
				close: () =>
					new Promise((done) => {
						server.close(() => done());
						for (const socket of sockets) socket.destroy();
					}),
			});
		});
	});
}

export function listenError(address: HostPort, cause: Error): TransportError {
	const message = `cannot listen at ${printHostPort(address)}: ${cause.message}`;
	return new TransportError("TRANSPORT_LISTEN_FAILED", message, { cause });
}
