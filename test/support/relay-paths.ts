/** A bad link between two ends of one process: datagram paths without sockets, on whatever clock the relay has. */

import type { DatagramPath, DatagramReceiver } from "@iot-esim/shared/transport/datagram";
import type { Relay, RelayDirection } from "./relay.ts";

export interface PathNetworkOptions {
	readonly relay: Relay;
	/** Told of every new address that the server hears from. */
	readonly onPath: (path: DatagramPath) => void;
	/** 1,152 octets when absent: what fits into the smallest MTU of IPv6 with DTLS. */
	readonly maxDatagram?: number;
	/** Sees every datagram that is sent, before the relay has it. */
	readonly seen?: (direction: RelayDirection, datagram: Uint8Array) => void;
}

const MAX_DATAGRAM = 1152;

/** One device behind a NAT, and one server. */
export class PathNetwork {
	readonly #options: PathNetworkOptions;
	#client: End | undefined;
	readonly #servers = new Map<number, End>();
	#port = 40_000;

	constructor(options: PathNetworkOptions) {
		this.#options = options;
	}

	/** The device's end, from a new port; an earlier one hears nothing any more. */
	connect(): DatagramPath {
		this.#client?.close();
		this.rebind();
		this.#client = new End("192.0.2.1:5684", this.#maxDatagram, (datagram) => this.#send("toServer", datagram));
		return this.#client;
	}

	/** The NAT forgets the device: it keeps its end, and the server hears it from another port. */
	rebind(): void {
		this.#port++;
	}

	get #maxDatagram(): number {
		return this.#options.maxDatagram ?? MAX_DATAGRAM;
	}

	#send(direction: RelayDirection, datagram: Uint8Array, port = this.#port): void {
		const { relay, seen } = this.#options;
		const copy = datagram.slice();
		const device = this.#client;
		seen?.(direction, copy);
		relay.pass(direction, copy.length, () => {
			if (direction === "toServer") this.#serverEnd(port).hear(copy);
			// To a port that the NAT has given away in the meantime: nobody is behind it.
			else if (port === this.#port) device?.hear(copy);
		});
	}

	/** Where the server hears this port of the NAT. */
	#serverEnd(port: number): End {
		const known = this.#servers.get(port);
		if (known !== undefined && !known.isClosed) return known;
		const end = new End(`198.51.100.7:${port}`, this.#maxDatagram, (datagram) => {
			this.#send("toClient", datagram, port);
		});
		this.#servers.set(port, end);
		this.#options.onPath(end);
		return end;
	}
}

/** One end: keeps what comes before somebody listens. */
class End implements DatagramPath {
	readonly remoteAddress: string;
	readonly maxDatagram: number;
	readonly proven = undefined;
	readonly #out: (datagram: Uint8Array) => void;
	#early: Uint8Array[] = [];
	#receiver: DatagramReceiver | undefined;
	isClosed = false;

	constructor(remoteAddress: string, maxDatagram: number, out: (datagram: Uint8Array) => void) {
		this.remoteAddress = remoteAddress;
		this.maxDatagram = maxDatagram;
		this.#out = out;
	}

	send(datagram: Uint8Array): void {
		if (datagram.length > this.maxDatagram) {
			throw new Error(`a datagram of ${datagram.length} octets on a path of ${this.maxDatagram}`);
		}
		if (!this.isClosed) this.#out(datagram);
	}

	receive(receiver: DatagramReceiver): void {
		this.#receiver = receiver;
		for (const datagram of this.#early.splice(0)) receiver.datagram(datagram);
	}

	hear(datagram: Uint8Array): void {
		if (this.isClosed) return;
		if (this.#receiver === undefined) this.#early.push(datagram.slice());
		else this.#receiver.datagram(datagram.slice());
	}

	close(): void {
		if (this.isClosed) return;
		this.isClosed = true;
		this.#receiver?.closed();
	}
}
