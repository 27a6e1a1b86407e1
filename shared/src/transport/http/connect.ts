import http from "node:http";
import net, { type Socket } from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { TransportError, toTransportError } from "../errors.ts";
import { abortError, connectTcp, type HostPort, parseHostPort, printHostPort } from "../tcp.ts";
import type { TlsSessions } from "./tls-sessions.ts";
import type { PreparedTrust } from "./trust.ts";

/** A stream of octets to a server, for what has another way out than this machine's network. */
export type Connect = (address: HostPort, signal: AbortSignal) => Promise<Duplex>;

/** The way to a server: mapped names, a proxy, and what TLS must prove. */
export interface Route {
	readonly hosts: Readonly<Record<string, string>>;
	readonly proxy: HostPort | undefined;
	readonly connect?: Connect | undefined;
	readonly trust: PreparedTrust | undefined;
	/** Protocols to offer inside TLS (ALPN); HTTP/1.1 when absent. */
	readonly alpn?: readonly string[];
	/** To come back with; every handshake is a full one when absent. */
	readonly sessions?: TlsSessions | undefined;
	/** LAB ONLY: gets the lines of an NSS key log. */
	readonly labKeyLog?: ((line: string) => void) | undefined;
}

/** `name[:port]` → `host:port` as curl's --connect-to; the entry with the port wins. */
export function mappedAddress(hosts: Readonly<Record<string, string>>, target: HostPort): HostPort {
	const name = target.host.toLowerCase();
	for (const [key, value] of Object.entries(hosts)) {
		if (key.toLowerCase() === `${name}:${target.port}`) return parseHostPort(value, `hosts entry of ${key}`);
	}
	for (const [key, value] of Object.entries(hosts)) {
		if (key.toLowerCase() === name) return parseHostPort(value, `hosts entry of ${key}`);
	}
	return target;
}

/**
 * Opens a connection to a server of a URL: TCP or a tunnel through the proxy, then TLS with the trust checked. Nothing of
 * a request can have been sent when this rejects.
 */
export async function openConnection(
	target: HostPort,
	isSecure: boolean,
	route: Route,
	signal: AbortSignal,
): Promise<Duplex> {
	const address = mappedAddress(route.hosts, target);
	const socket = await openStream(address, route, signal);
	if (!isSecure) return socket;
	if (!route.trust) {
		socket.destroy();
		const message = `https://${printHostPort(target)} needs trust (a CA, a pinned key or certificate); none is configured`;
		throw new TransportError("TRANSPORT_OPTIONS_INVALID", message);
	}
	return secure(socket, target, { ...route, trust: route.trust }, signal);
}

function openStream(address: HostPort, { proxy, connect }: Route, signal: AbortSignal): Promise<Duplex> {
	if (connect !== undefined) return connect(address, signal);
	return proxy === undefined ? connectTcp(address, signal) : openTunnel(proxy, address, signal);
}

const NO_CERTIFICATE = {} as tls.DetailedPeerCertificate;

function secure(
	socket: Duplex,
	target: HostPort,
	{ trust, alpn = ["http/1.1"], sessions, labKeyLog }: Route & { readonly trust: PreparedTrust },
	signal: AbortSignal,
): Promise<Duplex> {
	const session = sessions?.take(printHostPort(target));
	const where = `TLS with ${printHostPort(target)}`;
	return new Promise((resolve, reject) => {
		const secured = tls.connect({
			...trust.options,
			socket,
			host: target.host,
			...(net.isIP(target.host) === 0 ? { servername: target.host } : {}),
			...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
			...(session === undefined ? {} : { session }),
			checkServerIdentity: () => undefined,
		});
		// Node 24 (seen with 24.21) crashes in getPeerCertificate on any brainpool certificate, and calls it by itself
		// after a good handshake. Names are checked by `trust.check`, which reads the certificate another way.
		secured.getPeerCertificate = () => NO_CERTIFICATE;
		if (labKeyLog !== undefined) secured.on("keylog", (line) => labKeyLog(line.toString("latin1")));
		const keepSession = sessions?.watch(printHostPort(target), secured, session);
		const fail = (error: TransportError) => {
			settle();
			secured.on("error", () => undefined);
			secured.destroy();
			reject(error);
		};
		const onError = (error: Error) => fail(toTransportError(error, where));
		const onClose = () => fail(new TransportError("TRANSPORT_RESET", `${where}: closed during the handshake`));
		const onAbort = () => fail(abortError(signal, where));
		const onSecure = () => {
			try {
				// A resumed connection shows no certificate: who can resume it is whom the one before was trusted to be.
				if (session === undefined || !secured.isSessionReused()) trust.check(secured, target.host);
				keepSession?.();
				settle();
				resolve(secured);
			} catch (error) {
				fail(toTransportError(error, where));
			}
		};
		const settle = () => {
			secured.off("error", onError).off("close", onClose).off("secureConnect", onSecure);
			signal.removeEventListener("abort", onAbort);
		};
		secured.once("error", onError).once("close", onClose).once("secureConnect", onSecure);
		if (signal.aborted) onAbort();
		else signal.addEventListener("abort", onAbort, { once: true });
	});
}

/**
 * A tunnel by HTTP CONNECT. Written here and not taken from https-proxy-agent, because that hands a refusal of the proxy
 * on as if the server had answered, and cannot be abandoned while the proxy is silent.
 */
async function openTunnel(proxy: HostPort, address: HostPort, signal: AbortSignal): Promise<Socket> {
	const where = `proxy ${printHostPort(proxy)}`;
	const authority = printHostPort(address);
	const carrier = await connectTcp(proxy, signal);
	return new Promise((resolve, reject) => {
		const request = http.request({
			method: "CONNECT",
			path: authority,
			headers: { Host: authority },
			createConnection: () => carrier,
		});
		const settle = () => signal.removeEventListener("abort", onAbort);
		const fail = (error: TransportError) => {
			settle();
			request.on("error", () => undefined);
			carrier.destroy();
			reject(error);
		};
		const onAbort = () => fail(abortError(signal, where));
		const refuse = (response: http.IncomingMessage) => {
			const answer = `${response.statusCode} ${response.statusMessage}`;
			fail(
				new TransportError("TRANSPORT_PROXY_REFUSED", `${where} answered ${answer} to CONNECT ${authority}`, {
					context: { status: response.statusCode },
				}),
			);
		};
		request.once("error", (error) => fail(toTransportError(error, where)));
		request.once("response", refuse);
		request.once("connect", (response, socket: Socket, head: Buffer) => {
			if (response.statusCode !== 200) return refuse(response);
			settle();
			socket.removeAllListeners("error");
			if (head.length > 0) socket.unshift(head);
			resolve(socket);
		});
		signal.addEventListener("abort", onAbort, { once: true });
		request.end();
	});
}
