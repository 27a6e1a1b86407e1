/** Plain UDP behind the contract of `datagram.ts`: nobody proves anything, so it is for tests and lab mode only. */

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Clock } from "../../runtime/clock.ts";
import { type Duration, Minutes } from "../../util/duration.ts";
import type { DatagramPath, DatagramReceiver, DatagramServer } from "../datagram.ts";
import { TransportError, toTransportError } from "../errors.ts";
import { type HostPort, listenError, printHostPort } from "../tcp.ts";

/** What goes through nearly every network in one piece, with the headers of IPv6 and UDP. */
const MAX_DATAGRAM = 1232;

/** Datagrams kept for a receiver that is not there yet. */
const MAX_EARLY = 16;

export interface UdpListenOptions extends HostPort {
	readonly clock: Clock;
	/** Peers that are remembered at once; whoever was not heard for longest is forgotten. */
	readonly maxPaths?: number;
	/** A peer that was not heard for so long is forgotten. */
	readonly idleTimeout?: Duration;
}

/** @throws TransportError TRANSPORT_LISTEN_FAILED */
export async function listenUdp(
	{ host, port, clock, maxPaths = 10_000, idleTimeout = Minutes(5) }: UdpListenOptions,
	onPath: (path: DatagramPath) => void,
): Promise<DatagramServer> {
	const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
	await new Promise<void>((resolve, reject) => {
		socket.once("error", (cause) => reject(listenError({ host, port }, cause)));
		socket.bind(port, host, resolve);
	});
	const paths = new Map<string, UdpPath>();
	const forget = (path: UdpPath) => paths.delete(path.remoteAddress);
	socket.on("message", (octets, from) => {
		const name = printHostPort({ host: from.address, port: from.port });
		const known = paths.get(name);
		if (known !== undefined) {
			paths.delete(name);
			paths.set(name, known);
			return known.receives(octets);
		}
		for (const path of paths.values()) {
			const isOld = clock.now() - path.lastHeard > idleTimeout;
			if (!isOld && paths.size < maxPaths) break;
			path.close();
		}
		const path = new UdpPath(socket, from, clock, forget);
		paths.set(name, path);
		onPath(path);
		path.receives(octets);
	});
	socket.on("error", () => undefined);
	return {
		host,
		port: socket.address().port,
		close: () =>
			new Promise((resolve) => {
				for (const path of [...paths.values()]) path.close();
				socket.close(() => resolve());
			}),
	};
}

/** @throws TransportError TRANSPORT_NAME_UNKNOWN, TRANSPORT_UNREACHABLE */
export async function connectUdp({ host, port, clock }: HostPort & { readonly clock: Clock }): Promise<DatagramPath> {
	const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
	await new Promise<void>((resolve, reject) => {
		socket.once("error", (cause) => reject(toTransportError(cause, printHostPort({ host, port }))));
		socket.connect(port, host, resolve);
	}).catch((error) => {
		socket.close();
		throw error;
	});
	const path = new UdpPath(socket, undefined, clock, () => socket.close(), printHostPort({ host, port }));
	socket.removeAllListeners("error");
	socket.on("message", (octets) => path.receives(octets));
	socket.on("error", (error) => path.fails(toTransportError(error, path.remoteAddress)));
	return path;
}

class UdpPath implements DatagramPath {
	readonly #socket: Socket;
	readonly #to: RemoteInfo | undefined;
	readonly #clock: Clock;
	readonly #onClose: (path: UdpPath) => void;
	readonly remoteAddress: string;
	readonly proven = undefined;
	readonly maxDatagram = MAX_DATAGRAM;
	lastHeard: number;
	#receiver: DatagramReceiver | undefined;
	#early: Uint8Array[] = [];
	#isClosed = false;

	/** @param to absent for a socket that is connected to its one peer */
	constructor(
		socket: Socket,
		to: RemoteInfo | undefined,
		clock: Clock,
		onClose: (path: UdpPath) => void,
		name = to === undefined ? "" : printHostPort({ host: to.address, port: to.port }),
	) {
		this.#socket = socket;
		this.#to = to;
		this.#clock = clock;
		this.#onClose = onClose;
		this.remoteAddress = name;
		this.lastHeard = clock.now();
	}

	send(datagram: Uint8Array): void {
		if (this.#isClosed) return;
		if (datagram.length > MAX_DATAGRAM) {
			const message = `a datagram of ${datagram.length} octets, at most ${MAX_DATAGRAM} go out in one piece`;
			throw new TransportError("TRANSPORT_OPTIONS_INVALID", message);
		}
		const lost = () => undefined;
		if (this.#to === undefined) this.#socket.send(datagram, lost);
		else this.#socket.send(datagram, this.#to.port, this.#to.address, lost);
	}

	receive(receiver: DatagramReceiver): void {
		this.#receiver = receiver;
		for (const octets of this.#early.splice(0)) receiver.datagram(octets);
	}

	receives(octets: Uint8Array): void {
		if (this.#isClosed) return;
		this.lastHeard = this.#clock.now();
		const plain = new Uint8Array(octets.buffer, octets.byteOffset, octets.length);
		if (this.#receiver !== undefined) this.#receiver.datagram(plain);
		else if (this.#early.length < MAX_EARLY) this.#early.push(plain);
	}

	/** The network says that nobody is there; that may change, but what is under way need not wait. */
	fails(cause: TransportError): void {
		this.#end(cause);
	}

	close(): void {
		this.#end();
	}

	#end(cause?: Error): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#onClose(this);
		this.#receiver?.closed(cause);
	}
}
