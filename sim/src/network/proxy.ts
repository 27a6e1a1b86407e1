import http, { type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { resetSocket } from "@iot-esim/shared/transport/reset-socket";
import { type HostPort, listenError, parseHostPort } from "@iot-esim/shared/transport/tcp";
import type { DataPath } from "./data-path.ts";
import { NetworkError } from "./errors.ts";

export interface ProxyOptions {
	/** Port 0 takes a free one at the first opening and keeps it. */
	readonly address: HostPort;
	/** Where the tunnels lead. */
	readonly path: DataPath;
	readonly onTunnel?: (tunnel: { destination: string; refusal?: string }) => void;
}

interface Tunnel {
	readonly near: Duplex;
	far?: Socket;
	readonly giveUp: AbortController;
}

/**
 * An HTTP CONNECT proxy that stands for the device's bearer: open while the modem is attached. Shut, it does not listen,
 * and every connection through it was reset.
 */
export class ConnectProxy {
	readonly #options: ProxyOptions;
	readonly #tunnels = new Set<Tunnel>();
	readonly #sockets = new Set<Socket>();
	#server: http.Server | undefined;
	#port: number;

	constructor(options: ProxyOptions) {
		this.#options = options;
		this.#port = options.address.port;
	}

	get address(): HostPort {
		return { host: this.#options.address.host, port: this.#port };
	}

	get isOpen(): boolean {
		return this.#server !== undefined;
	}

	/** Finds out whether, and where, the proxy can listen, without staying open. @throws TransportError TRANSPORT_LISTEN_FAILED */
	async reserve(): Promise<HostPort> {
		await this.open();
		const server = this.#server;
		this.shut();
		if (server?.listening) await new Promise((resolve) => server.once("close", resolve));
		return this.address;
	}

	/** @throws TransportError TRANSPORT_LISTEN_FAILED */
	open(): Promise<void> {
		if (this.#server) return Promise.resolve();
		const server = http.createServer({ noDelay: true }, (_request, response) => {
			response.writeHead(405, { Allow: "CONNECT", "Content-Length": 0, Connection: "close" }).end();
		});
		this.#server = server;
		server.on("connection", (socket) => {
			this.#sockets.add(socket);
			socket.once("close", () => this.#sockets.delete(socket));
		});
		server.on("connect", (request, socket, head) => void this.#connect(request, socket, head));
		server.on("clientError", (_error, socket) => socket.destroy());
		return new Promise((resolve, reject) => {
			server.once("error", (cause) => {
				if (this.#server === server) this.#server = undefined;
				reject(listenError(this.address, cause));
			});
			server.listen({ host: this.#options.address.host, port: this.#port }, () => {
				this.#port = (server.address() as AddressInfo).port;
				resolve();
			});
		});
	}

	/** Stops listening at once and resets every connection; gives the number of tunnels that this broke. */
	shut(): number {
		const broken = this.#tunnels.size;
		this.#server?.close();
		this.#server = undefined;
		for (const tunnel of this.#tunnels) {
			tunnel.giveUp.abort();
			if (tunnel.far) resetSocket(tunnel.far);
		}
		this.#tunnels.clear();
		for (const socket of this.#sockets) resetSocket(socket);
		return broken;
	}

	async #connect(request: IncomingMessage, near: Duplex, head: Buffer): Promise<void> {
		const destination = request.url ?? "";
		const tunnel: Tunnel = { near, giveUp: new AbortController() };
		this.#tunnels.add(tunnel);
		const end = () => {
			this.#tunnels.delete(tunnel);
			tunnel.giveUp.abort();
			tunnel.far?.destroy();
		};
		near.on("error", end).on("close", end);
		try {
			const far = await this.#options.path.connect(parseHostPort(destination, "CONNECT"), tunnel.giveUp.signal);
			if (near.destroyed) return void far.destroy();
			tunnel.far = far;
			far.on("error", () => near.destroy()).on("close", () => near.destroy());
			near.write("HTTP/1.1 200 Connection Established\r\n\r\n");
			if (head.length > 0) far.write(head);
			near.pipe(far);
			far.pipe(near);
			this.#options.onTunnel?.({ destination });
		} catch (error) {
			const isForbidden = error instanceof NetworkError && error.code === "NETWORK_DESTINATION_REFUSED";
			this.#refuse(near, destination, isForbidden ? 403 : 502, error instanceof Error ? error.message : String(error));
		}
	}

	#refuse(near: Duplex, destination: string, status: 403 | 502, reason: string): void {
		if (near.destroyed) return;
		this.#options.onTunnel?.({ destination, refusal: reason });
		near.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
	}
}
