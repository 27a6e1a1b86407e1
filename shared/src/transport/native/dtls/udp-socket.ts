import dgram from "node:dgram";
import { lookup } from "node:dns/promises";
import { toTransportError } from "../../errors.ts";
import { type HostPort, listenError, printHostPort } from "../../tcp.ts";

/** A bound socket for datagrams; a test may give one that is a network in memory. */
export interface DatagramSocket {
	readonly address: HostPort;
	/** What cannot be sent is lost, as on the way. */
	send(datagram: Uint8Array, to: HostPort): void;
	close(): Promise<void>;
}

export type OnDatagram = (datagram: Uint8Array, from: HostPort) => void;

/** Opens sockets and finds the addresses of names. */
export interface DatagramNetwork {
	/** @throws TransportError TRANSPORT_LISTEN_FAILED */
	open(local: HostPort, onDatagram: OnDatagram): Promise<DatagramSocket>;
	/** @throws TransportError TRANSPORT_NAME_UNKNOWN */
	resolve(host: string): Promise<string>;
}

/** UDP of this machine. */
export const udpNetwork: DatagramNetwork = {
	async open(local, onDatagram) {
		const socket = dgram.createSocket(local.host.includes(":") ? "udp6" : "udp4");
		socket.on("message", (datagram, from) => onDatagram(datagram, { host: from.address, port: from.port }));
		await new Promise<void>((resolve, reject) => {
			socket.once("error", (cause) => reject(listenError(local, cause)));
			socket.bind({ address: local.host, port: local.port, exclusive: true }, resolve);
		}).catch((error) => {
			socket.close();
			throw error;
		});
		socket.removeAllListeners("error");
		socket.on("error", () => undefined);
		const sending = new Set<Promise<void>>();
		return {
			address: { host: local.host, port: socket.address().port },
			send: (datagram, to) => {
				const sent = new Promise<void>((done) => socket.send(datagram, to.port, to.host, () => done()));
				sending.add(sent);
				void sent.then(() => sending.delete(sent));
			},
			// What was sent before goes out: the last datagram tells the peer that this is the end.
			close: async () => {
				await Promise.all(sending);
				await new Promise<void>((done) => socket.close(done));
			},
		};
	},
	async resolve(host) {
		try {
			return (await lookup(host)).address;
		} catch (cause) {
			throw toTransportError(cause, `find ${host}`);
		}
	},
};

/** The name of a peer in tables and logs. */
export function addressKey(address: HostPort): string {
	return printHostPort(address);
}
