/** A relay on sockets of this machine, in front of a server: what passes goes through a gate, and into a capture. */

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createConnection, createServer, type Socket } from "node:net";
import { type CapturedPacket, writePcap } from "./capture.ts";

/** Whom a datagram is for: the eIM, or the device. */
type Direction = "toServer" | "toClient";

/** What a datagram goes through on its way: `Relay` of test/support, say. */
export interface Gate {
	pass(direction: Direction, octets: number, deliver: () => void): void;
}

const HOST = "127.0.0.1";
/** Under these addresses the two sides stand in the capture, wherever they are. */
const [DEVICE, SERVER] = ["192.0.2.10", "192.0.2.1"];

export interface SocketRelay {
	/** Where the device sends to. */
	readonly port: number;
	/** As a pcap file: everything since the last call. */
	takeCapture(): Uint8Array;
	/** The server hears the device from other ports from now on, and what it sends to the old ones is lost. */
	rebind(): Promise<void>;
	close(): Promise<void>;
}

/** What passed, as it came from the device and as it went to the device: a capture at the device's interface. */
class Recorder {
	#packets: CapturedPacket[] = [];
	readonly #protocol: "udp" | "tcp";
	readonly #serverPort: number;

	constructor(protocol: "udp" | "tcp", serverPort: number) {
		this.#protocol = protocol;
		this.#serverPort = serverPort;
	}

	note(direction: Direction, devicePort: number, payload: Uint8Array, isOpening = false): void {
		const [device, server] = [`${DEVICE}:${devicePort}`, `${SERVER}:${this.#serverPort}`];
		const isUp = direction === "toServer";
		this.#packets.push({
			at: Date.now(),
			protocol: this.#protocol,
			source: isUp ? device : server,
			destination: isUp ? server : device,
			payload: payload.slice(),
			isOpening,
		});
	}

	take(): Uint8Array {
		return writePcap(this.#packets.splice(0));
	}
}

/** In front of a UDP server. Without a gate everything passes at once. */
export async function udpRelay(serverPort: number, gate?: Gate): Promise<SocketRelay> {
	const front = createSocket("udp4");
	const ways = new Map<number, Promise<UdpSocket>>();
	const recorder = new Recorder("udp", serverPort);
	const pass = (direction: Direction, datagram: Uint8Array, deliver: () => void) =>
		gate === undefined ? deliver() : gate.pass(direction, datagram.length, deliver);
	let isClosed = false;
	const open = async (devicePort: number) => {
		const way = createSocket("udp4");
		way.on("error", () => undefined);
		way.on("message", (datagram) => {
			pass("toClient", datagram, () => {
				if (isClosed || (way as { isGone?: boolean }).isGone) return;
				recorder.note("toClient", devicePort, datagram);
				front.send(datagram, devicePort, HOST);
			});
		});
		await new Promise<void>((resolve) => way.bind(0, HOST, resolve));
		return way;
	};
	front.on("message", (datagram, { port }) => {
		const way = ways.get(port) ?? open(port);
		ways.set(port, way);
		recorder.note("toServer", port, datagram);
		pass("toServer", datagram, async () => {
			const socket = await (ways.get(port) ?? way);
			if (!isClosed) socket.send(datagram, serverPort, HOST);
		});
	});
	await new Promise<void>((resolve) => front.bind(0, HOST, resolve));
	const drop = async () => {
		const gone = await Promise.all([...ways.values()]);
		ways.clear();
		for (const socket of gone) Object.assign(socket, { isGone: true }).close();
	};
	return {
		port: front.address().port,
		takeCapture: () => recorder.take(),
		rebind: drop,
		close: async () => {
			isClosed = true;
			await drop();
			await new Promise<void>((resolve) => front.close(resolve));
		},
	};
}

/** In front of a TCP server: the capture is of what the streams carry. */
export async function tcpCapture(serverPort: number): Promise<SocketRelay> {
	const recorder = new Recorder("tcp", serverPort);
	const open = new Set<Socket>();
	const server = createServer({ noDelay: true, allowHalfOpen: true }, (device) => {
		const devicePort = device.remotePort ?? 0;
		const way = createConnection({ port: serverPort, host: HOST, noDelay: true, allowHalfOpen: true });
		recorder.note("toServer", devicePort, new Uint8Array(0), true);
		recorder.note("toClient", devicePort, new Uint8Array(0));
		carry(device, way, (piece) => recorder.note("toServer", devicePort, piece));
		carry(way, device, (piece) => recorder.note("toClient", devicePort, piece));
		for (const socket of [device, way]) {
			open.add(socket);
			socket.once("close", () => open.delete(socket));
		}
	});
	await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
	const drop = async () => {
		for (const socket of open) socket.destroy();
		// Until both ends have heard of it.
		await new Promise((resolve) => setTimeout(resolve, 20));
	};
	return {
		port: (server.address() as { port: number }).port,
		takeCapture: () => recorder.take(),
		// TCP does not survive it.
		rebind: drop,
		close: async () => {
			await drop();
			await new Promise<void>((resolve) => server.close(() => resolve()));
		},
	};
}

function carry(from: Socket, to: Socket, seen: (piece: Uint8Array) => void): void {
	from.on("data", (piece: Uint8Array) => {
		seen(piece);
		to.write(piece);
	});
	from.on("end", () => to.end());
	from.on("error", () => to.destroy());
	from.on("close", () => to.destroyed || to.end());
}
