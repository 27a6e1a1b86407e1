import { createSocket, type Socket } from "node:dgram";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import { type HostPort, listenError, printHostPort } from "@iot-esim/shared/transport/tcp";
import { type Duration, Minutes } from "@iot-esim/shared/util/duration";
import type { DataPath } from "./data-path.ts";
import type { Bearer } from "./device.ts";

export interface DatagramRelayOptions {
	/** Port 0 takes a free one. */
	readonly address: HostPort;
	/** Where the datagrams go: a name that the network's data path knows. */
	readonly destination: HostPort;
	readonly path: Pick<DataPath, "expectAllowed" | "whereIs">;
	readonly clock: Clock;
	/** How long the network remembers where answers go; 5 minutes when absent. */
	readonly bindingLifetime?: Duration;
}

/** What a NAT remembers of one sender. */
interface Binding {
	readonly far: Socket;
	cancelEnd: () => void;
}

/**
 * The way of a device's datagrams to one server, with the NAT of a network in it: open while the modem is attached. Shut,
 * it takes datagrams and loses them, as radio does; after the next opening the device has another address.
 */
export class DatagramRelay implements Bearer {
	readonly #options: DatagramRelayOptions;
	readonly #bindings = new Map<string, Binding>();
	#near: Socket | undefined;
	#isOpen = false;
	/** Datagrams that came while there was no network. */
	lost = 0;

	constructor(options: DatagramRelayOptions) {
		this.#options = options;
	}

	/** @throws TransportError TRANSPORT_LISTEN_FAILED; NetworkError NETWORK_DESTINATION_REFUSED */
	async listen(): Promise<HostPort> {
		const { address, destination, path } = this.#options;
		path.expectAllowed(destination);
		const near = createSocket("udp4");
		await new Promise<void>((resolve, reject) => {
			near.once("error", (cause) => reject(listenError(address, cause)));
			near.bind(address.port, address.host, resolve);
		});
		near.on("error", () => undefined);
		near.on("message", (datagram, from) => this.#forward(datagram, { host: from.address, port: from.port }));
		this.#near = near;
		return { host: address.host, port: near.address().port };
	}

	async open(): Promise<void> {
		this.#isOpen = true;
	}

	/** Forgets where answers go, and gives the number of senders. */
	shut(): number {
		this.#isOpen = false;
		const broken = this.#bindings.size;
		for (const name of [...this.#bindings.keys()]) this.#end(name);
		return broken;
	}

	async close(): Promise<void> {
		this.shut();
		const near = this.#near;
		this.#near = undefined;
		await new Promise<void>((resolve) => (near === undefined ? resolve() : near.close(() => resolve())));
	}

	#forward(datagram: Uint8Array, from: HostPort): void {
		if (!this.#isOpen) {
			this.lost++;
			return;
		}
		const name = printHostPort(from);
		const { path, destination, clock, bindingLifetime = Minutes(5) } = this.#options;
		const binding = this.#bindings.get(name) ?? this.#bind(name, from);
		binding.cancelEnd();
		binding.cancelEnd = clock.schedule(bindingLifetime, () => this.#end(name));
		const to = path.whereIs(destination);
		binding.far.send(datagram, to.port, to.host, () => undefined);
	}

	#bind(name: string, from: HostPort): Binding {
		const far = createSocket("udp4");
		far.on("error", () => undefined);
		far.on("message", (answer) => this.#near?.send(answer, from.port, from.host, () => undefined));
		const binding: Binding = { far, cancelEnd: () => undefined };
		this.#bindings.set(name, binding);
		return binding;
	}

	#end(name: string): void {
		const binding = this.#bindings.get(name);
		this.#bindings.delete(name);
		binding?.cancelEnd();
		binding?.far.close();
	}
}

/** Several ways out of one device, open and shut together. */
export function bearersOf(...bearers: readonly Bearer[]): Bearer {
	return {
		open: async () => {
			await Promise.all(bearers.map((bearer) => bearer.open()));
		},
		shut: () => bearers.reduce((broken, bearer) => broken + bearer.shut(), 0),
	};
}
