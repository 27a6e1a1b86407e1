/** UDP in memory behind a NAT and a bad link, on whatever clock the relay has: for DTLS of one process with itself. */

import type { DatagramNetwork, OnDatagram } from "@iot-esim/shared/transport/native/dtls/udp-socket";
import type { HostPort } from "@iot-esim/shared/transport/tcp";
import type { Relay } from "./relay.ts";

export const SERVER: HostPort = { host: "192.0.2.1", port: 5684 };
const DEVICE = "10.0.0.2";
const NAT = "198.51.100.7";

/** Devices on one side, one server on the other. */
export class RelayNetwork {
	readonly #relay: Relay;
	#atServer: OnDatagram | undefined;
	/** Sockets of devices by their own ports. */
	readonly #sockets = new Map<number, OnDatagram>();
	#lastPort = 1000;
	/** What the NAT adds to a port; another one after it has forgotten. */
	#shift = 10_000;

	constructor(relay: Relay) {
		this.#relay = relay;
	}

	/** Where the server opens its socket. */
	readonly server: DatagramNetwork = {
		open: async (_local, onDatagram) => {
			this.#atServer = onDatagram;
			return {
				address: SERVER,
				send: (datagram, to) => this.#toDevice(datagram.slice(), to.port),
				close: async () => {
					this.#atServer = undefined;
				},
			};
		},
		resolve: async (host) => host,
	};

	/** Where devices do. */
	readonly device: DatagramNetwork = {
		open: async (_local, onDatagram) => {
			const port = ++this.#lastPort;
			this.#sockets.set(port, onDatagram);
			return {
				address: { host: DEVICE, port },
				send: (datagram) => this.#toServer(datagram.slice(), port + this.#shift),
				close: async () => {
					this.#sockets.delete(port);
				},
			};
		},
		resolve: async () => SERVER.host,
	};

	/** The NAT forgets all devices: the server hears them from other ports, and reaches nobody at the old ones. */
	rebind(): void {
		this.#shift += 1000;
	}

	#toServer(datagram: Uint8Array, port: number): void {
		this.#relay.pass("toServer", datagram.length, () => this.#atServer?.(datagram.slice(), { host: NAT, port }));
	}

	#toDevice(datagram: Uint8Array, port: number): void {
		this.#relay.pass("toClient", datagram.length, () =>
			this.#sockets.get(port - this.#shift)?.(datagram.slice(), SERVER),
		);
	}
}
